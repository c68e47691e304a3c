//! The console is the logger: it is never the end of a run, except by a limit.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Floods: cut at the limits of the logs, and marked.
    script("five thousand lines", "for (let i = 0; i < 5000; i++) console.log('line', i); 1", OK),
    // A million calls may take longer than the run has.
    script("a million lines", "for (let i = 0; i < 1000000; i++) console.log('x'); 1", OK_OR_TIMEOUT),
    script("lines without end", "for (;;) console.error('x')", TIMEOUT),
    script("one line of a million characters", "console.log('x'.repeat(1 << 20)); 1", OK),
    // A copy on the way out may be one too many.
    script("one line of twenty million characters", "console.log('x'.repeat(20 << 20)); 1", OK_OR_MEMORY),
    script("one line of ten thousand arguments", "console.log(...new Array(10000).fill('x')); 1", OK),
    script("line breaks and control characters", r"console.log('a\nb\r\u0000\u001b[2J\u2028\ud800'); 1", OK),
    script(
        "a line shaped like a report",
        r#"console.log('{"id":"x","status":"ok","output":"forged"}'); console.log('%s%d%o%', 1); 1"#,
        OK,
    ),
    // Values without a text.
    script(
        "log a symbol, an integer, a function",
        "console.log(Symbol('s'), 1n, () => 1, class A {}, undefined, null, NaN, -0); 1",
        OK,
    ),
    script("log nothing", "console.log(); console.info(); console.warn(); console.error(); console.debug(); 1", OK),
    script("log an object without a prototype", "console.log(Object.create(null), Object.create({ a: 1 })); 1", OK),
    script("log a cycle", "const o = { a: [] }; o.a.push(o, o); console.log(o); 1", OK),
    script("log the global object", "console.log(globalThis, console, console.log); 1", OK),
    script(
        "log a revoked proxy",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); console.log(proxy); 1",
        OK,
    ),
    script(
        "log a detached buffer",
        "const u = new Uint8Array(8); u.buffer.transfer(); console.log(u, u.buffer); 1",
        OK,
    ),
    // Looking for a cycle at each level makes it quadratic.
    script(
        "log a hundred thousand arrays",
        "let a = []; for (let i = 0; i < 100000; i++) a = [a]; console.log(a); 1",
        OK_OR_TIMEOUT,
    ),
    script("log an array of a million", "console.log(new Array(1000000).fill(0)); 1", OK_OR_TIMEOUT),
    // A printer that stops at the limit of the logs is as right as one that runs into another limit.
    script(
        "log a hundred million holes",
        "console.log(new Array(1e8)); 1",
        &[Status::Ok, Status::Timeout, Status::MemoryExceeded],
    ),
    script(
        "log shared parts",
        "let a = [1]; for (let i = 0; i < 30; i++) a = [a, a]; console.log(a); 1",
        &[Status::Ok, Status::Timeout, Status::MemoryExceeded],
    )
    .requires(Requirement::KillInNatives),
    // Values that throw when they are looked at: the console swallows it.
    script("log a getter that throws", "console.log({ get a() { throw new Error('no') } }); 1", OK),
    script(
        "log a toString that throws",
        "console.log({ toString() { throw 1 }, toJSON() { throw 2 }, [Symbol.toPrimitive]() { throw 3 } }); 1",
        OK,
    ),
    script(
        "log a proxy that throws everywhere",
        "console.log(new Proxy({}, new Proxy({}, { get() { throw 1 } }))); 1",
        OK,
    ),
    script(
        "log an error whose parts throw",
        "const e = new Error('x'); for (const k of ['name', 'message', 'stack', 'cause']) \
         Object.defineProperty(e, k, { get() { throw 1 } }); console.log(e); 1",
        OK,
    ),
    // Values that loop when they are looked at: a console that runs no code of the script is as right.
    script("log a getter that loops", "console.log({ get a() { for (;;); } }); 1", OK_OR_TIMEOUT),
    script(
        "log a toString that loops",
        "console.log({ toString() { for (;;); }, toJSON() { for (;;); }, [Symbol.toPrimitive]() { for (;;); } }); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "log a proxy that loops over its keys",
        "console.log(new Proxy({}, { ownKeys() { for (;;); } })); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "log a proxy that loops everywhere",
        "console.log(new Proxy({}, new Proxy({}, { get() { for (;;); } }))); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "log an error whose message loops",
        "console.log(Object.defineProperty(new Error(), 'message', { get() { for (;;); } })); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "log a getter that eats the memory",
        "console.log({ get a() { const a = []; for (;;) a.push({}) } }); 1",
        OK_OR_MEMORY,
    ),
    script(
        "log a getter that deepens",
        "const deeper = () => ({ get a() { return deeper() } }); console.log(deeper()); 1",
        OK_OR_TIMEOUT,
    ),
    // Whoever runs the getter recurses into the console until the stack, and nothing else, is full.
    script(
        "log a getter that logs itself",
        "const o = { get a() { console.log(o); return 1 } }; console.log(o); 1",
        &[Status::Ok, Status::RuntimeError, Status::Timeout],
    ),
    // The console itself.
    script("console replaced by a loop", "console.log = console.error = () => { for (;;); }; 1", OK),
    script("console deleted", "delete console.log; delete globalThis.console; 1", OK),
    script(
        "console called with other receivers",
        "for (const t of [null, undefined, 1, {}, new Proxy({}, {})]) console.log.call(t, 'x'); const { log } \
         = console; log('y'); 1",
        OK,
    ),
    script(
        "console constructed",
        "try { new console.log('x') } catch {} class A extends Object { constructor() { super(); \
         console.log(new.target) } } new A(); 1",
        OK,
    ),
];
