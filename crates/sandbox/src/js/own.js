// What the lazy setup scripts take from the language, kept before any script can patch it.
//
// A builtin function that is kept takes 150 bytes of every VM; a constructor or a symbol takes 16, being there anyway.
const { apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys } = Reflect;
const getter = (object, name) => getOwnPropertyDescriptor(object, name).get;
const typedArray = getPrototypeOf(Uint8Array.prototype);
const { Map: { prototype: map }, Set: { prototype: set }, DataView: { prototype: view } } = global;
const kept = {
    __proto__: null, apply, defineProperty, getOwnPropertyDescriptor, getPrototypeOf, ownKeys,
    // Of objects: the builtins whose instances are made, or told apart.
    global: {
        __proto__: null,
        BigInt, Boolean, DOMException, DataView, Date, Map, Number, Object, Promise, RegExp, Set, String,
        Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
        Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array, Float16Array,
        Float32Array, Float64Array, BigInt64Array, BigUint64Array,
    },
    iterator: Symbol.iterator, toStringTag: Symbol.toStringTag,
    slice: String.prototype.slice, indexOf: String.prototype.indexOf, concat: String.prototype.concat,
    normalize: String.prototype.normalize,
    getTime: Date.prototype.getTime, transfer: ArrayBuffer.prototype.transfer,
    mapGet: map.get, mapSet: map.set, mapEach: map.forEach, setAdd: set.add, setEach: set.forEach,
    kind: getter(typedArray, Symbol.toStringTag), buffer: getter(typedArray, 'buffer'),
    byteOffset: getter(typedArray, 'byteOffset'), byteLength: getter(typedArray, 'byteLength'),
    length: getter(typedArray, 'length'), fill: typedArray.set,
    viewBuffer: getter(view, 'buffer'), viewOffset: getter(view, 'byteOffset'), viewLength: getter(view, 'byteLength'),
    valueOf: [Boolean.prototype.valueOf, Number.prototype.valueOf, String.prototype.valueOf, BigInt.prototype.valueOf],
    freeze: Object.freeze, parse: JSON.parse, stringify: JSON.stringify,
    queueMicrotask: global.queueMicrotask, atob: global.atob, btoa: global.btoa,
};
for (const key of ownKeys(kept)) own[key] = kept[key];
