// What the other lazy scripts share.
const {
    apply, brand, concat, iterator, toStringTag, defineProperty, viewBuffer, viewOffset, viewLength,
    global: { TypeError, Uint8Array },
} = own;

// A value as `String` has it, but that symbols are refused.
const text = (value) => apply(concat, '', [value]);
const isObject = (value) => typeof value === 'object' ? value !== null : typeof value === 'function';
// Refuses calls with fewer arguments.
const needs = (given, count, what) => {
    if (given < count) throw new TypeError(what + ' needs ' + count + (count === 1 ? ' argument' : ' arguments'));
};
// An optional dictionary.
const options = (value) => {
    if (value === undefined || value === null) return { __proto__: null };
    if (!isObject(value)) throw new TypeError('the options are no object');
    return value;
};
const tag = (constructor, value) => {
    defineProperty(constructor.prototype, toStringTag, { __proto__: null, value, configurable: true });
};
// Adds to the end of an array, whatever setters its prototypes have.
const append = (array, value) => {
    const plain = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
    defineProperty(array, array.length, plain);
};
// Takes a step with each value of a list. Arrays are not asked for an iterator, so that no script can give them another
// one; what is one is not closed, as the standards have it.
const each = (list, step) => {
    if (!isObject(list)) throw new TypeError('the value is no list');
    if (brand(list) === 'Array') {
        for (let at = 0; at < list.length; at += 1) step(list[at]);
        return;
    }
    const from = list[iterator];
    if (typeof from !== 'function') throw new TypeError('the value is no list');
    const values = apply(from, list, []), { next } = values;
    for (;;) {
        const found = apply(next, values, []);
        if (!isObject(found)) throw new TypeError('the iterator gives no object');
        if (found.done) return;
        step(found.value);
    }
};
// The values of a list, by their index.
const sequence = (list) => {
    const values = { __proto__: null, length: 0 };
    each(list, (value) => { values[values.length++] = value; });
    return values;
};
// The bytes of a buffer or a view, as natives take them. They are still the script's.
const bytes = (value) => {
    switch (brand(value)) {
        case 'ArrayBuffer': return value;
        case 'TypedArray': return value;
        case 'DataView': {
            const from = apply(viewOffset, value, []), count = apply(viewLength, value, []);
            return new Uint8Array(apply(viewBuffer, value, []), from, count);
        }
    }
    throw new TypeError('the value is no ArrayBuffer and no view of one');
};

return { __proto__: null, text, isObject, needs, options, tag, append, each, sequence, bytes };
