// Freezes everything that scripts can reach before they run, but for the global object itself: it is theirs to extend.
//
// What is not extensible was seen: a list of it would leave a hole in the memory of each VM. Functions that hold nothing
// but a name and a length are not frozen beyond that, for which each would need a layout of its own, of 110 bytes.
const { getPrototypeOf, ownKeys } = own;
const { freeze, getOwnPropertyDescriptor, isExtensible, preventExtensions } = Object;

const add = (left, value) => {
    left[left.length] = getPrototypeOf(value);
    const keys = ownKeys(value);
    for (let at = 0; at < keys.length; at += 1) {
        const found = getOwnPropertyDescriptor(value, keys[at]);
        left[left.length] = found.value;
        left[left.length] = found.get;
        left[left.length] = found.set;
    }
};

const harden = (left) => {
    for (let last = left.length - 1; last >= 0; last = left.length - 1) {
        const value = left[last];
        left.length = last;
        if (value === null || (typeof value !== 'object' && typeof value !== 'function')) continue;
        if (value === global || !isExtensible(value)) continue;
        const isPlain = typeof value === 'function' && ownKeys(value).length === 2;
        if (isPlain) preventExtensions(value); else freeze(value);
        add(left, value);
    }
};

// Also for what lazy scripts make.
own.harden = (root) => harden([root]);

// Nothing leads to these from the global object.
const left = [
    async () => {}, function* () {}, async function* () {}, getPrototypeOf([][Symbol.iterator]()),
    getPrototypeOf(new Map().entries()), getPrototypeOf(new Set().entries()), getPrototypeOf(''[Symbol.iterator]()),
    getPrototypeOf(''.matchAll(/./g)),
];
add(left, global);
add(left, global.console); // Frozen already, its functions are not.
harden(left);
