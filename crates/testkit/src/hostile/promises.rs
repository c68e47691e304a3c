//! Promises, thenables and jobs: a run is over when its output settles, and not before.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Jobs without end.
    script("await loop", "for (;;) await null", TIMEOUT),
    script(
        "hundred await loops",
        "for (let i = 0; i < 100; i++) (async () => { for (;;) await null })(); await new Promise(() => {})",
        TIMEOUT,
    ),
    script("chain of jobs", "const f = () => { Promise.resolve().then(f) }; f(); await new Promise(() => {})", TIMEOUT),
    script(
        "async catch-all",
        "const f = async () => { for (;;) try { for (;;) await null } catch {} finally { await null } }; await f()",
        TIMEOUT,
    ),
    script(
        "async catch-all around a busy loop",
        "const f = async () => { try { for (;;); } catch { return 1 } }; await f().catch(() => 2)",
        TIMEOUT,
    ),
    script(
        "async generator without end",
        "for await (const x of (async function* () { for (;;) yield 1 })()); 1",
        TIMEOUT,
    ),
    script(
        "async generator that loops in finally",
        "const g = async function* () { try { yield 1 } finally { for (;;) await null } }; for await (const x \
         of g()) break",
        TIMEOUT,
    ),
    module("await loop while a module is evaluated", "for (;;) await null\nexport default 1", TIMEOUT),
    module("await loop in the default function", "export default async () => { for (;;) await null }", TIMEOUT),
    body("await loop in a function body", "for (;;) await null", TIMEOUT),
    // Jobs are kept in memory until they run, and here they never do.
    script("flood of jobs", "for (;;) Promise.resolve(new Uint8Array(65536)).then(() => {})", MEMORY),
    script(
        "flood of pending async functions",
        "const p = new Promise(() => {}); for (;;) (async () => { const s = new Uint8Array(65536); await p; \
         return s })()",
        MEMORY,
    ),
    script(
        "Promise.all over an endless iterator",
        "await Promise.all({ [Symbol.iterator]: () => ({ next: () => ({ value: new Uint8Array(65536) }) }) })",
        MEMORY,
    ),
    // Every turn leaves a promise that waits for the next one.
    script(
        "rejections that beget rejections",
        "const f = () => Promise.reject(1).catch(f); await f()",
        TIMEOUT_OR_MEMORY,
    ),
    // Waiting for what can never come: `NeverSettled`.
    script("await of a promise that never settles", "await new Promise(() => {})", RUNTIME),
    script("output that never settles", "new Promise(() => {})", RUNTIME),
    script("race that nobody wins", "await Promise.race([])", RUNTIME),
    script("thenable that never answers", "await { then() {} }", RUNTIME),
    script(
        "async iterator that never answers",
        "for await (const x of { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}) }) }); 1",
        RUNTIME,
    ),
    script(
        "async function that awaits itself",
        "let p; const f = async () => { await null; await p }; p = f(); await p",
        RUNTIME,
    ),
    module("module that never evaluates", "await new Promise(() => {})\nexport default 1", RUNTIME),
    module("default export that never settles", "export default new Promise(() => {})", RUNTIME),
    body("function body that never settles", "return new Promise(() => {})", RUNTIME),
    // Left behind by a run whose output is there: dropped.
    script("floating promise that never settles", "new Promise(() => {}).then(() => {}); 1", OK),
    script("floating await loop", "(async () => { for (;;) await null })(); 1", OK),
    script("floating chain of jobs", "const f = () => { Promise.resolve().then(f) }; f(); 1", OK),
    // The contract does not say whether a rejection that nobody sees before the output settles is the run's end.
    script("floating rejection", "Promise.reject(new Error('floating')); 1", OK_OR_RUNTIME),
    // Rejections and thenables that misbehave.
    script("output that rejects", "Promise.reject(new Error('no'))", RUNTIME),
    script("output that rejects with nothing", "Promise.reject()", RUNTIME),
    script("promise that resolves to itself", "let r; const p = new Promise(x => { r = x }); r(p); await p", RUNTIME),
    script("thenable that loops", "await { then() { for (;;); } }", TIMEOUT),
    script("thenable whose then loops in its getter", "await { get then() { for (;;); } }", TIMEOUT),
    script("thenable that resolves to itself", "const t = { then(resolve) { resolve(t) } }; await t", TIMEOUT),
    script("thenable that throws", "await { then() { throw new Error('no') } }", RUNTIME),
    script(
        "thenable that answers twice",
        "await { then(resolve, reject) { resolve(1); reject(2); resolve(3); throw 4 } }",
        OK,
    ),
    // A script's last value may be adopted as `await` would, or read as the plain object it is, whose function is then
    // refused or skipped.
    script(
        "output is a thenable that loops",
        "({ then() { for (;;); } })",
        &[Status::Ok, Status::OutputError, Status::Timeout],
    ),
    module(
        "async default function returns a thenable that loops",
        "export default async () => ({ then() { for (;;); } })",
        TIMEOUT,
    ),
    script(
        "subclass whose then loops",
        "class P extends Promise { then() { for (;;); } } await new P(r => r(1))",
        TIMEOUT,
    ),
    // Whether the output's own `then` is called, or its state read, is the engine's choice.
    script(
        "output is a subclass whose then loops",
        "class P extends Promise { then() { for (;;); } } new P(r => r(1))",
        OK_OR_TIMEOUT,
    ),
    script(
        "promise whose constructor loops",
        "const p = Promise.resolve(1); Object.defineProperty(p, 'constructor', { get() { for (;;); } }); await p",
        TIMEOUT,
    ),
    script("executor that loops", "new Promise(() => { for (;;); })", TIMEOUT),
    script(
        "executor that throws after ten thousand answers",
        "await new Promise(r => { for (let i = 0; i < 10000; i++) r(i); throw 1 })",
        OK,
    ),
    script(
        "promise nested ten thousand deep",
        "let p = Promise.resolve(1); for (let i = 0; i < 10000; i++) { const q = p; p = new Promise(r => \
         r(q)) } await p",
        OK,
    ),
    // Builtins that swallow every exception, the end of a run included, in a loop around them.
    script("executors that loop, in a loop", "for (;;) new Promise(() => { for (;;); })", TIMEOUT),
    script("async generators that loop, in a loop", "for (;;) (async function* () { for (;;); })().next()", TIMEOUT),
    script("thenables that loop, in a loop", "for (;;) Promise.resolve({ get then() { for (;;); } })", TIMEOUT),
    script("tries that loop, in a loop", "for (;;) Promise.try(() => { for (;;); })", TIMEOUT),
    script(
        "iterators that loop under all, in a loop",
        "for (;;) Promise.all({ [Symbol.iterator]() { for (;;); } })",
        TIMEOUT,
    ),
];
