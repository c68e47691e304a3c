// Intl, whose parts are accessors until one is used, as globals are: https://tc39.es/ecma402/#intl-object
const { ownKeys, defineProperty, getOwnPropertyDescriptor, toStringTag } = own;
const { locales, lines } = own.load('intl-common');

const hidden = (value) => ({ __proto__: null, value, writable: true, enumerable: false, configurable: true });
// Where each one is.
const scripts = {
    __proto__: null, Collator: 'intl-words', DateTimeFormat: 'intl-dates', ListFormat: 'intl-words',
    NumberFormat: 'intl-numbers', PluralRules: 'intl-numbers', RelativeTimeFormat: 'intl-words',
};
const Intl = {}, names = ownKeys(scripts);
for (let at = 0; at < names.length; at += 1) {
    const name = names[at];
    // Makes it a plain property, unless it is something else by now, or frozen.
    const settle = (value) => {
        const found = getOwnPropertyDescriptor(Intl, name);
        if (found?.configurable && found.get === get) defineProperty(Intl, name, hidden(value));
    };
    const { get, set } = {
        get() {
            const value = own.load(scripts[name])[name];
            settle(value);
            return value;
        },
        set(value) { settle(value); },
    };
    defineProperty(Intl, name, { __proto__: null, get, set, enumerable: false, configurable: true });
}
const { getCanonicalLocales } = { getCanonicalLocales(list) { return lines(locales(list), (tag) => tag); } };
defineProperty(Intl, 'getCanonicalLocales', hidden(getCanonicalLocales));
defineProperty(Intl, toStringTag, { __proto__: null, value: 'Intl', configurable: true });
return [Intl];
