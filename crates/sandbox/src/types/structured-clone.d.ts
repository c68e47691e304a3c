declare function structuredClone<T>(value: T, options?: { transfer?: Iterable<ArrayBuffer> }): T;
