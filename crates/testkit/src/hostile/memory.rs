//! More memory than a run may have, by every road that leads there.
//!
//! Most rows take tens of kilobytes at each step, so that they run out of memory and not of time, on slow machines too.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Many small things: on a slow machine the time is up first.
    script("array of small objects", "const a = []; for (;;) a.push({}, a.length)", TIMEOUT_OR_MEMORY),
    script("map of small objects", "const m = new Map(); for (;;) m.set({}, m.size)", TIMEOUT_OR_MEMORY),
    script("object with endless short keys", "const o = {}; for (let i = 0; ; i++) o['k' + i] = i", TIMEOUT_OR_MEMORY),
    // Collections.
    script("array that grows", "const a = []; for (;;) a.push({ i: new Uint8Array(65536) }, a.length)", MEMORY),
    script("array of arrays", "const a = []; for (;;) a.push(new Array(1000).fill(a.length))", MEMORY),
    // Copying the parts one by one takes time as well.
    script("array that doubles", "let a = [1]; for (;;) a = a.concat(a)", TIMEOUT_OR_MEMORY),
    script("spread that doubles", "let a = [1]; for (;;) a = [...a, ...a]", TIMEOUT_OR_MEMORY),
    script("array from a length", "Array.from({ length: 1e9 }, () => new Uint8Array(65536))", MEMORY),
    script(
        "spread of an endless iterator",
        "[...{ [Symbol.iterator]: () => ({ next: () => ({ value: new Uint8Array(65536) }) }) }]",
        MEMORY,
    ),
    script("map that grows", "const m = new Map(); for (;;) m.set({}, new Uint8Array(65536))", MEMORY),
    script("set that grows", "const s = new Set(); for (;;) s.add(new Uint8Array(65536))", MEMORY),
    script(
        "weak map whose keys are held",
        "const w = new WeakMap(), keys = []; for (;;) { const k = {}; keys.push(k); w.set(k, new \
         Uint8Array(65536)) }",
        MEMORY,
    ),
    script(
        "object with endless keys",
        "const big = 'x'.repeat(65536), o = {}; for (let i = 0; ; i++) o[big + i] = i",
        MEMORY,
    ),
    script(
        "global object with endless keys",
        "const big = 'x'.repeat(65536); for (let i = 0; ; i++) globalThis[big + i] = i",
        MEMORY,
    ),
    script("linked list", "let o = null; for (;;) o = { o, s: new Uint8Array(65536) }", MEMORY),
    script(
        "prototype chain without end",
        "let o = {}; for (;;) { o = Object.create(o); o.s = new Uint8Array(65536) }",
        MEMORY,
    ),
    script(
        "closures",
        "let f = () => 0; for (;;) { const g = f, s = new Uint8Array(65536); f = () => [g, s] }",
        MEMORY,
    ),
    script(
        "generators left open",
        "const a = []; function* g() { const s = new Uint8Array(65536); yield 1; return s } for (;;) { const \
         i = g(); i.next(); a.push(i) }",
        MEMORY,
    ),
    script("proxies of proxies", "let p = {}; for (;;) p = new Proxy(p, { b: new Uint8Array(65536) })", MEMORY),
    script(
        "bound functions of bound functions",
        "let f = () => 0; for (;;) f = f.bind(null, new Uint8Array(65536))",
        MEMORY,
    ),
    script(
        "classes and private names",
        "const a = []; for (;;) a.push(new (class { #x = new Uint8Array(65536); get y() { return this.#x } \
         })())",
        MEMORY,
    ),
    script(
        "errors and their stacks",
        "const a = []; for (;;) a.push(new Error('x', { cause: new Uint8Array(65536) }))",
        MEMORY,
    ),
    // Names that outlive their owners, and references that do not hold. An engine may forget a name that nobody holds.
    script(
        "symbols in the registry",
        "const big = 'x'.repeat(65536); for (let i = 0; ; i++) Symbol.for(big + i)",
        TIMEOUT_OR_MEMORY,
    ),
    script(
        "symbols in the registry, held",
        "const big = 'x'.repeat(65536), a = []; for (;;) a.push(Symbol.for(big + a.length))",
        MEMORY,
    ),
    script("symbols held", "const big = 'x'.repeat(65536), a = []; for (;;) a.push(Symbol(big + a.length))", MEMORY),
    script("atoms of dropped objects", "for (let i = 0; i < 100000; i++) ({})['atom' + i] = i; 1", OK_OR_TIMEOUT),
    script(
        "weak references",
        "const a = []; for (;;) { const o = { s: new Uint8Array(65536) }; a.push(o, new WeakRef(o)) }",
        MEMORY,
    ),
    script("weak references to one object", "const o = {}, a = []; for (;;) a.push(new WeakRef(o))", TIMEOUT_OR_MEMORY),
    script(
        "finalization registry",
        "const r = new FinalizationRegistry(() => { for (;;); }), a = []; for (;;) { const o = {}; a.push(o); \
         r.register(o, new Uint8Array(65536)) }",
        MEMORY,
    ),
    script("cyclic garbage", "for (;;) { const a = {}; a.b = { a } }", TIMEOUT),
    // Strings. An engine may write them character by character, or copy them at each step: the time may be up first.
    script("string that grows", "let s = ''; for (;;) s += 'x'.repeat(1000) + s.length", TIMEOUT_OR_MEMORY),
    // Halves that are shared take no memory, and the longest string ends it.
    script("string that doubles", "let s = 'xy'; for (;;) s += s", RUNTIME_OR_MEMORY),
    script("strings held", "const a = []; for (;;) a.push('y'.repeat(100000) + a.length)", TIMEOUT_OR_MEMORY),
    script("repeat to half a gigabyte", "'x'.repeat(2 ** 29).length", MEMORY),
    script("repeat past the longest string", "'x'.repeat(2 ** 32).length", RUNTIME),
    script("padding to half a gigabyte", "'x'.padEnd(2 ** 29, 'ab').length", MEMORY),
    script(
        "template that blows up",
        "let s = 'x'.repeat(1 << 16); for (;;) s = [`${s}${s}`].join('')",
        TIMEOUT_OR_MEMORY,
    ),
    script(
        "replacement that blows up",
        "'x'.repeat(1 << 14).replaceAll('x', 'y'.repeat(1 << 14)).length",
        TIMEOUT_OR_MEMORY,
    ),
    script("join that blows up", "new Array(1 << 14).fill('z'.repeat(1 << 14)).join('').length", TIMEOUT_OR_MEMORY),
    script("split into characters", "'ab'.repeat(1 << 22).split('').length", TIMEOUT_OR_MEMORY),
    script("parse of a long array", "JSON.parse('[' + '[],'.repeat(1 << 20) + '0]').length", MEMORY),
    // Compiling a pattern takes both.
    script(
        "long regular expressions",
        "const a = []; for (;;) a.push(new RegExp('(?:a|b)'.repeat(10000) + a.length))",
        TIMEOUT_OR_MEMORY,
    ),
    // Buffers and numbers.
    script("buffer of a gigabyte", "new ArrayBuffer(2 ** 30)", MEMORY),
    // An engine may refuse such a length before it asks for memory.
    script("buffer past the longest one", "new ArrayBuffer(2 ** 31)", RUNTIME_OR_MEMORY),
    script("buffer of all the integers", "new ArrayBuffer(Number.MAX_SAFE_INTEGER)", RUNTIME_OR_MEMORY),
    script("typed arrays held", "const a = []; for (;;) a.push(new Uint8Array(1 << 20))", MEMORY),
    script(
        "buffer that is resized",
        "const b = new ArrayBuffer(1, { maxByteLength: 2 ** 30 }); b.resize(2 ** 30)",
        MEMORY,
    ),
    // A sandbox may leave shared memory out.
    script(
        "shared buffer that grows",
        "const b = new SharedArrayBuffer(1, { maxByteLength: 2 ** 30 }); b.grow(2 ** 30)",
        RUNTIME_OR_MEMORY,
    ),
    script("shared buffers held", "const a = []; for (;;) a.push(new SharedArrayBuffer(1 << 20))", RUNTIME_OR_MEMORY),
    // An engine may have a longest integer of its own.
    script("integer of a billion bits", "(1n << 1000000000n) > 0n", RUNTIME_OR_MEMORY),
    script("integers held", "const a = []; for (let i = 1n; ; i++) a.push((1n << 100000n) + i)", MEMORY),
    // The script tries to survive: the limit is no exception, and no handler runs after it.
    script("bomb in a catch-all", "const a = []; try { for (;;) a.push(new Array(1000).fill(0)) } catch {} 1", MEMORY)
        .requires(Requirement::HardMemory),
    script(
        "bombs in a loop of catch-alls",
        "for (;;) { const a = []; try { for (;;) a.push(new Uint8Array(1 << 16)) } catch {} finally { \
         a.length = 0 } }",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
    script(
        "bomb with finally that returns",
        "(() => { const a = []; try { for (;;) a.push([new Uint8Array(65536)]) } finally { return 1 } })()",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
    script(
        "bomb in an async catch-all",
        "const bomb = async () => { await null; const a = []; for (;;) a.push(new Uint8Array(65536)) }; await \
         bomb().catch(() => 1)",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
    script(
        "bomb in a job that nobody awaits",
        "Promise.resolve().then(() => { const a = []; for (;;) a.push([new Uint8Array(65536)]) }).catch(() => \
         {}); await null; await null; await null; 1",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
    script(
        "bomb in a generator's finally",
        "function* g() { try { yield 1 } finally { const a = []; for (;;) a.push([new Uint8Array(65536)]) } } \
         try { for (const x of g()) break } catch {} 1",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
    script("one huge request in a catch-all", "try { new ArrayBuffer(2 ** 30) } catch {} 1", MEMORY)
        .requires(Requirement::HardMemory),
    script(
        "filled to the brim, then a throw",
        "const a = []; try { for (;;) a.push(new Uint8Array(16)) } catch { throw new Error('survived') }",
        MEMORY,
    )
    .requires(Requirement::HardMemory),
];
