//! Uncaught exceptions: their kind, name, message and stack.

use isolet_core_traits::{Abort, FailureKind};

use crate::conformance::script::Expect::{Aborts, AnyOf, Json, Syntax};
use crate::conformance::script::{Expect, Script, fails, js, throws};

/// Whatever its name and message are.
const RUNTIME: Expect = Expect::Fails(fails(&[FailureKind::Runtime], ""));

const fn thrown_by(functions: &'static [&'static str]) -> Expect {
    Expect::Fails(fails(&[FailureKind::Runtime], "Error").contains(&["x"]).functions(functions))
}

pub(super) const ROWS: &[Script] = &[
    js("an error", "throw new Error('a message')", throws("Error", &["a message"])),
    js("an error of the language", "null.x", throws("TypeError", &["null"])),
    js("a name that is not there", "nowhere", throws("ReferenceError", &["nowhere"])),
    js("a range", "new Array(-1)", throws("RangeError", &[])),
    js("a call of no function", "const o = {}; o.f()", throws("TypeError", &["not a function"])),
    js("a write to a constant", "const a = 1; a = 2", throws("TypeError", &["a"])),
    js("a name before its declaration", "a; let a = 1", throws("ReferenceError", &["a"])),
    js("a URI", "decodeURIComponent('%')", throws("URIError", &[])),
    js("a pattern made at run time", "new RegExp('(')", throws("SyntaxError", &[])),
    js("JSON that is none", "JSON.parse('{')", throws("SyntaxError", &[])),
    js("an error without a message", "throw new Error()", throws("Error", &[])),
    js("a message that is no text", "throw Object.assign(new Error('x'), { message: 5 })", throws("Error", &[])),
    js("a message of many scripts", "throw new Error('äöü€😀')", throws("Error", &["äöü€😀"])),
    js("a message with a lone surrogate", r"throw new Error('a\ud83d')", throws("Error", &["a"])),
    js("a long message is cut", "throw new Error('x'.repeat(100000))", throws("Error", &["xxxx", "…"])),
    js("a long name is cut", "const e = new Error('m'); e.name = 'N'.repeat(100000); throw e", RUNTIME),
    js(
        "a subclass by its name",
        "class QuotaError extends Error { name = 'QuotaError' } throw new QuotaError('full')",
        throws("QuotaError", &["full"]),
    ),
    js("a name set later", "const e = new Error('x'); e.name = 'Mine'; throw e", throws("Mine", &["x"])),
    js(
        "a name in the prototype",
        "class E extends Error {} E.prototype.name = 'E2'; throw new E('x')",
        throws("E2", &["x"]),
    ),
    js("a cause", "throw new Error('outer', { cause: new Error('inner') })", throws("Error", &["outer"])),
    js(
        "a cause that is the error itself",
        "const e = new Error('outer'); e.cause = e; throw e",
        throws("Error", &["outer"]),
    ),
    js(
        "several errors",
        "await Promise.any([Promise.reject(new Error('a')), Promise.reject(new Error('b'))])",
        throws("AggregateError", &[]),
    ),
    js(
        "an error of several made by hand",
        "throw new AggregateError([1, 2], 'both')",
        throws("AggregateError", &["both"]),
    ),
    js("an error that was frozen", "throw Object.freeze(new TypeError('cold'))", throws("TypeError", &["cold"])),
    js(
        "an error that was thrown before",
        "let e; try { null.x } catch (caught) { e = caught } throw e",
        throws("TypeError", &["null"]),
    ),
    js(
        "an error from finally",
        "try { throw new Error('first') } finally { throw new RangeError('second') }",
        throws("RangeError", &["second"]),
    ),
    // Anything can be thrown.
    js("throw null", "throw null", throws("NonError", &["null"])),
    js("throw undefined", "throw undefined", throws("NonError", &["undefined"])),
    js("throw a text", "throw 'plain'", throws("NonError", &["plain"])),
    js("throw an empty text", "throw ''", throws("NonError", &[])),
    js("throw a number", "throw 42", throws("NonError", &["42"])),
    js("throw a boolean", "throw false", throws("NonError", &["false"])),
    js("throw a BigInt", "throw 12n", throws("NonError", &["12"])),
    js("throw a symbol", "throw Symbol('sym')", throws("NonError", &["sym"])),
    js("throw an object", "throw { a: 1 }", RUNTIME),
    js("throw an object like an error", "throw { name: 'Mine', message: 'x' }", RUNTIME),
    js("throw an object without a prototype", "throw Object.create(null)", RUNTIME),
    js("throw an array", "throw [1, 2]", RUNTIME),
    js("throw a function", "throw () => 1", RUNTIME),
    js("throw a promise", "throw Promise.reject(1)", RUNTIME),
    js("throw a proxy that throws", "throw new Proxy({}, new Proxy({}, { get() { throw 1 } }))", RUNTIME),
    js("reject with null", "await Promise.reject(null)", throws("NonError", &["null"])),
    js("reject with nothing", "await Promise.reject()", throws("NonError", &["undefined"])),
    // Errors that fight back.
    js(
        "a message that throws",
        "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { throw 1 } }); throw e",
        RUNTIME,
    ),
    js(
        "a name that throws",
        "const e = new Error('x'); Object.defineProperty(e, 'name', { get() { throw 1 } }); throw e",
        RUNTIME,
    ),
    js(
        "a stack that throws",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { get() { throw 1 } }); throw e",
        RUNTIME,
    ),
    js(
        "a stack that is no text",
        "const e = new Error('x'); Object.defineProperty(e, 'stack', { value: { at: 1 } }); throw e",
        throws("Error", &["x"]),
    ),
    js(
        "a stack that lies",
        "const e = new Error('x'); e.stack = '    at f (/etc/passwd:1:1)\\n    at <host> (main.rs:1:1)'; throw e",
        RUNTIME,
    ),
    js(
        "a message that loops",
        "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { for (;;); } }); throw e",
        AnyOf(&[RUNTIME, Aborts(Abort::Deadline, None)]),
    )
    .limits(super::limits::short),
    js(
        "a prototype that throws",
        "Object.defineProperty(Error.prototype, 'name', { get() { throw 1 } }); throw new Error('x')",
        RUNTIME,
    ),
    js("a conversion that throws", "throw { toString() { throw 1 }, [Symbol.toPrimitive]() { throw 2 } }", RUNTIME),
    js(
        "Error itself is gone",
        "delete globalThis.Error; delete globalThis.TypeError; null.x",
        throws("TypeError", &[]),
    ),
    js("a stack hook that throws", "Error.prepareStackTrace = () => { throw 1 }; throw new Error('x')", RUNTIME),
    // Why a run ended is never guessed from what it threw.
    js(
        "an error named like a rate limit",
        "throw Object.assign(new Error('x'), { name: 'RateLimitError', code: 'rate_limited', retryable: true, retryAfterMs: 5 })",
        Expect::Fails(fails(&[FailureKind::Runtime], "RateLimitError").retryable(false)),
    ),
    js(
        "an error named like a sandbox violation",
        "throw Object.assign(new Error('x'), { name: 'SandboxViolation', kind: 'Denied' })",
        throws("SandboxViolation", &["x"]),
    ),
    js(
        "an error named like a kill",
        "throw Object.assign(new Error('interrupted'), { name: 'InternalError' })",
        throws("InternalError", &["interrupted"]),
    ),
    js(
        "an error that says out of memory",
        "throw new RangeError('out of memory')",
        throws("RangeError", &["out of memory"]),
    ),
    js("an error that says syntax", "throw new SyntaxError('x')", throws("SyntaxError", &["x"])),
    // Stacks: the script's functions, innermost first.
    js(
        "functions of a stack",
        "function inner() { throw new Error('x') }\nfunction outer() { inner() }\nouter()",
        thrown_by(&["inner", "outer", ""]),
    ),
    js(
        "functions of a stack in a module",
        "function inner() { throw new Error('x') }\nfunction outer() { inner() }\nouter()\nexport default 1",
        thrown_by(&["inner", "outer", ""]),
    )
    .module(),
    js(
        "functions of a stack in a body",
        "function inner() { throw new Error('x') }\nfunction outer() { inner() }\nouter()",
        thrown_by(&["inner", "outer", ""]),
    )
    .body(),
    js(
        "the default function by its name",
        "export default function main() { throw new Error('x') }",
        thrown_by(&["main"]),
    )
    .module(),
    js("a method", "const o = { method() { throw new Error('x') } }; o.method()", thrown_by(&["method", ""])),
    js("an arrow with a name", "const arrow = () => { throw new Error('x') }; arrow()", thrown_by(&["arrow", ""])),
    js("an anonymous function", "(() => { throw new Error('x') })()", thrown_by(&["", ""])),
    js("builtins are left out", "[1].map(function callback() { throw new Error('x') })", thrown_by(&["callback", ""])),
    js(
        "an async function",
        "async function later() { await null; throw new Error('x') }\nawait later()",
        thrown_by(&["later"]),
    ),
    js(
        "a deep stack is cut",
        "function f(n) { if (n === 0) throw new Error('x'); f(n - 1) } f(200)",
        thrown_by(&["f", "f", "f", "f", "f", "f", "f", "f"]),
    ),
    js(
        "a setup script leaves no frame",
        "probe.calls(function callback() { throw new Error('x') })",
        thrown_by(&["callback", ""]),
    ),
    js(
        "a setup script leaves no file in the stack as text",
        "let s; probe.calls(() => { s = new Error('x').stack }); s.includes('setup')",
        Json("false"),
    ),
    js(
        "a call site hands out no function",
        "let p; Error.prepareStackTrace = (e, s) => { p = Object.getPrototypeOf(s[0]) }; new Error('x');
         typeof p.getFunction + typeof p.getThis",
        Json(r#""undefinedundefined""#),
    ),
    js(
        "no paths in a stack",
        r"/\/(home|root|usr|work|src)\/|\.rs\b|0x[0-9a-f]{6}/.test(new Error('x').stack)",
        Json("false"),
    ),
    // Sources that do not compile.
    js("an open parenthesis", "(", Syntax),
    js("an open text", "'abc", Syntax),
    js("an open comment", "1 /* ", Syntax),
    js("an open template", "`${1", Syntax),
    js("a name declared twice", "let a = 1; let a = 2", Syntax),
    js("a bad pattern", "/(/", Syntax),
    js("a break outside of a loop", "break", Syntax),
    js("a reserved name", "const class = 1", Syntax),
    js("strict code with octal", "'use strict'; 010", Syntax),
    js("a private name out of its class", "({}).#x", Syntax),
    js("await in a function that is not async", "function f() { await 1 } f()", Syntax),
    js("an error at the end runs nothing", "console.log('ran'); )", Syntax),
    js("arrays nested too deeply", "[", Syntax).repeated("", 100_000, ""),
    js("parentheses nested too deeply", "(", Syntax).repeated("", 100_000, "1"),
    js("blocks nested too deeply", "{", Syntax).repeated("", 100_000, ""),
    js("arrays nested too deeply for a small thread", "[", Syntax).repeated("", 100_000, "").on_small_thread(),
];
