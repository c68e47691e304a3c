// The methods of the language that know of locales. What they do is loaded when one is called first.
const { apply, brand, defineProperty, getPrototypeOf, ownKeys, concat, length, valueOf: [, number, , bigint] } = own;
const { Array, BigInt, Date, Number, String, TypeError, Uint8Array } = global;
const prefer = (prototype, methods) => {
    const keys = ownKeys(methods);
    for (const key of keys) {
        const value = methods[key];
        defineProperty(prototype, key, { __proto__: null, value, writable: true, configurable: true });
    }
};
const date = (value, locales, options, wanted, added) =>
    own.load('intl-dates').format(value, locales, options, wanted, added);
// The texts of a list's values, as `join` has them.
const joined = (list, count, locales, options) => {
    let all = '';
    for (let at = 0; at < count; at += 1) {
        if (at > 0) all += ',';
        const value = list[at];
        if (value !== undefined && value !== null) all += apply(concat, '', [value.toLocaleString(locales, options)]);
    }
    return all;
};
const toLocaleString = (value, locales, options) => own.load('intl-numbers').format(value, locales, options);

prefer(Number.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
        return toLocaleString(apply(number, this, []), locales, options);
    },
});
prefer(BigInt.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
        return toLocaleString(apply(bigint, this, []), locales, options);
    },
});
prefer(Date.prototype, {
    toLocaleString(locales = undefined, options = undefined) { return date(this, locales, options, 'any', 'all'); },
    toLocaleDateString(locales = undefined, options = undefined) { return date(this, locales, options, 'date', 'date'); },
    toLocaleTimeString(locales = undefined, options = undefined) { return date(this, locales, options, 'time', 'time'); },
});
prefer(Array.prototype, {
    toLocaleString(locales = undefined, options = undefined) {
        if (this === undefined || this === null) throw new TypeError('there is no list');
        return joined(this, +this.length, locales, options);
    },
});
prefer(getPrototypeOf(Uint8Array.prototype), {
    toLocaleString(locales = undefined, options = undefined) {
        return joined(this, apply(length, this, []), locales, options);
    },
});
prefer(String.prototype, {
    localeCompare(other, locales = undefined, options = undefined) {
        if (this === undefined || this === null) throw new TypeError('there is no text');
        const left = apply(concat, '', [this]);
        return own.load('intl-words').localeCompare(left, apply(concat, '', [other]), locales, options);
    },
});
