// What a frozen prototype has cannot be assigned to on objects that inherit it, and that is how much code gives an error
// its name, or a class its `toString`. So these names are accessors, which define the property where it is assigned.
const { getOwnPropertyDescriptor } = own, { defineProperty } = Object;
const getters = new Map(), setters = { __proto__: null };

const setter = (name) => ({
    set(value) {
        defineProperty(this, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
    },
}).set;
const open = (prototype, ...names) => {
    for (const name of names) {
        const { value } = getOwnPropertyDescriptor(prototype, name);
        if (!getters.has(value)) getters.set(value, () => value);
        const get = getters.get(value), set = setters[name] ??= setter(name);
        defineProperty(prototype, name, { __proto__: null, get, set });
    }
};

open(Object.prototype, 'constructor', 'toString', 'toLocaleString', 'valueOf', 'hasOwnProperty');
open(Function.prototype, 'constructor', 'toString');
open(String.prototype, 'toString', 'valueOf');
open(Error.prototype, 'constructor', 'name', 'message', 'toString');
for (const { prototype } of [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError]) {
    open(prototype, 'constructor', 'name', 'message');
}

// For our scripts, which call no getter of a script's, they are what they give.
const ours = new Set(getters.values());
own.getOwnPropertyDescriptor = (object, key) => {
    const found = getOwnPropertyDescriptor(object, key);
    if (found === undefined || !ours.has(found.get)) return found;
    return { __proto__: null, value: found.get(), writable: false, enumerable: false, configurable: false };
};
