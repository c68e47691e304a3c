//! Recursion until the stack is full: a RangeError that a script may catch, and never a crash.

use super::*;

macro_rules! ten {
    ($text:expr) => {
        concat!($text, $text, $text, $text, $text, $text, $text, $text, $text, $text)
    };
}

/// The text a hundred thousand times.
macro_rules! times_100_000 {
    ($text:expr) => {
        ten!(ten!(ten!(ten!(ten!($text)))))
    };
}

pub(super) const ROWS: &[Hostile] = &[
    // Frames of the script.
    script("plain recursion", "const f = () => f() + 1; f()", RUNTIME),
    script(
        "recursion that is caught",
        "const f = n => { try { return f(n + 1) } catch { return n } }; if (f(0) < 5000) throw new Error('a \
         shallow stack')",
        OK,
    ),
    script("recursion in finally", "const f = () => { try { f() } finally { f() } }; f()", TIMEOUT),
    script("recursion in a catch-all loop", "const f = () => f() + 1; for (;;) try { f() } catch {}", TIMEOUT),
    // Each frame holds more arguments than the one before.
    script("recursion with many arguments", "const f = (...a) => f(...a, 1, 2, 3); f()", RUNTIME_OR_MEMORY),
    script("recursion through constructors", "class A { constructor() { new A() } } new A()", RUNTIME),
    script("recursion through a tagged template", "const f = () => f`x`; f()", RUNTIME),
    script("recursion in async functions", "const f = async () => { await f() }; await f()", RUNTIME),
    // A generator's frame may be on the stack or in memory.
    script("recursion through a generator", "function* g() { yield* g() } [...g()]", RUNTIME_OR_MEMORY),
    script(
        "error made on a full stack",
        "const f = () => { try { f() } catch { throw new TypeError('y') } }; f()",
        RUNTIME,
    ),
    body("recursion in a function body", "const f = () => f() + 1; return f()", RUNTIME),
    module("recursion in the default function", "export default function f() { return f() + 1 }", RUNTIME),
    // Frames of the engine between those of the script.
    script("recursion in a getter", "const o = { get a() { return this.a } }; o.a", RUNTIME),
    script("recursion in toString", "const o = { toString() { return '' + this } }; '' + o", RUNTIME),
    script("recursion in Symbol.toPrimitive", "const o = { [Symbol.toPrimitive]() { return +o } }; +o", RUNTIME),
    script("recursion in toJSON", "const o = { toJSON() { return JSON.stringify(o) } }; JSON.stringify(o)", RUNTIME),
    script("recursion in a comparator", "const f = () => [2, 1].sort(f); f()", RUNTIME),
    script("recursion in a replacer function", "const f = () => 'a'.replace(/a/, f); f()", RUNTIME),
    script("recursion in a proxy's get", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.a", RUNTIME),
    script("recursion in Reflect.apply", "const f = () => Reflect.apply(f, null, []); f()", RUNTIME),
    script("recursion in a bound function", "let f = () => g(); const g = f.bind(); g()", RUNTIME),
    script("proxy whose prototype is itself", "const p = new Proxy({}, {}); Object.setPrototypeOf(p, p); p.a", RUNTIME),
    // Frames of the engine alone.
    script("chain of proxies", "let p = {}; for (let i = 0; i < 50000; i++) p = new Proxy(p, {}); p.a", RUNTIME),
    // Each name is longer than the one before, by "bound ".
    script(
        "chain of bound functions",
        "let f = () => 1; for (let i = 0; i < 50000; i++) f = f.bind(); f()",
        RUNTIME_OR_MEMORY,
    ),
    // Looking for a cycle at each level makes it quadratic: the time may be up before the stack is full.
    script(
        "deep array to JSON",
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; JSON.stringify(a)",
        RUNTIME_OR_TIMEOUT,
    ),
    script("deep array to string", "let a = []; for (let i = 0; i < 100000; i++) a = [a]; String(a)", RUNTIME),
    script("deep array flattened", "let a = []; for (let i = 0; i < 100000; i++) a = [a]; a.flat(Infinity)", RUNTIME),
    script("deep text parsed", "JSON.parse('['.repeat(100000) + ']'.repeat(100000))", RUNTIME),
    script("deep objects parsed", "JSON.parse('{\"a\":'.repeat(100000) + '1' + '}'.repeat(100000))", RUNTIME),
    // The language leaves an array that contains itself to the engine: empty in most, a full stack in some.
    script("array that contains itself, to string", "const a = []; a.push(a); String(a)", OK_OR_RUNTIME),
    script("deep pattern", "new RegExp('('.repeat(100000) + ')'.repeat(100000))", RUNTIME),
    script("deep pattern of lookaheads", "new RegExp('(?='.repeat(50000) + ')'.repeat(50000))", RUNTIME),
    script("deep character classes", "new RegExp('['.repeat(50000) + ']'.repeat(50000), 'v')", RUNTIME),
    // An engine may have a largest number of arguments.
    script("long arguments", "Math.max(...new Array(200000).fill(1))", OK_OR_RUNTIME),
    script("long arguments of a length", "String.fromCharCode.apply(null, { length: 2 ** 31 })", RUNTIME),
    // Dropping deep values runs without any frame of the script.
    script("long list dropped", "let o = null; for (let i = 0; i < 100000; i++) o = { o }; o = null; 1", OK),
    script(
        "long chain of closures dropped",
        "let f = null; for (let i = 0; i < 50000; i++) { const g = f; f = () => g } f = null; 1",
        OK,
    ),
    // Deep sources: the compiler refuses them.
    script("source of open brackets", times_100_000!("["), SYNTAX),
    script("source of nested arrays", concat!(times_100_000!("["), times_100_000!("]")), SYNTAX),
    script("source of nested parentheses", concat!(times_100_000!("("), "1", times_100_000!(")")), SYNTAX),
    script("source of nested blocks", concat!(times_100_000!("{"), times_100_000!("}")), SYNTAX),
    script("source of nested arrows", concat!(times_100_000!("a=>"), "1"), SYNTAX),
    script("source of nested templates", concat!(times_100_000!("`${"), "1", times_100_000!("}`")), SYNTAX),
    script("source of negations", concat!(times_100_000!("!"), "1"), SYNTAX),
    script("source of nested ifs", concat!(times_100_000!("if(0);else "), "1"), SYNTAX),
    module("module of nested arrays", concat!("export default ", times_100_000!("["), times_100_000!("]")), SYNTAX),
    // Long but flat: nothing to refuse.
    script("source of a long sum", concat!(times_100_000!("1+"), "1"), OK),
    script("source of many statements", times_100_000!("1;"), OK),
];
