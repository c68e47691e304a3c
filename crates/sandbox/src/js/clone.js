// structuredClone: https://html.spec.whatwg.org/multipage/structured-data.html#structuredserializeinternal
const {
    apply, brand, defineProperty, getOwnPropertyDescriptor, ownKeys, getTime, transfer, kind, buffer, byteOffset,
    length, valueOf, viewBuffer, viewOffset, viewLength, mapGet, mapSet, mapEach, setAdd, setEach, global: builtin,
} = own;
const { BigInt, Boolean, DOMException, DataView, Date, Map, Number, Object, RegExp, Set, String, Uint8Array } = builtin;
const ERRORS = {
    __proto__: null,
    Error: 1, EvalError: 1, RangeError: 1, ReferenceError: 1, SyntaxError: 1, TypeError: 1, URIError: 1,
};
const WRAPPED = [Boolean, Number, String, BigInt];

const refuse = (what) => new DOMException(what + ' could not be cloned', 'DataCloneError');
const define = (object, key, value, enumerable) => {
    defineProperty(object, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
};

const clone = (value, known) => {
    if (typeof value === 'symbol') throw refuse('a symbol');
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value;
    const was = apply(mapGet, known, [value]);
    if (was !== undefined) return was;
    const is = brand(value), keep = (made) => {
        apply(mapSet, known, [value, made]);
        return made;
    };
    switch (is) {
        case 'Object': return members(value, keep({}), known);
        case 'Array': {
            const made = keep([]);
            made.length = value.length;
            return members(value, made, known);
        }
        case 'Map': {
            const made = keep(new Map()), pairs = { __proto__: null };
            let count = 0;
            apply(mapEach, value, [(inner, key) => { pairs[count++] = key; pairs[count++] = inner; }]);
            for (let at = 0; at < count; at += 2) {
                apply(mapSet, made, [clone(pairs[at], known), clone(pairs[at + 1], known)]);
            }
            return made;
        }
        case 'Set': {
            const made = keep(new Set()), values = { __proto__: null };
            let count = 0;
            apply(setEach, value, [(inner) => { values[count++] = inner; }]);
            for (let at = 0; at < count; at += 1) apply(setAdd, made, [clone(values[at], known)]);
            return made;
        }
        case 'Date': return keep(new Date(apply(getTime, value, [])));
        case 'RegExp': {
            const made = keep(new RegExp(value));
            made.lastIndex = 0;
            return made;
        }
        case 'Error': return error(value, keep, known);
        case 'ArrayBuffer': return keep(bytes(value));
        case 'TypedArray': {
            const of = apply(kind, value, []), from = apply(byteOffset, value, []), count = apply(length, value, []);
            return keep(new builtin[of](clone(apply(buffer, value, []), known), from, count));
        }
        case 'DataView': {
            const from = apply(viewOffset, value, []), count = apply(viewLength, value, []);
            return keep(new DataView(clone(apply(viewBuffer, value, []), known), from, count));
        }
        case 'Function': throw refuse('a function');
        case 'Proxy': throw refuse('a Proxy');
    }
    for (let at = 0; at < 4; at += 1) {
        let inner;
        try { inner = apply(valueOf[at], value, []); } catch { continue; }
        return keep(at === 3 ? Object(inner) : new WRAPPED[at](inner));
    }
    throw refuse('the object');
};

const members = (value, made, known) => {
    const keys = ownKeys(value);
    for (let at = 0; at < keys.length; at += 1) {
        const key = keys[at];
        if (typeof key !== 'string') continue;
        if (getOwnPropertyDescriptor(value, key)?.enumerable) define(made, key, clone(value[key], known), true);
    }
    return made;
};

const error = (value, keep, known) => {
    const name = value.name, message = getOwnPropertyDescriptor(value, 'message');
    const stack = getOwnPropertyDescriptor(value, 'stack'), cause = getOwnPropertyDescriptor(value, 'cause');
    const made = keep(new builtin[typeof name === 'string' && ERRORS[name] ? name : 'Error']());
    if (message !== undefined && 'value' in message) define(made, 'message', '' + message.value, false);
    if (typeof stack?.value === 'string') define(made, 'stack', stack.value, false);
    if (cause !== undefined && 'value' in cause) define(made, 'cause', clone(cause.value, known), false);
    return made;
};

// A buffer's bytes in one of its own. No `slice`: that asks the buffer for a constructor.
const bytes = (value) => {
    let all;
    try { all = new Uint8Array(value); } catch { throw refuse('a detached ArrayBuffer'); }
    return apply(buffer, new Uint8Array(all), []);
};

return [
    {
        structuredClone(value, options = undefined) {
            if (arguments.length === 0) throw new builtin.TypeError('structuredClone needs a value');
            const known = new Map(), list = options?.transfer, moved = { __proto__: null };
            let count = 0;
            if (list !== undefined && list !== null) {
                const values = own.load('common').sequence(list);
                for (; count < values.length; count += 1) {
                    const one = moved[count] = values[count];
                    if (brand(one) !== 'ArrayBuffer') throw refuse('a value that cannot be transferred');
                    if (apply(mapGet, known, [one]) !== undefined) throw refuse('an ArrayBuffer that is there twice');
                    apply(mapSet, known, [one, bytes(one)]);
                }
            }
            const made = clone(value, known);
            for (let at = 0; at < count; at += 1) apply(transfer, moved[at], []);
            return made;
        },
    }.structuredClone,
];
