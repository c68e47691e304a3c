//! Thrown values that fight the one who reports them.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Values without the shape of an error.
    script("throw null", "throw null", RUNTIME),
    script("throw undefined", "throw undefined", RUNTIME),
    script("throw a symbol", "throw Symbol('s')", RUNTIME),
    script("throw an integer", "throw 1n", RUNTIME),
    script("throw a function", "throw () => 1", RUNTIME),
    script("throw an empty object", "throw {}", RUNTIME),
    script("throw an object without a prototype", "throw Object.create(null)", RUNTIME),
    script("throw a frozen error", "throw Object.freeze(new Error('frozen'))", RUNTIME),
    script("throw the global object", "throw globalThis", RUNTIME),
    script("throw a promise that never settles", "throw new Promise(() => {})", RUNTIME),
    script("throw a thenable", "throw { then(resolve) { resolve(1) } }", RUNTIME),
    script(
        "throw a revoked proxy",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
        RUNTIME,
    ),
    script("throw a proxy of an error", "throw new Proxy(new Error('x'), {})", RUNTIME),
    script("reject with a symbol", "await Promise.reject(Symbol('s'))", RUNTIME),
    module("throw while a module is evaluated", "throw null\nexport default 1", RUNTIME),
    module("throw in the default function", "export default () => { throw Symbol('s') }", RUNTIME),
    body("throw in a function body", "throw { message: 1n }", RUNTIME),
    // Errors whose parts throw.
    script("throwing message", "throw { get message() { throw new Error('no') } }", RUNTIME),
    script(
        "throwing name",
        "const e = new Error('x'); Object.defineProperty(e, 'name', { get() { throw null } }); throw e",
        RUNTIME,
    ),
    script(
        "throwing stack",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw e } }); throw e",
        RUNTIME,
    ),
    script(
        "throwing conversion of a message",
        "throw { message: { toString() { throw 1 } }, name: { [Symbol.toPrimitive]() { throw 2 } } }",
        RUNTIME,
    ),
    script(
        "proxy of an error that throws everywhere",
        "throw new Proxy(new Error('x'), new Proxy({}, { get() { throw 1 } }))",
        RUNTIME,
    ),
    // Errors whose parts loop: reported without running them, or killed while they run.
    script("message that loops", "throw { get message() { for (;;); } }", RUNTIME_OR_TIMEOUT),
    script(
        "message of an error that loops",
        "const e = new Error(); Object.defineProperty(e, 'message', { get() { for (;;); } }); throw e",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "name that loops",
        "const e = new Error('x'); Object.defineProperty(e, 'name', { get() { for (;;); } }); throw e",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "stack that loops",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { for (;;); } }); throw e",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "name of a class that loops",
        "class E extends Error { get name() { for (;;); } } throw new E('x')",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "conversion that loops",
        "throw { toString() { for (;;); }, [Symbol.toPrimitive]() { for (;;); }, toJSON() { for (;;); } }",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "proxy of an error that loops everywhere",
        "throw new Proxy(new Error('x'), new Proxy({}, { get() { for (;;); } }))",
        RUNTIME_OR_TIMEOUT,
    ),
    script("cause that loops", "throw new Error('x', { cause: { get message() { for (;;); } } })", RUNTIME_OR_TIMEOUT),
    script("message that recurses", "throw { get message() { return this.message } }", RUNTIME),
    // A bomb in a message: reported without running it, or killed by it.
    script(
        "message that eats the memory",
        "throw { get message() { const a = []; for (;;) a.push({}) } }",
        RUNTIME_OR_MEMORY,
    ),
    // Errors that are large, deep or cyclic.
    script("message of eight million characters", "throw new Error('x'.repeat(8 << 20))", RUNTIME_OR_MEMORY),
    script("name of a million characters", "const e = new Error('x'); e.name = 'N'.repeat(1 << 20); throw e", RUNTIME),
    script(
        "stack of a hundred thousand lines",
        r"const e = new Error('x'); e.stack = 'at f (a.js:1:1)\n'.repeat(100000); throw e",
        RUNTIME,
    ),
    script(
        "stack that is no text",
        "const e = new Error('x'); e.stack = { length: 1e9, 0: Symbol('s') }; throw e",
        RUNTIME,
    ),
    script(
        "stack with positions out of range",
        "const e = new Error('x'); e.stack = 'at f (script.js:99999999999999999999:-1)'; throw e",
        RUNTIME,
    ),
    script("message with control characters", r"throw new Error('\u0000\u001b[31m\u2028\ud800 {}%s')", RUNTIME),
    script("cause that is the error itself", "const e = new Error('x'); e.cause = e; throw e", RUNTIME),
    script(
        "chain of two thousand causes",
        "let e = {}; for (let i = 0; i < 2000; i++) e = { message: 'm', cause: e }; throw e",
        RUNTIME,
    ),
    script(
        "aggregate of many errors",
        "throw new AggregateError(new Array(100000).fill(new Error('x')), 'many')",
        RUNTIME,
    ),
    // What a script says of itself decides nothing.
    script(
        "error named like a timeout",
        "const e = new Error('interrupted'); e.name = 'TimeoutError'; e.status = e.kind = 'timeout'; throw e",
        RUNTIME,
    ),
    script("error that says out of memory", "throw new Error('out of memory')", RUNTIME),
    script(
        "error named like a sandbox violation",
        "const e = new Error('x'); e.name = e.kind = e.code = 'sandbox_violation'; throw e",
        RUNTIME,
    ),
    script(
        "error named like a rate limit",
        "class RateLimitError extends Error { name = 'RateLimitError'; retryAfterMs = 1 } throw new \
         RateLimitError('x')",
        RUNTIME,
    ),
    script(
        "output shaped like a report",
        "({ id: 'x', status: 'engine_fault', error: { kind: 'host_error' }, killed: { limit: 'cpu' } })",
        OK,
    ),
    // The engine's own hooks for stacks.
    script(
        "stack hook that loops",
        "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x')",
        RUNTIME_OR_TIMEOUT,
    ),
    script("stack hook that throws", "Error.prepareStackTrace = () => { throw 1 }; throw new Error('x')", RUNTIME),
    script(
        "stack hook that recurses",
        "Error.prepareStackTrace = () => { throw new Error('y') }; throw new Error('x')",
        RUNTIME,
    ),
    script(
        "stack hook that calls every method of a frame",
        "Error.prepareStackTrace = (e, frames) => frames.map(f => \
         Object.getOwnPropertyNames(Object.getPrototypeOf(f)).map(k => { try { return f[k]() } catch {} })); \
         throw new Error('x')",
        RUNTIME,
    ),
    script("stack limit that is an object", "Error.stackTraceLimit = {}; Error.stackTraceLimit = 1; null.x", RUNTIME),
    script("stack limit without end", "Error.stackTraceLimit = Infinity; const f = () => f() + 1; f()", RUNTIME),
    script(
        "stack limit that loops",
        "Object.defineProperty(Error, 'stackTraceLimit', { get() { for (;;); } }); null.x",
        RUNTIME_OR_TIMEOUT,
    ),
    script(
        "error without a constructor left",
        "const E = Error; for (const k of Reflect.ownKeys(globalThis)) if (k.endsWith?.('Error')) delete \
         globalThis[k]; null.x",
        RUNTIME,
    ),
    script(
        "error prototype without a name",
        "delete Error.prototype.name; delete Error.prototype.message; \
         Object.setPrototypeOf(TypeError.prototype, null); null.x",
        RUNTIME,
    ),
    script(
        "a stack of one endless name",
        "const e = new Error('x'); e.stack = '    at ' + 'a'.repeat(5e6) + ' (script:1:1)'; throw e",
        RUNTIME,
    ),
];
