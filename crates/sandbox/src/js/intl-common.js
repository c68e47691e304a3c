// What the scripts of Intl share: locales, options, and objects that hold what they have settled.
const { apply, defineProperty, getOwnPropertyDescriptor, indexOf, ownKeys, slice, toStringTag } = own;
const { Object, RangeError, TypeError } = own.global;
const { text, isObject, append } = own.load('common');

// How long a list is.
const size = (list) => {
    const length = +list.length;
    return length > 0 ? length - (length % 1 || 0) : 0;
};
// Canonical tags of a locale or a list of them, a line each.
const locales = (given) => {
    if (given === undefined) return '';
    if (given === null) throw new TypeError('null is no list of locales');
    const list = typeof given === 'string' ? { __proto__: null, 0: given, length: 1 } : Object(given);
    let tags = '';
    for (let at = 0, count = size(list); at < count; at += 1) {
        if (!(at in list)) continue;
        const tag = list[at];
        if (typeof tag !== 'string' && !isObject(tag)) throw new TypeError('a locale is a text');
        const line = text(tag);
        if (apply(indexOf, line, ['\n']) >= 0) throw new RangeError('a line break is in no language tag');
        tags += line + '\n';
    }
    return native.locales(tags);
};
const resolve = (given) => native.resolve(locales(given));

// The lines of a text as an array.
const lines = (packed, made) => {
    const all = [];
    for (let from = 0; from < packed.length;) {
        const end = apply(indexOf, packed, ['\n', from]);
        append(all, made(apply(slice, packed, [from, end])));
        from = end + 1;
    }
    return all;
};
// The parts of what is formatted: their types and texts.
const parts = (packed) => lines(packed, (line) => {
    const end = apply(indexOf, line, [':']);
    return { type: apply(slice, line, [0, end]), value: apply(slice, line, [end + 1]) };
});

// A plain object, whatever setters a script has given to all objects.
const plain = (held) => {
    const made = {}, keys = ownKeys(held);
    for (let at = 0; at < keys.length; at += 1) {
        const value = held[keys[at]];
        const field = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
        defineProperty(made, keys[at], field);
    }
    return made;
};

// Options, which may be left out.
const coerced = (given) => {
    if (given === undefined) return { __proto__: null };
    if (given === null) throw new TypeError('the options are no object');
    return Object(given);
};
// A text, one of those that there are.
const choice = (given, name, values, fallback) => {
    const value = given[name];
    if (value === undefined) return fallback;
    const chosen = text(value);
    for (let at = 0; at < values.length; at += 1) if (values[at] === chosen) return chosen;
    throw new RangeError('the option ' + name + ' cannot be ' + apply(slice, chosen, [0, 40]));
};
const flag = (given, name, fallback) => {
    const value = given[name];
    return value === undefined ? fallback : !!value;
};
// A whole number between two.
const whole = (value, name, low, high, fallback) => {
    if (value === undefined) return fallback;
    const number = +value;
    if (!(number >= low && number <= high)) throw new RangeError(name + ' is a number from ' + low + ' to ' + high);
    return number - number % 1;
};
const matcher = (given) => choice(given, 'localeMatcher', ['lookup', 'best fit'], 'best fit');

// A class whose instances, which other constructors may have made, hold what nobody else can read.
const Given = function (object) { return object; };
const holder = () => class extends Given {
    #held;
    constructor(object, held) {
        super(object);
        this.#held = held;
    }
    static of(object) { return object.#held; }
};

// Gives a constructor what classes have.
const define = (constructor, name, members) => {
    const { prototype } = constructor, keys = ownKeys(members);
    defineProperty(constructor, 'prototype', { __proto__: null, writable: false });
    for (let at = 0; at < keys.length; at += 1) {
        const found = getOwnPropertyDescriptor(members, keys[at]);
        const made = { __proto__: null, enumerable: false, configurable: true };
        // What a descriptor does not have itself, a script may have given to all objects.
        if (getOwnPropertyDescriptor(found, 'get') !== undefined) made.get = found.get;
        else {
            made.value = found.value;
            made.writable = true;
        }
        defineProperty(prototype, keys[at], made);
    }
    const { supportedLocalesOf } = {
        supportedLocalesOf(list, options = undefined) {
            const tags = native.supported(locales(list));
            matcher(coerced(options));
            return lines(tags, (tag) => tag);
        },
    };
    const statics = { __proto__: null, value: supportedLocalesOf, writable: true, configurable: true };
    defineProperty(constructor, 'supportedLocalesOf', statics);
    defineProperty(prototype, toStringTag, { __proto__: null, value: 'Intl.' + name, configurable: true });
};

return {
    __proto__: null, size, locales, resolve, lines, parts, plain, coerced, choice, flag, whole, matcher, holder, define,
};
