// The names under which scripts and libraries look for the global object, besides `globalThis`.
Reflect.defineProperty(global, 'self', { value: global, writable: true, enumerable: true, configurable: true });
