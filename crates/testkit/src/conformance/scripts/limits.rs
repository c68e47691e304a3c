//! Deadlines and memory, wherever script code runs.

use std::time::Duration;

use isolet_core_traits::{Abort, KilledIn, RunLimits};

use crate::conformance::Need;
use crate::conformance::script::Expect::{
    Aborts, AnyOf, CompileAborts, CompileOutOfMemory, Json, OutOfMemory, OutOfMemoryWritingOutput,
};
use crate::conformance::script::{Expect, Script, js};

/// Ends in its deadline, in code of the script.
const TIMEOUT: Expect = Aborts(Abort::Deadline, Some(KilledIn::Script));
/// Ends in its deadline, wherever.
const TIMEOUT_ANYWHERE: Expect = Aborts(Abort::Deadline, None);
const IN_NATIVES: &[Need] = &[Need::KillInNatives];
const HARD: &[Need] = &[Need::HardMemory];

/// A wall time that endless scripts use up.
pub(super) fn short(limits: &mut RunLimits) {
    limits.wall_time = Duration::from_millis(60);
}

const fn endless(name: &'static str, source: &'static str) -> Script {
    js(name, source, TIMEOUT).limits(short)
}

pub(super) const ROWS: &[Script] = &[
    // Deadlines.
    endless("a loop", "for (;;);"),
    endless("a loop with a catch-all", "for (;;) try { for (;;); } catch {} finally { continue }"),
    endless("a loop that throws", "for (;;) try { throw 1 } catch {}"),
    endless("a loop in finally", "try { throw 1 } finally { for (;;); }"),
    endless("finally after the end", "(() => { try { for (;;); } finally { return 1 } })()"),
    endless("recursion that branches", "const f = n => n < 2 ? n : f(n - 1) + f(n - 2); f(80)"),
    endless("recursion with a catch-all", "const f = () => { try { f() } catch { f() } }; for (;;) f()"),
    endless("a generator", "function* g() { for (;;) yield 1 } for (const x of g());"),
    endless("a getter", "({ get a() { for (;;); } }).a"),
    endless("a callback of a builtin", "[1, 2].sort(() => { for (;;); })"),
    endless("a conversion", "`${{ toString() { for (;;); } }}`"),
    endless("a proxy", "new Proxy({}, { get() { for (;;); } }).a"),
    endless("a loop after an await", "await null; for (;;);"),
    endless("a loop in a module", "for (;;);\nexport default 1").module(),
    endless("a loop in a default function", "export default () => { for (;;); }").module(),
    endless("a loop in a body", "for (;;);").body(),
    js("a chain of jobs", "const f = () => Promise.resolve().then(f); await f()", AnyOf(&[TIMEOUT_ANYWHERE, OutOfMemory])).limits(short),
    js("an await loop", "for (;;) await null", TIMEOUT_ANYWHERE).limits(short),
    js("an await loop with a catch-all", "for (;;) try { await null; throw 1 } catch { await null } finally { await null }", TIMEOUT_ANYWHERE).limits(short),
    js("jobs beside an output that never settles", "const f = () => { Promise.resolve().then(f) }; f(); await new Promise(() => {})", TIMEOUT_ANYWHERE).limits(short),
    js("a thenable", "({ then() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("a getter of then", "Promise.resolve({ get then() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("a getter while the output is read", "({ get a() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("toJSON while the output is read", "({ toJSON() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("toJSON with a catch-all", "({ toJSON() { for (;;) try { for (;;); } catch {} finally { continue } } })", TIMEOUT_ANYWHERE).limits(short),
    js("a proxy while the output is read", "new Proxy({}, { ownKeys() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("a getter of an argument of a call", "await test.echo({ get a() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("toJSON of a logged value", "console.log({ toJSON() { for (;;); } })", TIMEOUT_ANYWHERE).limits(short),
    js("a callback of a setup script", "probe.calls(() => { for (;;); })", TIMEOUT_ANYWHERE).limits(short),
    js("natives in a loop", "for (;;) probe.same(1)", TIMEOUT_ANYWHERE).limits(short),
    js("calls in a loop", "for (;;) await test.echo(1)", TIMEOUT_ANYWHERE).limits(short),
    js("rejected calls in a loop", "for (;;) await test.fail('RateLimited').catch(() => {})", TIMEOUT_ANYWHERE).limits(short),
    js("eval in a loop", "for (;;) eval('1')", TIMEOUT_ANYWHERE).with_eval().limits(short),
    js("a long source under a short deadline", "const a = [1, 'x', { y: 2 }];", AnyOf(&[CompileAborts, Json("1")])).repeated("{", 20_000, "} 1").limits(|limits| limits.wall_time = Duration::from_micros(1)),
    // Deadlines inside builtins.
    js("a search in a huge array-like", "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)", Aborts(Abort::Deadline, None)).limits(short).needs(IN_NATIVES),
    js("a reversal of a huge array-like", "Array.prototype.reverse.call(new Proxy({}, { get: (t, k) => k === 'length' ? 2 ** 22 : 0, has: () => true, set: () => true }))", TIMEOUT_ANYWHERE).limits(short),
    js("a sparse array sorted", "const a = []; a.length = 2 ** 32 - 1; a.sort()", AnyOf(&[TIMEOUT_ANYWHERE, OutOfMemory, Expect::Ends])).limits(short).needs(IN_NATIVES),
    js("a pattern that backtracks", "/^(a+)+$/.test('a'.repeat(40) + 'b')", TIMEOUT_ANYWHERE).limits(short).needs(IN_NATIVES),
    js("a search for a long text", "const s = 'a'.repeat(1 << 20); for (;;) (s + 'b').indexOf('a'.repeat(1 << 19) + 'c')", TIMEOUT_ANYWHERE).limits(short).needs(IN_NATIVES),
    js("a large power", "let n = 3n; for (;;) n = (n * n) % (2n ** 200000n)", TIMEOUT_ANYWHERE).limits(short).needs(IN_NATIVES),
    js("a builtin in a catch-all", "for (;;) try { Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1) } catch {}", TIMEOUT_ANYWHERE).limits(short).needs(IN_NATIVES),
    // Memory.
    js("objects in an array", "const a = []; for (;;) a.push({})", OutOfMemory),
    js("texts in an array", "const a = []; for (;;) a.push('x'.repeat(1000) + a.length)", OutOfMemory),
    js("keys of an object", "const o = {}; for (let i = 0; ; i++) o['k' + i] = i", OutOfMemory),
    js("a map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, {})", OutOfMemory),
    js("a list", "let o = null; for (;;) o = { o }", OutOfMemory),
    js("closures", "const a = []; for (;;) { const x = a.length; a.push(() => x) }", OutOfMemory),
    js("buffers", "const a = []; for (;;) a.push(new Uint8Array(10000).fill(1))", OutOfMemory),
    js("pending promises", "const a = []; for (;;) a.push(new Promise(() => {}))", OutOfMemory),
    js("pending async functions", "const p = new Promise(() => {}); for (;;) (async () => { await p })()", OutOfMemory),
    js("generators", "const a = []; for (;;) { const g = (function* () { yield 1 })(); g.next(); a.push(g) }", OutOfMemory),
    js("memory in a module", "const a = []; for (;;) a.push({})\nexport default a", OutOfMemory).module(),
    js("memory in a catch-all", "const a = []; for (;;) try { for (;;) a.push([1, 2, 3]) } catch {}", OutOfMemory).needs(HARD),
    js("memory in finally", "const a = []; try { for (;;) a.push([1, 2, 3]) } finally { for (;;) a.push([1]) }", OutOfMemory).needs(HARD),
    js("memory caught as a rejection", "const a = []; await (async () => { for (;;) a.push([1, 2, 3]) })().catch(() => 1)", OutOfMemory).needs(HARD),
    js("one large buffer", "new ArrayBuffer(1 << 30)", OutOfMemory).needs(HARD),
    js("one large text", "'x'.repeat(1 << 28)", OutOfMemory).needs(HARD),
    js("one large array", "new Array(1 << 22).fill(0)", OutOfMemory).needs(HARD),
    js("one large allocation that is caught", "let r; try { r = new ArrayBuffer(1 << 30) } catch { r = 1 } r", OutOfMemory).needs(HARD),
    js("garbage is no use", "for (let i = 0; i < 300000; i++) ({ a: [i, i, i, i, i, i, i, i] }); 1", Json("1")),
    js("cycles of garbage are no use", "for (let i = 0; i < 300000; i++) { const o = { a: [i, i, i, i] }; o.o = o } 1", Json("1")),
    js("memory that is just used", "const a = []; for (let i = 0; i < 5000; i++) a.push('x'.repeat(1000) + i); a.length", Json("5000")),
    js("memory of a getter while the output is read", "({ get a() { const a = []; for (;;) a.push({}) } })", OutOfMemoryWritingOutput),
    js("memory of toJSON while the output is read", "({ toJSON() { const a = []; for (;;) a.push({}) } })", OutOfMemoryWritingOutput),
    js("memory of an argument of a call", "await test.echo({ get a() { const a = []; for (;;) a.push({}) } })", OutOfMemory),
    js("memory after a call", "await test.echo(1); const a = []; for (;;) a.push({})", OutOfMemory),
    js("memory of a source", "x = [1, 2, 3];", CompileOutOfMemory).repeated("", 400_000, "").limits(|limits| limits.memory_bytes = 1 << 20),
];
