//! Scripts that change the language under the host's feet: only they may feel it.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // JSON and what it consults.
    script("JSON.stringify that loops", "JSON.stringify = () => { for (;;); }; ({ a: 1 })", OK),
    script(
        "JSON.stringify that forges",
        "JSON.stringify = () => '{\"status\":\"ok\"'; JSON.parse = null; ({ a: 1 })",
        OK,
    ),
    script("JSON deleted", "delete globalThis.JSON; ({ a: 1 })", OK),
    script("toJSON on every object", "Object.prototype.toJSON = () => 'forged'; ({ a: 1 })", OK),
    script("toJSON on every object loops", "Object.prototype.toJSON = () => { for (;;); }; ({ a: 1 })", TIMEOUT),
    // The language asks objects and big integers for a toJSON, and nothing else.
    script("toJSON on every number loops", "Number.prototype.toJSON = () => { for (;;); }; 1", OK),
    script("toJSON on every string throws", "String.prototype.toJSON = () => { throw 1 }; 1", OK),
    // Promises. The output is no promise, so nobody has a reason to ask one.
    script("Promise.prototype.then that loops", "Promise.prototype.then = () => { for (;;); }; 1", OK),
    script(
        "Promise.prototype.then deleted",
        "delete Promise.prototype.then; delete Promise.prototype.catch; delete Promise.resolve; 1",
        OK,
    ),
    script("Promise replaced", "globalThis.Promise = class { constructor() { for (;;); } }; await null; 1", OK),
    script(
        "species of promises loops",
        "Object.defineProperty(Promise, Symbol.species, { get() { for (;;); } }); await null; 1",
        OK,
    ),
    // An engine may wrap the output in an object of its own, or look for `then` as `await` does.
    script("then on every object loops", "Object.prototype.then = () => { for (;;); }; 1", OK_OR_TIMEOUT),
    script("then on every object never answers", "Object.prototype.then = () => {}; ({ a: 1 })", OK_OR_RUNTIME),
    script(
        "then on every object forges",
        "Object.prototype.then = function (resolve) { delete Object.prototype.then; resolve({ value: 'forged' \
         }) }; ({ a: 1 })",
        OK,
    ),
    // Setters and getters where the host may write or read.
    script(
        "setters for the host's names",
        "for (const k of ['0', '1', '16', 'length', 'status', 'output', 'done', 'error', 'kind', 'input', \
         'context', 'message', 'get', 'set', 'enumerable', 'configurable', 'writable']) \
         Object.defineProperty(Object.prototype, k, { __proto__: null, set() { for (;;); }, get() { return \
         undefined } }); [1, { a: 2 }]",
        OK,
    ),
    script(
        "getters for the host's names",
        "for (const k of ['default', 'output', 'status', 'stack', 'name', 'cause', 'retryable']) \
         Object.defineProperty(Object.prototype, k, { __proto__: null, get() { for (;;); }, set() {} }); 1",
        OK,
    ),
    // The engine may carry a script's last value out in a plain object. A setter for its key then sees it, and hurts
    // nobody else.
    script(
        "setter for value loops",
        "Object.defineProperty(Object.prototype, 'value', { set() { for (;;); } }); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "getter for value loops",
        "Object.defineProperty(Object.prototype, 'value', { get() { for (;;); }, set() {} }); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "getter for value loops, and an await",
        "Object.defineProperty(Object.prototype, 'value', { get() { for (;;); }, set() {} }); await null; 1",
        OK_OR_TIMEOUT,
    ),
    // The engine may keep notes in arrays of the script's own while it writes the output.
    script(
        "setters on array indices",
        "for (let i = 0; i < 64; i++) Object.defineProperty(Array.prototype, i, { set() { throw 1 } }); \
         console.log('a', 'b'); await null; [1, 2, 3]",
        &[Status::Ok, Status::OutputError, Status::RuntimeError],
    ),
    script(
        "setters on array indices, and a number",
        "for (let i = 0; i < 64; i++) Object.defineProperty(Array.prototype, i, { set() { for (;;); } }); \
         console.log('a', 'b'); await null; 1",
        OK,
    ),
    script(
        "read-only indices",
        "Object.defineProperty(Object.prototype, 0, { value: 'forged', writable: false }); console.log('a'); \
         await null; 1",
        OK,
    ),
    script(
        "read-only message",
        "Object.defineProperty(Object.prototype, 'message', { value: 'forged', writable: false }); throw new \
         Error('x')",
        RUNTIME,
    ),
    // Iteration, calling, converting.
    script(
        "array iterator that loops",
        "Array.prototype[Symbol.iterator] = () => { for (;;); }; console.log('a', [1]); ({ a: [1, 2] })",
        OK,
    ),
    script(
        "array iterator deleted",
        "delete Array.prototype[Symbol.iterator]; delete Object.getPrototypeOf([].values()).next; \
         console.log('a'); [1]",
        OK,
    ),
    script(
        "array methods that loop",
        "for (const k of ['push', 'join', 'map', 'slice', 'forEach', 'toString', 'values']) \
         Array.prototype[k] = () => { for (;;); }; console.log('a', [1]); [1]",
        OK,
    ),
    script(
        "function methods that loop",
        "for (const k of ['call', 'apply', 'bind', 'toString']) Function.prototype[k] = () => { for (;;); }; \
         console.log('a'); await null; 1",
        OK,
    ),
    script(
        "string methods that loop",
        "for (const k of ['toString', 'valueOf', 'split', 'replace', 'slice']) String.prototype[k] = () => { \
         for (;;); }; console.log('a'); 'x'",
        OK,
    ),
    script(
        "object statics that loop",
        "for (const k of Object.getOwnPropertyNames(Object)) try { Object[k] = () => { for (;;); } } catch {} \
         console.log({ a: 1 }); 1",
        OK,
    ),
    script(
        "Reflect and Proxy replaced",
        "for (const k of Object.getOwnPropertyNames(Reflect)) Reflect[k] = () => { for (;;); }; \
         globalThis.Proxy = null; 1",
        OK,
    ),
    script(
        "maps and sets that loop",
        "for (const C of [Map, Set, WeakMap]) for (const k of ['get', 'set', 'has', 'add']) if \
         (C.prototype[k]) C.prototype[k] = () => { for (;;); }; console.log({ a: 1 }); 1",
        OK,
    ),
    script(
        "conversion of every object loops",
        "Object.prototype[Symbol.toPrimitive] = Object.prototype.toString = Object.prototype.valueOf = () => \
         { for (;;); }; await null; 1",
        OK,
    ),
    // Wholesale.
    script(
        "every global deleted",
        "for (const k of Reflect.ownKeys(globalThis)) try { delete globalThis[k] } catch {} 1",
        OK,
    ),
    script(
        "every global replaced by a loop",
        "for (const k of Reflect.ownKeys(globalThis)) try { globalThis[k] = () => { for (;;); } } catch {} 1",
        OK,
    ),
    script(
        "every prototype emptied",
        "const all = [Object, Function, Array, String, Number, Promise, Error, RegExp, Map].map(C => \
         C.prototype), { ownKeys } = Reflect; for (let i = 0; i < all.length; i++) { const keys = \
         ownKeys(all[i]); for (let j = 0; j < keys.length; j++) try { delete all[i][keys[j]] } catch {} } 1",
        OK,
    ),
    script(
        "every prototype frozen",
        "for (const k of Object.getOwnPropertyNames(globalThis)) { const v = globalThis[k]; if (v?.prototype) \
         Object.freeze(v.prototype) } await null; ({ a: 1 })",
        OK,
    ),
    script("global object frozen", "Object.freeze(globalThis); await null; ({ a: 1 })", OK),
    script("global object without extensions", "Object.preventExtensions(globalThis); 1", OK),
    // A host may make that prototype immutable.
    script(
        "prototype of the global object is a proxy that loops",
        "Object.setPrototypeOf(globalThis, new Proxy({}, { get() { for (;;); }, has() { for (;;); } })); 1",
        OK_OR_RUNTIME,
    ),
    script(
        "prototype of all arrays is a proxy that loops",
        "Object.setPrototypeOf(Array.prototype, new Proxy({}, { get() { for (;;); }, has() { for (;;); }, \
         set() { for (;;); } })); await null; 1",
        OK,
    ),
    script(
        "input and context replaced",
        "try { globalThis.input = globalThis.context = { get tenant() { for (;;); } } } catch {} 1",
        OK,
    ),
    module(
        "input and context deleted by a module",
        "try { delete globalThis.input; delete globalThis.context } catch {}\nexport default (input, context) \
         => typeof context",
        OK,
    ),
    // The context is frozen to the bottom: silence in sloppy code, a TypeError in strict code.
    script(
        "tenant changed",
        "const was = context.tenant; try { context.tenant = 'other' } catch {} if (context.tenant !== was) \
         throw new Error('changed'); 1",
        OK,
    ),
    module("tenant changed by strict code", "context.tenant = 'other'\nexport default 1", RUNTIME),
    module(
        "tenant defined anew",
        "Object.defineProperty(context, 'tenant', { value: 'other' })\nexport default 1",
        RUNTIME,
    ),
    script("prototype of the context changed", "Object.setPrototypeOf(context, { tenant: 'other' })", RUNTIME),
];
