// The methods of the language that know of locales. What they do is loaded when one is called first: the numbers are
// those of intl-methods.js.
const { defineProperty, getPrototypeOf, ownKeys } = own;
const put = (prototype, methods) => {
    for (const key of ownKeys(methods)) {
        defineProperty(prototype, key, { __proto__: null, value: methods[key], writable: true, configurable: true });
    }
};
put(Number.prototype, { toLocaleString(...given) { return own.load('intl-methods')(0, this, given); } });
put(BigInt.prototype, { toLocaleString(...given) { return own.load('intl-methods')(1, this, given); } });
put(Date.prototype, {
    toLocaleString(...given) { return own.load('intl-methods')(2, this, given); },
    toLocaleDateString(...given) { return own.load('intl-methods')(3, this, given); },
    toLocaleTimeString(...given) { return own.load('intl-methods')(4, this, given); },
});
put(Array.prototype, { toLocaleString(...given) { return own.load('intl-methods')(5, this, given); } });
put(getPrototypeOf(Uint8Array.prototype), {
    toLocaleString(...given) { return own.load('intl-methods')(6, this, given); },
});
put(String.prototype, { localeCompare(other, ...given) { return own.load('intl-methods')(7, this, given, other); } });
