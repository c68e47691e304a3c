// What the methods of locale.js do. Most are called to show a number as it is shown without options: for that, nothing
// else is loaded.
const { apply, concat, length, valueOf: kept, global: { Object, TypeError } } = own;

const text = (value) => apply(concat, '', [value]);
// What a NumberFormat without options has settled.
const PLAIN = 'decimal,,symbol,standard,,auto,auto,halfExpand,fraction,1,0,3,,,auto';
const shown = (number, locales, options) => {
    const isPlain = options === undefined && (locales === undefined || locales === 'en-US');
    if (!isPlain) return own.load('intl-numbers').format(number, locales, options);
    return native.number(PLAIN, typeof number === 'bigint' ? text(number) : number, false);
};
// The texts of a list's values, as `join` has them.
const joined = (list, count, locales, options) => {
    let all = '';
    for (let at = 0; at < count; at += 1) {
        if (at > 0) all += ',';
        const value = list[at];
        if (value !== undefined && value !== null) all += text(value.toLocaleString(locales, options));
    }
    return all;
};
// A sort asks for it again and again.
let words;
const isNothing = (value) => value === undefined || value === null;

return (which, value, given, other) => {
    const locales = given.length > 0 ? given[0] : undefined, options = given.length > 1 ? given[1] : undefined;
    switch (which) {
        case 0: return shown(apply(kept[1], value, []), locales, options);
        case 1: return shown(apply(kept[3], value, []), locales, options);
        case 2: return own.load('intl-dates').format(value, locales, options, 'any', 'all');
        case 3: return own.load('intl-dates').format(value, locales, options, 'date', 'date');
        case 4: return own.load('intl-dates').format(value, locales, options, 'time', 'time');
        case 5:
            if (isNothing(value)) throw new TypeError('there is no list');
            value = Object(value);
            return joined(value, own.load('intl-common').size(value), locales, options);
        case 6: return joined(value, apply(length, value, []), locales, options);
    }
    if (isNothing(value)) throw new TypeError('there is no text');
    const left = text(value);
    words ??= own.load('intl-words');
    return words.localeCompare(left, text(other), locales, options);
};
