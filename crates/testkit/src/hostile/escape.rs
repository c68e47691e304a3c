//! Ways out of the sandbox, and what an attacker looks for first.

use super::*;

pub(super) const ROWS: &[Hostile] = &[
    // Code from text, by every name it has.
    script("eval", "eval('1 + 1')", BLOCKED),
    script("indirect eval", "(0, eval)('globalThis')", BLOCKED),
    script("eval in strict code", "'use strict'; eval('1')", BLOCKED),
    script("Function", "Function('return 1')()", BLOCKED),
    script("new Function", "new Function('a', 'return a')(1)", BLOCKED),
    script("constructor of a function", "(() => {}).constructor('return globalThis')()", BLOCKED),
    script("constructor of an async function", "await (async () => {}).constructor('return globalThis')()", BLOCKED),
    script(
        "constructor of a generator function",
        "(function* () {}).constructor('yield globalThis')().next()",
        BLOCKED,
    ),
    script(
        "constructor of an async generator function",
        "await (async function* () {}).constructor('yield globalThis')().next()",
        BLOCKED,
    ),
    script("constructor of a builtin", "[].map.constructor.constructor('return globalThis')()", BLOCKED),
    script(
        "constructor through Reflect",
        "Reflect.construct(Object.getPrototypeOf(async function () {}).constructor, ['return 1'])",
        BLOCKED,
    ),
    script(
        "constructor with another new.target",
        "Reflect.construct((() => {}).constructor, ['return 1'], class {})()",
        BLOCKED,
    ),
    script("constructor through a subclass", "class F extends (() => {}).constructor {} new F('return 1')()", BLOCKED),
    script("constructor of the console", "console.log.constructor('return globalThis')()", BLOCKED),
    script("constructor of the context", "context.constructor.constructor('return globalThis')()", BLOCKED),
    script("eval as a callback", "['1 + 1'].map(eval)", BLOCKED),
    script("eval as a replacement", "'a'.replace(/a/, Function)", BLOCKED),
    script(
        "every constructor caught",
        "const ways = [() => eval('1'), () => (0, eval)('1'), () => (() => {}).constructor('return 1'), () => \
         (async () => {}).constructor('1'), () => (function* () {}).constructor('1')]; for (const way of \
         ways) { let through = true; try { way() } catch { through = false } if (through) throw new \
         Error('compiled: ' + way) } 1",
        OK,
    ),
    script("eval in a catch-all loop", "for (;;) try { eval('1') } catch {}", TIMEOUT),
    // The language lets eval return what is no text.
    script("eval of an object", "eval({ a: 1 })", OK_OR_BLOCKED),
    // Modules: only what the host provides by name.
    script("dynamic import", "await import('fs')", BLOCKED),
    script("dynamic import of a URL", "await import('data:text/javascript,export default 1')", BLOCKED),
    script("dynamic import of a path", "await import('/etc/passwd')", BLOCKED),
    script(
        "dynamic import of the engine's own modules",
        "await Promise.any(['std', 'os', 'qjs:std', 'qjs:os', 'bjson'].map(name => import(name)))",
        BLOCKED,
    ),
    // Refused before or after the name is read.
    script("dynamic import of a thing that loops", "await import({ toString() { for (;;); } })", BLOCKED_OR_TIMEOUT),
    script("dynamic import of the script itself", "await import('./script.js')", BLOCKED),
    script("dynamic import that nobody awaits", "import('fs').catch(() => {}); 1", OK),
    module("static import", "import fs from 'fs'\nexport default fs", REFUSED),
    module(
        "static import of the engine's own modules",
        "import * as std from 'qjs:std'\nexport default Object.keys(std)",
        REFUSED,
    ),
    module("re-export from elsewhere", "export { default } from '../../secrets.js'", REFUSED),
    module(
        "import with attributes",
        "import data from '/etc/passwd' with { type: 'json' }\nexport default data",
        REFUSED,
    ),
    module(
        "what import.meta knows",
        "const text = JSON.stringify(import.meta) ?? ''; if (/\\/(home|root|usr|tmp|work)\\//.test(text)) \
         throw new Error(text)\nexport default 1",
        OK,
    ),
    script("import in a classic script", "import fs from 'fs'; fs", SYNTAX),
    // The host's names, and what its functions and errors say of it.
    script(
        "names of other hosts",
        "const found = ['process', 'require', 'module', 'exports', '__dirname', 'Deno', 'Bun', 'std', 'os', \
         'bjson', 'print', 'load', 'scriptArgs', 'gc', 'navigator', 'Worker', 'WebAssembly', 'Java', \
         'ActiveXObject', 'loadScript', '__loadScript', 'global', 'window'].filter(name => name in \
         globalThis); if (found.length) throw new Error(found.join()); 1",
        OK,
    ),
    script(
        "globals that nobody documented",
        "const odd = Reflect.ownKeys(globalThis).filter(k => \
         /^__|quickjs|qjs|isolet|rust|host$/i.test(String(k))); if (odd.length) throw new \
         Error(odd.map(String).join()); 1",
        OK,
    ),
    script(
        "paths in a stack",
        "const { stack } = new Error('x'); if \
         (/\\/(home|root|usr|tmp|work|src)\\/|\\.rs|0x[0-9a-f]{6}/.test(stack)) throw new Error(stack); 1",
        OK,
    ),
    script(
        "paths in a builtin's text",
        "const text = String(console.log) + String(Object); if (/\\.rs|\\.c\\b|0x[0-9a-f]{6}/.test(text)) \
         throw new Error(text); 1",
        OK,
    ),
    script(
        "callers",
        "function f() { return f.caller } function g() { return f() } try { if (g()) throw 1 } catch (e) { if \
         (e === 1) throw new Error('caller') } 1",
        OK,
    ),
    // `caller` is not in the language: absent, null or refused.
    script(
        "arguments.callee.caller",
        "(function () { return arguments.callee.caller?.arguments?.length ?? null })()",
        OK_OR_RUNTIME,
    ),
    script(
        "this of a sloppy function",
        "if ((function () { return this })() !== globalThis) throw new Error('another global'); 1",
        OK,
    ),
    // Threads, clocks and the collector.
    // A sandbox may leave shared memory out.
    script("Atomics.wait", "Atomics.wait(new Int32Array(new SharedArrayBuffer(16)), 0, 0)", BLOCKED),
    script(
        "Atomics.wait with a time",
        "try { Atomics.wait(new Int32Array(new SharedArrayBuffer(16)), 0, 0, 1e9) } catch {} 1",
        OK,
    ),
    // Missing, or waiting for what can never come.
    script(
        "Atomics.waitAsync",
        "await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(16)), 0, 0).value",
        RUNTIME,
    ),
    script("Atomics in a spin", "const a = new Int32Array(4); while (Atomics.load(a, 0) === 0);", TIMEOUT),
    // It may run while the run lasts, or never.
    script(
        "finalizer that loops",
        "const r = new FinalizationRegistry(() => { for (;;); }); for (let i = 0; i < 1000; i++) r.register({}, i); 1",
        OK_OR_TIMEOUT,
    ),
    script(
        "finalizer that throws",
        "const r = new FinalizationRegistry(() => { throw 1 }); for (let i = 0; i < 1000; i++) { \
         r.register({}, i); await null } 1",
        OK,
    ),
    // Buffers whose memory goes away under a reader.
    script(
        "view of a detached buffer",
        "const u = new Uint8Array(64); u.buffer.transfer(); u[0] = 1; u.fill(1); u[0]",
        RUNTIME,
    ),
    script(
        "buffer shrunk while it is copied",
        "const b = new ArrayBuffer(1 << 16, { maxByteLength: 1 << 16 }), u = new Uint8Array(b); \
         u.copyWithin({ valueOf() { b.resize(1); return 1 } }, 0); u.length",
        OK,
    ),
    script(
        "buffer detached by a comparator",
        "const u = new Float64Array(1000).map((_, i) => -i); u.sort((a, b) => { try { u.buffer.transfer() } \
         catch {} return a - b }); u.length",
        OK,
    ),
    script(
        "array emptied by its comparator",
        "const a = Array.from({ length: 1000 }, (_, i) => -i); a.sort((x, y) => { a.length = 0; return x - y }); 1",
        OK,
    ),
    script(
        "array emptied by an element's toString",
        "const a = [{ toString() { a.length = 0; return 'x' } }, 1, 2, 3]; a.join(); a.concat(a).length",
        OK,
    ),
    script(
        "map cleared while it is walked",
        "const m = new Map([[1, 1], [2, 2]]); let n = 0; m.forEach((v, k) => { m.clear(); if (n++ < 1000) \
         m.set(k + 1, v) }); n",
        OK,
    ),
    // `compile` is an extra that an engine may leave out.
    script(
        "regular expression changed while it runs",
        "const r = /a(b)?/g; r.lastIndex = { valueOf() { r.compile('(?:)', 'y'); return 0 } }; r.exec('ab'); 1",
        OK_OR_RUNTIME,
    ),
    script(
        "proxy revoked in its own trap",
        "const { proxy, revoke } = Proxy.revocable({}, { get() { revoke(); return 1 } }); proxy.a; try { \
         proxy.a } catch {} 1",
        OK,
    ),
    script("generator that resumes itself", "function* g() { i.next() } const i = g(); i.next()", RUNTIME),
    // Syntax at the edges: refused as a whole, or harmless.
    script("return outside a function", "return 1", SYNTAX),
    body(
        "function body that closes its function",
        "return 1 }); globalThis.escaped = 1; (function () { return 2",
        SYNTAX,
    ),
    body("function body that closes its function with braces only", "} globalThis.escaped = 1; {", SYNTAX),
    script("private name out of its class", "({}).#x", SYNTAX),
    // An engine that tries a script with top-level await first knows no such name.
    script("await as a name in a module's way", "const await = 1; await", SYNTAX_OR_OK),
    script("source that ends in a comment", "1 /* ", SYNTAX),
    script("source with a hashbang", "#!/usr/bin/env isolet\n1", OK),
    script("source with a zero byte", "'a\0b'", OK),
    script("source with line separators", "1\u{2028}+\u{2029}1", OK),
    script("source with a byte order mark", "\u{feff}1", OK),
    script("HTML comments", "<!-- x\n1\n--> y", OK),
    script("octal and with", "with ({ a: 010 }) { a }", OK),
    script("delete of a name", "var a = 1; delete a", OK),
    script("let named let", "var let = 1; let", OK),
    script("empty statement", ";", OK),
    script("debugger", "debugger; 1", OK),
];

const OK_OR_BLOCKED: &[Status] = &[Status::Ok, Status::SandboxViolation, Status::RuntimeError];
const BLOCKED_OR_TIMEOUT: &[Status] = &[Status::SandboxViolation, Status::RuntimeError, Status::Timeout];
// Refused while the module is linked, before any of its code runs.
const REFUSED: &[Status] = &[Status::SandboxViolation, Status::SyntaxError, Status::RuntimeError];
const SYNTAX_OR_OK: &[Status] = &[Status::SyntaxError, Status::Ok];
