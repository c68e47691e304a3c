interface Headers {
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void, target?: any): void;
  entries(): Generator<[string, string], void, undefined>;
  keys(): Generator<string, void, undefined>;
  values(): Generator<string, void, undefined>;
  [Symbol.iterator](): Generator<[string, string], void, undefined>;
}
declare var Headers: {
  prototype: Headers;
  new (init?: Iterable<readonly [string, string]> | Record<string, string>): Headers;
};
