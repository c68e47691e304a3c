// Intl: https://tc39.es/ecma402/#intl-object
const { ownKeys, defineProperty, toStringTag } = own;
const { locales, lines } = own.load('intl-common');
const { NumberFormat, PluralRules } = own.load('intl-numbers'), { DateTimeFormat } = own.load('intl-dates');
const { Collator, ListFormat, RelativeTimeFormat } = own.load('intl-words');

const members = {
    __proto__: null, Collator, DateTimeFormat, ListFormat, NumberFormat, PluralRules, RelativeTimeFormat,
    getCanonicalLocales(list) { return lines(locales(list), (tag) => tag); },
};
const Intl = {}, keys = ownKeys(members);
for (let at = 0; at < keys.length; at += 1) {
    defineProperty(Intl, keys[at], { __proto__: null, value: members[keys[at]], writable: true, configurable: true });
}
defineProperty(Intl, toStringTag, { __proto__: null, value: 'Intl', configurable: true });
return [Intl];
