// The global `console`: its functions, and how Rust reads what they are given.
//
// Every VM holds this code and what it keeps, twice, so there is little of it. All that the console does is written in
// Rust (`src/console`), which holds no value of the script's: it asks for one property, one builtin's answer, one
// comparison after another, and is told primitives; other values wait in numbered slots, in `store`.
//
// Scripts may patch every builtin and log hostile values, so
// - whatever is needed later is kept here, and `exec` looks no method up, iterates nothing and has no template literal
//   (an engine may make that a call of `concat`);
// - own objects and descriptors have no prototype, and nothing is read from a list beyond its length;
// - no getter and no `toString` is called: of a script's code only a Proxy's traps run, and what `%j` asks for.
//
// A name that no builtin has takes 50 bytes, a builtin that is kept 150, a variable that functions share 60, a function
// 300: hence names like `use`, and tables in place of functions.
const { apply, getPrototypeOf, ownKeys, setPrototypeOf } = Reflect, { getOwnPropertyDescriptor } = own;
const getter = (object, name) => getOwnPropertyDescriptor(object, name)?.get;
const nextOf = (iterator) => getPrototypeOf(iterator).next;
const typedArray = getPrototypeOf(Uint8Array).prototype;
const regExp = RegExp.prototype;
const { isArray } = Array;

// What Rust asks for by number, in the order of `Prototype`, `Key` and `Builtin` in `reader.rs`.
const table = [
    Error.prototype, Map.prototype, Set.prototype, Date.prototype, regExp, typedArray, ArrayBuffer.prototype,
    Number.prototype, String.prototype, Boolean.prototype, Symbol.prototype, BigInt.prototype, Function.prototype,
    Promise.prototype, TypeError.prototype, RangeError.prototype, ReferenceError.prototype, SyntaxError.prototype,
    Array.prototype, Object.prototype,

    Symbol.toStringTag, 'constructor', 'prototype', 'name', 'message', 'stack', 'length', 'depth', 'value',

    getter(Error.prototype, 'stack') ?? isArray, getter(Map.prototype, 'size'), getter(Set.prototype, 'size'),
    Date.prototype.getTime, getter(regExp, 'source'), getter(typedArray, 'length'),
    getter(ArrayBuffer.prototype, 'byteLength'), Number.prototype.valueOf, String.prototype.valueOf,
    Boolean.prototype.valueOf, Symbol.prototype.valueOf, BigInt.prototype.valueOf,
    getter(regExp, 'hasIndices'), getter(regExp, 'global'), getter(regExp, 'ignoreCase'), getter(regExp, 'multiline'),
    getter(regExp, 'dotAll'), getter(regExp, 'unicode'), getter(regExp, 'unicodeSets'), getter(regExp, 'sticky'),
    Map.prototype.entries, Set.prototype.values, nextOf(new Map().entries()), nextOf(new Set().values()),
    Function.prototype.toString, getPrototypeOf, isArray, Number, parseInt, parseFloat,
];

const use = {
    __proto__: null, apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, setPrototypeOf, String, Error,
    slice: String.prototype.slice, stringify: JSON.stringify, captureStackTrace: Error.captureStackTrace ?? isArray,
    get: getter(Error, 'prepareStackTrace') ?? isArray,
    set: getOwnPropertyDescriptor(Error, 'prepareStackTrace')?.set ?? isArray,
    next: native.console, depth: 0,
};

// Answers Rust's questions until the line is written. The first answer is the call itself.
const exec = (target, ...values) => {
    if (target === 6 && values.length > 0 && values[0]) return; // An `assert` that holds.
    const user = use.apply(use.get, use.Error, []), store = { __proto__: null, 0: values };
    let type = 'call', raw = '', number = values.length, flags = target, name;
    use.depth += 1;
    try {
        use.apply(use.set, use.Error, [undefined]); // It would see the frames of this file.
        for (;;) {
            const next = use.next(use.depth, type, raw, number, flags, name);
            if (next < 0) return;
            const kind = next & 15, from = next >> 13 & 511, index = next / 4194304 >>> 0;
            let value = store[from], link;
            raw = '';
            flags = 0;
            try {
                switch (kind) {
                    case 0: value = use.apply(table[index], value, [value]); break;
                    case 1: value = value[index]; break;
                    case 2: {
                        const from = index & 511;
                        for (name = index >> 9; name >= from && store[name] !== value; name -= 8);
                        value = name >= from;
                        break;
                    }
                    case 3:
                        value = use.ownKeys(value);
                        number = value.length;
                        break;
                    case 4:
                        number = index >> 14;
                        flags = index & 16383;
                        value = '' + use.stringify(value, (key, value) => {
                            number -= key.length + (typeof value === 'string' ? value.length : 4);
                            if ((flags -= 1) < 0 || number <= 0) throw undefined;
                            return value;
                        });
                        break;
                    case 5:
                        value = { __proto__: null };
                        use.captureStackTrace(value, exec);
                        break;
                    case 6: // Also the property that comes next.
                        link = use.getPrototypeOf(value);
                        for (name = 19; name >= 0 && table[name] !== value; name -= 1);
                    default: {
                        const key = kind === 7 ? index : kind === 8 ? store[from + 2][index] : table[index];
                        const found = use.getOwnPropertyDescriptor(value, key);
                        if (kind === 8) name = typeof key !== 'string' || key.length > 10_000 ? undefined : key;
                        value = undefined;
                        flags = 16;
                        if (found !== undefined) {
                            use.setPrototypeOf(found, null);
                            flags = found.enumerable | found.writable << 1 | !!found.get << 2 | !!found.set << 3;
                            value = found.value;
                        }
                        if (link === null) flags |= 32;
                    }
                }
                store[next >> 4 & 511] = kind === 6 ? link : value;
                type = typeof value;
                if (value === null || (type !== 'object' && type !== 'function')) {
                    // A long integer takes long.
                    raw = type === 'bigint' && (value < 0 ? -value : value) >> 4096n ? '[BigInt]' : use.String(value);
                    if (kind !== 4) number = type === 'number' ? value : raw.length;
                    if (raw.length > 65_537) raw = use.apply(use.slice, raw, [0, 65_537]);
                }
            } catch { type = 'error'; }
        }
    } catch {
        try { use.next(0, 'end', '', 0, target); } catch { /* The stack is used up. */ }
    } finally {
        use.depth -= 1;
        use.apply(use.set, use.Error, [user]);
    }
};

const { defineProperty, freeze } = Object;
const names = [
    'log', 'info', 'debug', 'warn', 'error', 'trace', 'assert', 'dir', 'table', 'count', 'countReset',
    'group', 'groupCollapsed', 'groupEnd', 'time', 'timeLog', 'timeEnd',
];
const console = {};
for (let at = 0; at < names.length; at += 1) {
    console[names[at]] = defineProperty(exec.bind(undefined, at), 'name', { value: names[at] });
}
defineProperty(console.assert, 'length', { value: 1 });
console[Symbol.toStringTag] = 'console';
freeze(console);
defineProperty(global, 'console', { value: console, writable: true, enumerable: false, configurable: true });
