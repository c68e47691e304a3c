//! Scripts that do not end by themselves.

/// A kind of hostile script.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
    /// Whether it leaks, so that its memory may end it before its time does.
    pub(crate) leaks: bool,
}

const fn kind(name: &'static str, text: &'static str) -> Kind {
    Kind { name, text, leaks: false }
}

const fn leak(name: &'static str, text: &'static str) -> Kind {
    Kind { name, text, leaks: true }
}

pub(crate) const LOOP: &str = "for (;;) {}";

/// What neighbours run that do all sorts of things.
pub(crate) const MIX: &[&str] = &[
    LOOP,
    "'a'.repeat(2 << 20).indexOf('a'.repeat(1 << 20) + 'b')",
    "Array.prototype.join.call({ length: 2 ** 32 }).length",
    "const n = (1n << 1000000n) - 3n; for (;;) n.toString()",
    "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; JSON.stringify(a).length",
    "const a = new Float64Array(1 << 20); for (;;) { for (let i = 0; i < a.length; i++) a[i] = i * 7919 % 1000003; a.sort() }",
    "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })",
    "/(a+)+$/.test('a'.repeat(40) + 'b')",
    "for (;;) { const a = []; for (let i = 0; i < 1000; i++) a.push({ i }, 's' + i) }",
];

/// What is ended by its deadline, one after another. `echo.ping` is a host call that answers at once.
pub(crate) const KINDS: &[Kind] = &[
    // Interpreted code.
    kind("empty loop", LOOP),
    kind("loop in try and finally", "for (;;) try { for (;;); } catch {} finally { continue }"),
    kind("throw and catch", "for (;;) try { throw new Error('x') } catch {}"),
    kind("recursion", "(function f(n) { return n < 2 ? n : f(n - 1) + f(n - 2) })(80)"),
    kind("stack overflows in a loop", "const f = () => f() + 1; for (;;) try { f() } catch {}"),
    kind("generator", "for (const x of (function* () { for (;;) yield 1 })());"),
    kind("proxy", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); for (;;) try { p.x } catch {}"),
    kind(
        "comparator",
        "const a = Array.from({ length: 1e4 }, (_, i) => i * 7919 % 10007); for (;;) a.sort((x, y) => y - x)",
    ),
    // Builtins.
    kind("indexOf", "'a'.repeat(2 << 20).indexOf('a'.repeat(1 << 20) + 'b')"),
    kind("split", "'a'.repeat(2 << 20).split('a'.repeat(1 << 20) + 'b').length"),
    kind("join of nothing", "Array.prototype.join.call({ length: 2 ** 53 - 1 }, '').length"),
    leak("join of separators", "Array.prototype.join.call({ length: 2 ** 32 }).length"),
    kind("shift", "Array.prototype.shift.call({ length: 2 ** 53 - 1 })"),
    kind("reverse", "Array.prototype.reverse.call({ length: 2 ** 53 - 1 })"),
    kind("includes", "Array.prototype.includes.call({ length: 2 ** 53 - 1 }, 1)"),
    kind("builtins in a catch-all", "for (;;) try { Array.prototype.reverse.call({ length: 2 ** 53 - 1 }) } catch {}"),
    kind("big integer to text", "const n = (1n << 1000000n) - 3n; for (;;) n.toString()"),
    kind("big integer of text", "const s = '7'.repeat(300000); for (;;) BigInt(s)"),
    kind("big integer power", "for (;;) 3n ** 500000n"),
    kind("big integer division", "const a = (1n << 1000000n) - 1n, b = (1n << 500000n) - 1n; for (;;) a / b"),
    leak("shared parts to JSON", "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; JSON.stringify(a).length"),
    kind("parse of JSON", "const s = '[' + '1,'.repeat(500000) + '1]'; for (;;) JSON.parse(s)"),
    kind("flat of shared parts", "let a = []; for (let i = 0; i < 40; i++) a = [a, a]; a.flat(Infinity).length"),
    kind("regular expression", "/(a+)+$/.test('a'.repeat(40) + 'b')"),
    kind("regular expression in a loop", "for (;;) try { /(x+x+)+y/.test('x'.repeat(60)) } catch {}"),
    kind(
        "typed array sorted",
        "const a = new Float64Array(1 << 20); for (;;) { for (let i = 0; i < a.length; i += 64) a[i] = i * 7919 % 1000003; a.sort() }",
    ),
    kind("typed array filled", "const a = new Uint8Array(16 << 20); for (;;) a.fill(7)"),
    kind("dates", "for (;;) new Date(2020, 1, 1).toString()"),
    kind("normalization", "const s = 'a\\u0301\\u0327'.repeat(100000); for (;;) s.normalize('NFC').normalize('NFD')"),
    kind("upper case", "const s = '\\u0130'.repeat(300000); for (;;) s.toLowerCase()"),
    // Jobs and host calls.
    kind("await", "for (;;) await null"),
    kind(
        "hundred awaits",
        "for (let i = 0; i < 100; i++) (async () => { for (;;) await null })(); await new Promise(() => {})",
    ),
    kind("chain of jobs", "const f = () => { Promise.resolve().then(f) }; f(); await new Promise(() => {})"),
    kind("host calls", "for (;;) await echo.ping()"),
    kind("host calls, hundred at once", "for (;;) await Promise.all(Array.from({ length: 100 }, () => echo.ping()))"),
    kind("host calls that are refused", "for (;;) echo.ping().catch(() => {})"),
    // Memory.
    kind("garbage", "for (;;) { const a = []; for (let i = 0; i < 1000; i++) a.push({ i }, 's' + i) }"),
    kind("cyclic garbage", "for (;;) { const a = {}; a.b = { a } }"),
    kind("long texts", "for (;;) 'x'.repeat(1 << 24).length"),
    kind("text that grows and is dropped", "for (;;) { let s = ''; for (let i = 0; i < 1e5; i++) s += i }"),
    leak("arrays kept", "const a = []; for (;;) a.push(new Array(1000).fill(a.length))"),
    leak("texts kept", "const a = []; for (;;) a.push('y'.repeat(100000) + a.length)"),
];
