//! The pairs.

use isolet::Status;

use super::{As, Dropped, Pair};

const fn pair(name: &'static str, leaves: &'static str, finds: &'static str, gives: &'static str) -> Pair {
    Pair { name, leaves, ends: As(Status::Ok), finds, gives }
}

/// A script that would count up if anything of it stayed, after itself.
const fn again(name: &'static str, script: &'static str, gives: &'static str) -> Pair {
    pair(name, script, script, gives)
}

/// A run that does not end well.
const fn ends(status: Status, name: &'static str, leaves: &'static str) -> Pair {
    Pair { name, leaves, ends: As(status), finds: AFTER, gives: r#"["undefined","undefined",null,2,3,"mine"]"# }
}

const fn dropped(name: &'static str, leaves: &'static str) -> Pair {
    Pair { ends: Dropped, ..ends(Status::Cancelled, name, leaves) }
}

/// What a run finds that others have begun with [`Pair::leaves`] of `ends`.
const AFTER: &str = "[typeof leaked, typeof [].leaked, input, [1, 2].push(3) - 1, [1, 2, 3].at(-1), await \
 echo.first('mine')]";

pub(super) const PAIRS: &[Pair] = &[
    // Names.
    pair(
        "globals",
        "globalThis.leaked = 1; var leaked2 = 2; let leaked3 = 3; const leaked4 = 4; function \
     leaked5() {} class leaked6 {}",
        "[typeof leaked, typeof leaked2, typeof leaked3, typeof leaked4, typeof leaked5, typeof leaked6]",
        r#"["undefined","undefined","undefined","undefined","undefined","undefined"]"#,
    ),
    pair(
        "globals by sloppy assignment",
        "leaked = 1; (function () { this.leaked2 = 2 })()",
        "[typeof leaked, \
     typeof leaked2]",
        r#"["undefined","undefined"]"#,
    ),
    pair(
        "globals that cannot be deleted",
        "Object.defineProperty(globalThis, 'leaked', { value: 1 })",
        "['leaked' \
     in globalThis, (leaked => leaked)(2)]",
        "[false,2]",
    ),
    pair(
        "globals by symbol",
        "globalThis[Symbol.for('leaked')] = 1; Object.prototype[Symbol.for('leaked')] = 2",
        "[typeof \
     globalThis[Symbol.for('leaked')], Symbol.keyFor(Symbol.for('leaked'))]",
        r#"["undefined","leaked"]"#,
    ),
    pair(
        "lexical names",
        "let total = 5; const list = [1]; class Order {}",
        "let total = 1; const list = 2; \
     class Order { static a = 3 } [total, list, Order.a]",
        "[1,2,3]",
    ),
    pair(
        "a deleted global",
        "delete globalThis.JSON; delete globalThis.URL; delete globalThis.echo; delete \
     globalThis.console",
        "[typeof JSON, typeof URL, typeof echo, typeof console]",
        r#"["object","function","object","object"]"#,
    ),
    pair(
        "a replaced global",
        "JSON = Math = URL = Promise = undefined; globalThis.echo = 1; context = 2; \
     console = 3",
        "[typeof JSON, typeof Math, typeof URL, typeof Promise, typeof echo.first, typeof context, \
     typeof console]",
        r#"["object","object","function","function","function","object","object"]"#,
    ),
    pair(
        "a frozen world",
        "Object.freeze(Object.prototype); Object.freeze(Array.prototype); \
     Object.freeze(globalThis)",
        "Array.prototype.a = 1; globalThis.b = 2; [[].a, b, \
     Object.isFrozen(Object.prototype)]",
        "[1,2,false]",
    ),
    pair(
        "the global object's prototype",
        "try { Object.setPrototypeOf(globalThis, { leaked: 1 }) } catch {}",
        "[typeof \
     leaked, Object.getPrototypeOf(globalThis) === Object.prototype]",
        r#"["undefined",true]"#,
    ),
    pair("input", "input.leaked = 1; globalThis.input.other = 2", "input", "null"),
    pair(
        "the context",
        "context = { tenant: 'leaked' }; globalThis.context.leaked = 1",
        "[context.tenant.length, \
     'leaked' in context, Object.isFrozen(context)]",
        "[4,false,true]",
    ),
    // Builtins.
    pair(
        "prototypes",
        "Object.prototype.leaked = Array.prototype.leaked = String.prototype.leaked = \
     Function.prototype.leaked = Promise.prototype.leaked = 1",
        "[typeof {}.leaked, typeof [].leaked, typeof \
     ''.leaked, typeof (() => {}).leaked, typeof Promise.resolve().leaked]",
        r#"["undefined","undefined","undefined","undefined","undefined"]"#,
    ),
    pair(
        "patched builtins",
        "JSON.stringify = JSON.parse = () => 'leaked'; Math.max = () => 7; \
     Array.prototype.map = () => 'leaked'; Object.keys = () => ['leaked']",
        "[JSON.stringify([1]), \
     JSON.parse('2'), Math.max(1, 2), [1].map(String), Object.keys({ a: 1 })]",
        r#"["[1]",2,2,["1"],["a"]]"#,
    ),
    pair(
        "patched conversions",
        "Object.prototype.toString = Number.prototype.toString = Array.prototype.join = \
     () => 'leaked'; Symbol.prototype[Symbol.toPrimitive] = 1",
        "[`${{}}`, (5).toString(), [1, 2].join()]",
        r#"["[object Object]","5","1,2"]"#,
    ),
    pair(
        "patched promises",
        "const { then } = Promise.prototype; Promise.prototype.then = function (done) { \
     return then.call(this, () => done?.('leaked')) }; Promise.resolve = () => 'leaked'",
        "[await \
     Promise.resolve(1).then((value) => value), await Promise.all([2])]",
        "[1,[2]]",
    ),
    pair(
        "patched iterators",
        "Array.prototype[Symbol.iterator] = function* () { yield 'leaked' }; \
     Object.getPrototypeOf(new Map().entries()).next = () => ({ done: true })",
        "[[...[1, 2]], [...new Map([[3, \
     4]])]]",
        "[[1,2],[[3,4]]]",
    ),
    pair(
        "patched functions",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () \
     => 'leaked'",
        "[Math.max.call(null, 1, 2), Math.max.apply(null, [3]), Math.max.bind(null, 4)()]",
        "[2,3,4]",
    ),
    pair(
        "patched texts",
        "String.prototype.replace = String.prototype.split = String.prototype.toUpperCase = () \
     => 'leaked'; RegExp.prototype.exec = () => null",
        "['a-b'.replace('-', '+'), 'a-b'.split('-'), \
     'a'.toUpperCase(), /a/.test('a')]",
        r#"["a+b",["a","b"],"A",true]"#,
    ),
    pair(
        "patched species",
        "Object.defineProperty(Array, Symbol.species, { get: () => undefined }); \
     Object.defineProperty(Promise, Symbol.species, { get: () => { throw 1 } })",
        "class A extends Array {} \
     [A.from([1]).map((a) => a) instanceof A, await Promise.resolve(1).then((a) => a)]",
        "[true,1]",
    ),
    pair(
        "setters on all objects",
        "for (const name of ['a', '0', 'then', 'toJSON', 'name', 'length2']) \
     Object.defineProperty(Object.prototype, name, { __proto__: null, get: () => 'leaked', set() {} })",
        "const \
     made = {}; made.a = 1; made[0] = 2; [made, typeof {}.then, typeof {}.toJSON]",
        r#"[{"0":2,"a":1},"undefined","undefined"]"#,
    ),
    pair("toJSON of all objects", "Object.prototype.toJSON = () => 'leaked'; 1", "[{ a: 1 }]", r#"[{"a":1}]"#),
    pair(
        "then of all objects",
        "await null; Object.defineProperty(Object.prototype, 'then', { value: undefined, \
     writable: false })",
        "const o = {}; o.then = 5; o",
        r#"{"then":5}"#,
    ),
    pair(
        "indices of all arrays",
        "for (let at = 0; at < 9; at++) Object.defineProperty(Array.prototype, at, { \
     set() {}, get: () => 'leaked' })",
        "const list = []; list[0] = 1; list[2] = 3; list",
        "[1,null,3]",
    ),
    pair(
        "prototypes of builtins",
        "Object.setPrototypeOf(Array.prototype, { leaked: 1 }); \
     Object.setPrototypeOf(Map.prototype, Set.prototype)",
        "[typeof [].leaked, \
     Object.getPrototypeOf(Array.prototype) === Object.prototype, typeof new Map().add]",
        r#"["undefined",true,"undefined"]"#,
    ),
    pair(
        "Date",
        "Date.now = () => 5; Date.prototype.getTime = () => 6; Date.prototype.getTimezoneOffset = () => \
     7; globalThis.Date = class {}",
        "[Date.now() > 1.6e12, new Date(8).getTime(), new \
     Date(0).getTimezoneOffset()]",
        "[true,8,0]",
    ),
    pair(
        "Error.stackTraceLimit",
        "Error.stackTraceLimit = 0; 1",
        "[Error.stackTraceLimit, new \
     Error('a').stack.length > 0]",
        "[10,true]",
    ),
    pair(
        "Error.stackTraceLimit of another kind",
        "Error.stackTraceLimit = {}; Error.stackTraceLimit = 'leaked'",
        "Error.stackTraceLimit",
        "10",
    ),
    pair(
        "Error.prepareStackTrace",
        "Error.prepareStackTrace = () => 'leaked'",
        "[typeof \
     Error.prepareStackTrace, new Error('a').stack.includes('leaked')]",
        r#"["undefined",false]"#,
    ),
    pair(
        "errors' names",
        "Error.prototype.name = 'Leaked'; TypeError.prototype.toString = () => 'leaked'",
        "try \
     { null.a } catch (error) { [error.name, new Error('a').name] }",
        r#"["TypeError","Error"]"#,
    ),
    pair(
        "a regular expression's place",
        "const pattern = /a/g; pattern.exec('aa'); globalThis.leaked = pattern",
        "const \
     pattern = /a/g; [pattern.lastIndex, pattern.exec('aa').index]",
        "[0,0]",
    ),
    pair(
        "statics of RegExp",
        "/(l)(eaked)/.exec('leaked')",
        "[RegExp.$1 ?? null, RegExp.lastMatch ?? null, \
     RegExp['$&'] ?? null, RegExp.input ?? null]",
        "[null,null,null,null]",
    ),
    // What is made on first use, and what is behind it.
    pair(
        "globals made on first use",
        "URL; Headers; crypto; setTimeout; structuredClone; performance; Event; \
     TextDecoder",
        "['URL', 'Headers', 'crypto', 'setTimeout', 'structuredClone', 'performance', 'Event', \
     'TextDecoder'].map((name) => typeof Object.getOwnPropertyDescriptor(globalThis, name).get)",
        r#"["function","function","function","function","function","function","function","function"]"#,
    ),
    pair(
        "patched classes of ours",
        "URL.prototype.toString = () => 'leaked'; URLSearchParams.prototype.get = () \
     => 'leaked'; Headers.prototype.has = () => 'leaked'; Object.defineProperty(URL.prototype, 'href', { get: () \
     => 'leaked' })",
        "[String(new URL('http://a/')), new URLSearchParams('a=1').get('a'), new Headers({ a: '1' \
     }).has('a'), new URL('http://b/').href]",
        r#"["http://a/","1",true,"http://b/"]"#,
    ),
    pair(
        "properties of objects of ours",
        "crypto.leaked = crypto.subtle.leaked = performance.leaked = \
     navigator.leaked = 1; console.log.leaked = 1",
        "[typeof crypto.leaked, typeof crypto.subtle.leaked, typeof \
     performance.leaked, typeof navigator.leaked, typeof console.log.leaked]",
        r#"["undefined","undefined","undefined","undefined","undefined"]"#,
    ),
    pair(
        "timers",
        "setTimeout(() => { globalThis.leaked = 1; console.log('leaked') }, 1); setInterval(() => { \
     globalThis.leaked = 2 }, 1)",
        "const id = setTimeout(() => {}, 1); await new Promise((done) => \
     setTimeout(done, 20)); [id, typeof leaked]",
        r#"[1,"undefined"]"#,
    ),
    pair(
        "a thousand timers",
        "for (let at = 0; at < 1000; at++) setTimeout(() => {}, 1e6)",
        "let count = 0; try \
     { for (;;) { setTimeout(() => {}, 1e6); count++ } } catch { count }",
        "1000",
    ),
    pair(
        "signals that time out",
        "AbortSignal.timeout(1).onabort = () => console.log('leaked')",
        "const signal \
     = AbortSignal.timeout(1); await new Promise((done) => setTimeout(done, 20)); signal.aborted",
        "true",
    ),
    pair(
        "decoders left open",
        "globalThis.decoders = Array.from({ length: 900 }, () => { const d = new \
     TextDecoder(); d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }); return d })",
        "const all = \
     Array.from({ length: 900 }, () => new TextDecoder()); [all.at(-1).decode(new Uint8Array([0xac])), \
     all.map((d) => d.decode(new Uint8Array([97]), { stream: true })).length]",
        r#"["�",900]"#,
    ),
    pair(
        "keys",
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(9), { name: 'HMAC', hash: \
     'SHA-1' }, true, ['sign']); globalThis.leaked = key; await crypto.subtle.sign('HMAC', key, new \
     Uint8Array(1))",
        "typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "clocks",
        "globalThis.leaked = performance.now(); performance.now = () => 5",
        "[performance.now() >= 0, \
     performance.now() !== 5, Math.abs(Date.now() - performance.timeOrigin - performance.now()) < 1e4]",
        "[true,true,true]",
    ),
    // The console.
    pair(
        "counters of the console",
        "console.count('a'); console.count('a'); console.count()",
        "console.count('a'); \
     console.count(); 1",
        "1",
    ),
    pair(
        "groups of the console",
        "console.group('a'); console.group('b')",
        "console.log('a'); \
     console.groupEnd(); console.log('b'); 1",
        "1",
    ),
    pair(
        "timers of the console",
        "console.time('a'); console.time()",
        "console.timeEnd('a'); console.timeLog(); \
     1",
        "1",
    ),
    pair("lines of the console", "console.log('leaked'); console.error('leaked')", "console.log('a'); 1", "1"),
    pair(
        "a full console",
        "for (let at = 0; at < 2000; at++) console.log('leaked'.repeat(100))",
        "console.log('a'); \
     1",
        "1",
    ),
    // Work that was left.
    pair(
        "jobs without end",
        "const again = () => { globalThis.leaked = 1; Promise.resolve().then(again) }; \
     again(); 1",
        "for (let at = 0; at < 50; at++) await null; typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "promises that wait",
        "globalThis.leaked = new Promise(() => {}); leaked.then(() => \
     console.log('leaked')); 1",
        "await null; typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "rejections nobody handles",
        "setTimeout(() => Promise.reject(new Error('leaked')), 1); \
     Promise.reject(new Error('leaked')).catch(() => {}); 1",
        "await new Promise((done) => setTimeout(done, \
     10)); 1",
        "1",
    ),
    pair(
        "calls nobody awaits",
        "slow.wait('leaked').then((value) => { globalThis.leaked = value }, () => {}); 1",
        "[await \
     echo.first('mine'), typeof leaked]",
        r#"["mine","undefined"]"#,
    ),
    pair(
        "generators left open",
        "function* g() { try { yield 1 } finally { globalThis.leaked = 1 } } \
     globalThis.open = g(); open.next().value",
        "[typeof open, typeof leaked]",
        r#"["undefined","undefined"]"#,
    ),
    pair(
        "async generators left open",
        "async function* g() { try { yield 1; await new Promise(() => {}) } \
     finally { globalThis.leaked = 1 } } const open = g(); await open.next(); open.next(); 1",
        "await null; \
     typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "finalizers",
        "const registry = new FinalizationRegistry(() => { globalThis.leaked = 1; \
     console.log('leaked') }); for (let at = 0; at < 100; at++) registry.register({}, at); 1",
        "for (let at = 0; \
     at < 1000; at++) ({ at }); await null; typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "weak references",
        "globalThis.leaked = new WeakRef({ a: 1 }); new WeakMap([[globalThis, \
     'leaked']]).get(globalThis)",
        "typeof leaked",
        r#""undefined""#,
    ),
    pair(
        "private marks on what is shared",
        "class Mark extends class { constructor(o) { return o } } { #leaked \
     = 1; static has(o) { return #leaked in o } } new Mark(globalThis); new Mark(Array.prototype); \
     Mark.has(globalThis)",
        "class Mark extends class { constructor(o) { return o } } { #leaked = 1; static \
     has(o) { return #leaked in o } } [Mark.has(globalThis), Mark.has(Array.prototype)]",
        "[false,false]",
    ),
    pair(
        "shared memory",
        "const shared = new Int32Array(new SharedArrayBuffer(1 << 16)).fill(7); \
     Atomics.store(shared, 0, 9)",
        "new Int32Array(new SharedArrayBuffer(1 << 16)).some(Boolean)",
        "false",
    ),
    // Memory.
    pair(
        "bytes of freed memory",
        "for (let at = 0; at < 50; at++) new Uint8Array(1 << 16).fill(0xaa); \
     globalThis.kept = 'leaked'.repeat(1e5); 1",
        "const b = new ArrayBuffer(8, { maxByteLength: 1 << 18 }); \
     b.resize(1 << 18); [new Uint8Array(1 << 20), new Uint8Array(b), new Uint8Array(new \
     ArrayBuffer(16).transfer(1 << 16)), new Float64Array(1 << 12), new BigUint64Array(9)].map((bytes) => \
     bytes.some((byte) => byte != 0))",
        "[false,false,false,false,false]",
    ),
    pair(
        "much memory",
        "globalThis.all = Array.from({ length: 1e5 }, (_, at) => ({ at, text: 'leaked' + at })); \
     all.length",
        "[1, 2].length",
        "2",
    ),
    pair(
        "many names",
        "for (let at = 0; at < 2e4; at++) globalThis['leaked' + at] = Symbol('leaked' + at); 1",
        "Object.keys(globalThis).filter((name) \
     => name.startsWith('leaked')).length",
        "0",
    ),
    pair(
        "shapes of objects",
        "for (let at = 0; at < 1e4; at++) ({ ['a' + at]: 1, b: 2, ['c' + at]: 3 })",
        "Object.keys({ \
     c: 1, a: 2, b: 3 })",
        r#"["c","a","b"]"#,
    ),
    // The same program again.
    again("a counter", "globalThis.count = (globalThis.count ?? 0) + 1; count", "1"),
    again("a function's property", "function f() { f.count = (f.count ?? 0) + 1; return f.count } f()", "1"),
    again("a class's static", "class A { static count = 0; static next() { return ++A.count } } A.next()", "1"),
    again(
        "a tagged template",
        "const tag = (strings) => strings; const seen = (globalThis.seen ??= new \
     WeakSet()); const is = () => tag`a`; const first = seen.has(is()); seen.add(is()); [first, seen.has(is()), \
     is() === is()]",
        "[false,true,true]",
    ),
    again(
        "a pattern in a function",
        "const next = () => /a/g; const pattern = next(); pattern.exec('a'); \
     [pattern.lastIndex, next().lastIndex]",
        "[1,0]",
    ),
    again(
        "a default that caches",
        "const f = (a, cache = (f.cache ??= new Map())) => { cache.set(a, \
     cache.size); return cache.size }; f(1)",
        "1",
    ),
    again(
        "a module of the host's",
        "import { next, cache } from 'counter'; cache.set('leaked', 1); export \
     default [next(), next(), cache.size]",
        "[1,2,1]",
    ),
    again(
        "a module of the host's, later",
        "const { next } = await import('counter'); [next(), (await \
     import('counter')).next()]",
        "[1,2]",
    ),
    again(
        "a module's own state",
        "const cache = new Map(); let count = 0; export default (input) => { \
     cache.set(++count, input); return [count, cache.size] }",
        "[1,1]",
    ),
    again(
        "a patched builtin",
        "const was = [1].map.leaked ?? 'none'; Array.prototype.map.leaked = 1; was",
        r#""none""#,
    ),
    // Runs that do not end well.
    ends(
        Status::RuntimeError,
        "an error",
        "globalThis.leaked = 1; Array.prototype.leaked = 1; throw new \
     Error('leaked')",
    ),
    ends(Status::RuntimeError, "a rejection", "globalThis.leaked = 1; await Promise.reject(new Error('leaked'))"),
    ends(Status::RuntimeError, "a stack that is used up", "globalThis.leaked = 1; const f = () => f() + 1; f()"),
    ends(Status::RuntimeError, "an output that never settles", "globalThis.leaked = 1; await new Promise(() => {})"),
    ends(Status::SandboxViolation, "a violation", "globalThis.leaked = 1; Array.prototype.leaked = 1; eval('1')"),
    ends(Status::OutputError, "an output that is none", "globalThis.leaked = 1; ({ a: 1n })"),
    ends(Status::SyntaxError, "a source that is none", "globalThis.leaked = ;"),
    ends(Status::Timeout, "an endless loop", "globalThis.leaked = 1; Array.prototype.leaked = 1; for (;;);"),
    ends(
        Status::Timeout,
        "an endless builtin",
        "globalThis.leaked = 1; Array.prototype.push = () => 9; \
     Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
    ),
    ends(Status::Timeout, "a sort whose comparator loops", "globalThis.leaked = [3, 1, 2].sort(() => { for (;;); })"),
    ends(Status::Timeout, "an endless pattern", "globalThis.leaked = 1; /^(a+)+$/.test('a'.repeat(40) + 'b')"),
    ends(
        Status::Timeout,
        "an endless getter of the output",
        "Object.defineProperty(globalThis, 'leaked', { \
     get() { for (;;); }, enumerable: true }); ({ get a() { return leaked } })",
    ),
    ends(Status::Timeout, "endless jobs", "globalThis.leaked = 1; for (;;) await null"),
    ends(
        Status::Timeout,
        "a native of ours called without end",
        "for (;;) { globalThis.leaked = new \
     URL('http://a/' + 'b'.repeat(1e5)); structuredClone(leaked) }",
    ),
    ends(
        Status::Timeout,
        "a first use that does not end",
        "globalThis.leaked = 1; setTimeout(() => { for (;;); \
     }, 1); await new Promise(() => {})",
    ),
    ends(Status::Timeout, "a wait for the host", "globalThis.leaked = 1; await slow.wait(1)"),
    ends(
        Status::MemoryExceeded,
        "memory that is used up",
        "globalThis.leaked = []; for (;;) \
     leaked.push('leaked'.repeat(1e4) + leaked.length)",
    ),
    ends(
        Status::MemoryExceeded,
        "memory that is used up in a builtin",
        "globalThis.leaked = 1; \
     Array.prototype.leaked = 1; new Array(1e8).fill(1)",
    ),
    ends(
        Status::MemoryExceeded,
        "memory that is used up in a handler",
        "const all = []; for (;;) try { for (;;) \
     all.push(new Uint8Array(1e6).fill(1)) } catch { globalThis.leaked = all }",
    ),
    dropped("a run whose caller goes", "globalThis.leaked = 1; Array.prototype.leaked = 1; await slow.wait(1)"),
    dropped(
        "a run whose caller goes, with timers",
        "globalThis.leaked = 1; setInterval(() => { \
     Array.prototype.leaked = 1 }, 1); await slow.wait(1)",
    ),
];
