// Bounds on builtins that never poll, for where nothing can interrupt them: each takes at most about a second.
//
// What is called here is a function of bytecode, so that builtins which call each other poll in between.
const { defineProperty, getOwnPropertyDescriptor, getPrototypeOf } = Object;
const { apply } = Reflect;
const { isArray } = Array;
const { asIntN } = BigInt;
const TooLarge = RangeError;

/** Elements, holes and characters that one call may walk over. */
const LENGTH_MAX = 1 << 22;
/** Elements that one call may sort without a function. */
const SORTED_MAX = 1 << 20;
/** Characters that one search may compare. */
const COMPARED_MAX = 1 << 30;
/** Bits of a number that may be written down. */
const BITS_MAX = 1 << 18;

const refuse = (name, what, max) => {
    throw new TooLarge(`${name}: ${what}; here, where builtins cannot be interrupted, ${max} is the most`);
};
const bound = (name, length) => {
    if (length > LENGTH_MAX) refuse(name, `a length of ${length}`, LENGTH_MAX);
};
/** Puts `check` before builtins. It may change the arguments, and what it returns, if anything, is `this`. */
const put = (holder, keys, check) => {
    for (let at = 0; at < keys.length; at++) {
        const key = keys[at];
        const descriptor = getOwnPropertyDescriptor(holder, key);
        if (!descriptor) continue;
        const builtin = descriptor.value;
        const name = builtin.name;
        const { bounded } = {
            bounded(...values) {
                const self = check(name, this, values);
                return apply(builtin, self === undefined ? this : self, values);
            },
        };
        for (const own of ['name', 'length']) defineProperty(bounded, own, getOwnPropertyDescriptor(builtin, own));
        defineProperty(holder, key, { ...descriptor, value: bounded });
    }
};

const lengthOf = value => (value === null || value === undefined ? 0 : +value.length);
const checkLength = (name, self) => bound(name, lengthOf(self));

put(Array.prototype, [
    'at', 'copyWithin', 'entries', 'every', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'flatMap',
    'forEach', 'includes', 'indexOf', 'join', 'keys', 'lastIndexOf', 'map', 'reduce', 'reduceRight', 'reverse', 'shift',
    'slice', 'some', 'sort', 'splice', 'toReversed', 'toSorted', 'toSpliced', 'unshift', 'values', 'with',
], checkLength);
defineProperty(Array.prototype, Symbol.iterator, {
    ...getOwnPropertyDescriptor(Array.prototype, Symbol.iterator),
    value: Array.prototype.values,
});
put(Array.prototype, ['concat'], (name, self, values) => {
    let length = lengthOf(self);
    for (let at = 0; at < values.length; at++) {
        const value = values[at];
        if (typeof value !== 'object' || value === null) continue;
        if (isArray(value) || value[Symbol.isConcatSpreadable]) length += lengthOf(value);
    }
    bound(name, length);
});
put(Array.prototype, ['flat'], (name, self, values) => {
    let walked = 0;
    const walk = (array, depth) => {
        walked += lengthOf(array);
        bound(name, walked);
        if (depth < 1) return;
        for (let at = 0; at < array.length; at++) if (isArray(array[at])) walk(array[at], depth - 1);
    };
    walk(self, values[0] === undefined ? 1 : +values[0]);
});
put(getPrototypeOf(Int8Array.prototype), ['sort', 'toSorted'], (name, self, values) => {
    const length = lengthOf(self);
    if (values[0] === undefined && length > SORTED_MAX) refuse(name, `a length of ${length}`, SORTED_MAX);
});

put(String, ['raw'], (name, _, values) => bound(name, lengthOf(values[0]?.raw)));
put(String.prototype, [
    'localeCompare', 'normalize', 'toLocaleLowerCase', 'toLocaleUpperCase', 'toLowerCase', 'toUpperCase',
], (name, self) => {
    if (self === null || self === undefined) return;
    const text = `${self}`;
    bound(name, text.length);
    return text;
});
/** Of a search: its texts are made once, and are what is searched for. */
const checkSearch = delegate => (name, self, values) => {
    if (self === null || self === undefined) return;
    const wanted = values[0];
    if (typeof wanted === 'object' && wanted !== null && wanted[delegate] !== undefined) return;
    const text = `${self}`;
    const part = (values[0] = `${wanted}`);
    if (text.length * part.length > COMPARED_MAX) {
        refuse(name, `${part.length} characters in ${text.length}`, `a product of ${COMPARED_MAX}`);
    }
    return text;
};
put(String.prototype, ['indexOf', 'lastIndexOf'], checkSearch(Symbol()));
put(String.prototype, ['includes'], checkSearch(Symbol.match));
put(String.prototype, ['replace', 'replaceAll'], checkSearch(Symbol.replace));
put(String.prototype, ['split'], (name, self, values) =>
    values[0] === undefined ? undefined : checkSearch(Symbol.split)(name, self, values));

put(BigInt.prototype, ['toLocaleString', 'toString'], (name, self) => {
    if (typeof self === 'bigint' && asIntN(BITS_MAX, self) !== self) refuse(name, 'a number of many bits', BITS_MAX);
});

const itself = (key, value) => value;
put(JSON, ['stringify'], (name, self, values) => {
    if (typeof values[1] !== 'function' && !isArray(values[1])) values[1] = itself;
});
