//! Outputs that cannot be JSON, are too large, or run code while they are read.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // No JSON.
    script("output is a function", "() => 1", OUTPUT),
    script("output is a class", "(class A {})", OUTPUT),
    script("output is a symbol", "Symbol('s')", OUTPUT),
    script("output is an integer without end", "1n", OUTPUT),
    script("output holds an integer without end", "({ a: [1, { b: 2n }] })", OUTPUT),
    script("output is a boxed integer", "Object(1n)", OUTPUT),
    script("output contains itself", "const o = {}; o.o = o; o", OUTPUT),
    script("output contains itself far below", "const o = {}, a = [[[{ o }]]]; o.a = a; o", OUTPUT),
    module("module without a default export", "export const a = 1", OUTPUT),
    module("default function returns a function", "export default () => () => 1", OUTPUT),
    // JSON leaves these out of objects; a report that names the path is as good.
    script("output holds a function", "({ a: 1, f() {} })", OK_OR_OUTPUT),
    script("output holds a symbol", "[Symbol('s')]", OK_OR_OUTPUT),
    // The engine may refuse the integer before anyone asks for its toJSON.
    script(
        "integers taught to be JSON",
        "BigInt.prototype.toJSON = function () { return String(this) }; 1n",
        OK_OR_OUTPUT,
    ),
    // What the globals hold besides the language's own decides whether there is a cycle.
    script("output is the global object", "globalThis", OK_OR_OUTPUT),
    // JSON, if only just.
    script("output is undefined", "undefined", OK),
    script("output is no number", "[NaN, Infinity, -0, , undefined]", OK),
    script("output holds half a surrogate pair", r"'\ud800' + String.fromCharCode(0xdfff, 0)", OK),
    script(
        "output has a key named __proto__",
        r#"JSON.parse('{"__proto__": {"a": 1}, "constructor": null, "": 0}')"#,
        OK,
    ),
    script(
        "output is a collection",
        "[new Map([[1, 2]]), new Set([1]), new WeakMap(), /x/g, new Date(NaN), new Error('e')]",
        OK,
    ),
    script("output has no prototype", "Object.assign(Object.create(null), { a: 1 })", OK),
    script("output is a generator", "(function* () { for (;;) yield 1 })()", OK),
    script("output is an arguments object", "(function () { return arguments })(1, 2)", OK),
    // Too deep to write. Looking for a cycle at each level makes it quadratic: the time may be up first.
    script(
        "output of a hundred thousand arrays",
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; a",
        OUTPUT_OR_TIMEOUT,
    ),
    script(
        "output of a hundred thousand objects",
        "let o = {}; for (let i = 0; i < 100000; i++) o = { o }; o",
        OUTPUT_OR_TIMEOUT,
    ),
    // Deep because a script's code makes it so; the error may count as that code's.
    script(
        "output that deepens as it is read",
        "const deeper = () => ({ get a() { return deeper() } }); deeper()",
        DEEPENS,
    ),
    script("toJSON that wraps itself", "const o = { toJSON: () => ({ o }) }; o", DEEPENS),
    // Large. Over the limit of the output: ok, truncated and marked.
    script("output of two million characters", "'x'.repeat(2 << 20)", OK),
    script("output made large by a getter", "({ get a() { return 'x'.repeat(1 << 20) } })", OK),
    script("output of many small parts", "new Array(200000).fill('abcdef')", OK),
    script("output made large by escapes", r"'\u0001'.repeat(1 << 18)", OK),
    // The copies on the way out may be over the limit of the memory.
    script("output of four million characters", "'x'.repeat(4 << 20)", OK_OR_MEMORY),
    // The string alone is over the limit of the memory.
    script("output of fifty million characters", "'x'.repeat(50 << 20)", MEMORY),
    // An engine that stops writing at the limit of the output is as right as one that runs into another limit.
    script(
        "output whose parts are shared",
        "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; a",
        &[Status::Ok, Status::Timeout, Status::MemoryExceeded],
    )
    .requires(Requirement::KillInNatives),
    script(
        "output of a hundred million holes",
        "new Array(1e8)",
        &[Status::Ok, Status::Timeout, Status::MemoryExceeded],
    ),
    script(
        "getters that make the output huge",
        "({ get a() { const a = []; for (;;) a.push(new Uint8Array(65536)); } })",
        MEMORY,
    ),
    script("toJSON that makes the output huge", "({ toJSON: () => 'x'.repeat(50 << 20) })", MEMORY),
    script(
        "proxy that claims endless keys",
        "const big = 'x'.repeat(65536); new Proxy({}, { ownKeys: () => Array.from({ length: 1e7 }, (_, i) => \
         Symbol(big + i)) })",
        MEMORY,
    ),
    script(
        "proxy that claims a huge length",
        "new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 53 - 1 : k === 'toJSON' ? undefined : 0 })",
        &[Status::Ok, Status::Timeout, Status::MemoryExceeded],
    ),
    // Code that never ends while the output is read.
    script("output with a getter that loops", "({ get a() { for (;;); } })", TIMEOUT),
    script("output with a toJSON that loops", "({ toJSON() { for (;;); } })", TIMEOUT),
    script("output with a toJSON whose getter loops", "({ get toJSON() { for (;;); } })", TIMEOUT),
    script("output is a proxy that loops over its keys", "new Proxy({}, { ownKeys() { for (;;); } })", TIMEOUT),
    script(
        "output is a proxy that loops in a descriptor",
        "new Proxy({ a: 1 }, { getOwnPropertyDescriptor() { for (;;); } })",
        TIMEOUT,
    ),
    script("output is a proxy that loops in get", "new Proxy({ a: 1 }, { get() { for (;;); } })", TIMEOUT),
    script("output is a number object that loops", "const n = Object(1); n.valueOf = () => { for (;;); }; n", TIMEOUT),
    script(
        "output is a string object that loops",
        "const s = Object('s'); s.toString = () => { for (;;); }; s",
        TIMEOUT,
    ),
    script("output with a date that loops", "const d = new Date(0); d.toISOString = () => { for (;;); }; [d]", TIMEOUT),
    script(
        "output with a catch-all in its getter",
        "({ get a() { for (;;) try { for (;;); } catch {} finally { continue } } })",
        TIMEOUT,
    ),
    module("default export is a getter that loops", "export default { get a() { for (;;); } }", TIMEOUT),
    body("function body returns a getter that loops", "return { get a() { for (;;); } }", TIMEOUT),
    // Code that throws while the output is read: its error, or the output's.
    script("output with a getter that throws", "({ get a() { throw new Error('no') } })", OUTPUT_OR_RUNTIME),
    script("output with a getter that throws nothing", "({ get a() { throw undefined } })", OUTPUT_OR_RUNTIME),
    script("output with a toJSON that throws", "({ toJSON() { throw new Error('no') } })", OUTPUT_OR_RUNTIME),
    script(
        "output is a proxy that throws",
        "new Proxy({}, { get() { throw 1 }, ownKeys() { throw 2 } })",
        OUTPUT_OR_RUNTIME,
    ),
    script(
        "output is a revoked proxy",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); proxy",
        OUTPUT_OR_RUNTIME,
    ),
    script("output overflows the stack in a getter", "const o = { get a() { return o.a } }; o", OUTPUT_OR_RUNTIME),
    // The value changes under the reader.
    script(
        "output that shrinks as it is read",
        "const a = [1, 2, 3, 4]; Object.defineProperty(a, 0, { get() { a.length = 1; return 0 } }); a",
        OK,
    ),
    script(
        "output that grows as it is read",
        "const a = [0, 1]; Object.defineProperty(a, 0, { get() { for (let i = 0; i < 1000; i++) a.push(i); \
         return 0 } }); a",
        OK,
    ),
    script("output that loses keys as it is read", "const o = { get a() { delete o.b; return 1 }, b: 2, c: 3 }; o", OK),
    script(
        "buffer detached as it is read",
        "const u = new Uint8Array(8); ({ get a() { u.buffer.transfer(); return 1 }, u })",
        OK,
    ),
    script(
        "a BigInt behind thousands of long keys",
        "const key = '\\u{10ffff}'.repeat(80); let o = { x: 1n }; for (let i = 0; i < 3000; i++) o = { [key]: o }; o",
        OUTPUT,
    ),
];

const OUTPUT_OR_TIMEOUT: &[Status] = &[Status::OutputError, Status::Timeout];
const DEEPENS: &[Status] = &[Status::OutputError, Status::RuntimeError, Status::Timeout];
