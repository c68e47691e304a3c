declare function setTimeout<T extends any[]>(callback: (...values: T) => void, ms?: number, ...values: T): number;
declare function setInterval<T extends any[]>(callback: (...values: T) => void, ms?: number, ...values: T): number;
declare function clearTimeout(id?: number): void;
declare function clearInterval(id?: number): void;
