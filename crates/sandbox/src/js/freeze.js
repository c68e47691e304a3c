// Freezes everything that scripts can reach before they run, but for the global object itself: it is theirs to extend.
const { apply, getOwnPropertyDescriptor, getPrototypeOf, ownKeys, mapGet, mapSet, global: { Map } } = own;
const { freeze, isFrozen } = Object;
// What was seen, until all that is there at first is frozen. From then on what is frozen is what was seen.
let known = new Map();

// Also for what lazy scripts make.
own.harden = (root) => {
    const left = { __proto__: null, 0: root };
    for (let count = 1; count > 0;) {
        const value = left[count -= 1];
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
        if (known === undefined ? isFrozen(value) : apply(mapGet, known, [value])) continue;
        if (known !== undefined) apply(mapSet, known, [value, true]);
        left[count++] = getPrototypeOf(value);
        const keys = ownKeys(value);
        for (let at = 0; at < keys.length; at += 1) {
            const found = getOwnPropertyDescriptor(value, keys[at]);
            left[count++] = found.value;
            left[count++] = found.get;
            left[count++] = found.set;
        }
        if (value !== global) freeze(value);
    }
};

// Nothing leads to these from the global object.
own.harden([
    global, async () => {}, function* () {}, async function* () {}, getPrototypeOf([][Symbol.iterator]()),
    getPrototypeOf(new Map().entries()), getPrototypeOf(new Set().entries()), getPrototypeOf(''[Symbol.iterator]()),
    getPrototypeOf(''.matchAll(/./g)),
]);
known = undefined;
