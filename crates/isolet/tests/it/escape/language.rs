//! The language's own corners: scopes, proxies, generators, collectors, shared memory, the global object, outputs.

use super::*;

pub(super) const ROWS: &[Escape] = &[
    // Scopes.
    on(
        STANDARD,
        "with a Proxy that has everything",
        "const seen = []; const all = new Proxy({}, { has: (target, key) => { seen.push(String(key)); return \
         true }, get: (target, key) => key === Symbol.unscopables ? undefined : 7 }); const got = (() => { with \
         (all) { return native + own + secret } })(); [got, seen.filter((key) => !['native', 'own', \
         'secret'].includes(key))]",
        Gives("[21,[]]"),
    ),
    row(
        "with and unscopables",
        "const o = { a: 1, b: 2, [Symbol.unscopables]: { a: true } }; var a = 'outer'; with (o) { [a, b] }",
        Gives(r#"["outer",2]"#),
    ),
    row(
        "with the global object",
        "with (globalThis) { [typeof native, typeof own, typeof URL] }",
        Gives(r#"["undefined","undefined","function"]"#),
    ),
    row(
        "unscopables of the global object",
        "try { globalThis[Symbol.unscopables] = { URL: true, echo: true } } catch {} [typeof URL, typeof echo]",
        Gives(r#"["function","object"]"#),
    ),
    row("a label as a way out", "a: { b: for (;;) { try { break a } finally { continue b } break } }", TimesOut),
    row(
        "finally that swallows the end",
        "const f = () => { try { return f() } finally { try { f() } catch {} } }; try { f() } catch {} 1",
        IsKilled,
    ),
    row("this of sloppy code", "(function () { return this === globalThis })()", Gives("true")),
    row(
        "this of a module",
        "export default [typeof this, (() => typeof this)()]",
        Gives(r#"["undefined","undefined"]"#),
    ),
    row("a body's own function is no way out", "arguments.callee.caller", Throws("")),
    row(
        "new.target and home objects",
        "const o = { a() { return super.constructor === Object } }; o.a()",
        Gives("true"),
    ),
    row("a function named arguments", "(function (arguments) { return arguments })(5)", Gives("5")),
    // Proxies.
    on(
        STANDARD,
        "a Proxy before all objects",
        "Object.setPrototypeOf(Object.prototype, new Proxy({}, {}))",
        Throws("TypeError"),
    ),
    on(
        STANDARD,
        "a Proxy before the global object",
        "try { Object.setPrototypeOf(globalThis, new Proxy({}, { get: (target, key) => 'forged', has: () => true \
         })) } catch (error) { error.name } [typeof URL, typeof echo.first, typeof context]",
        Gives(r#"["function","function","object"]"#),
    ),
    on(
        STANDARD,
        "a Proxy as the prototype of arrays",
        "Object.setPrototypeOf(Array.prototype, new Proxy({}, { get: () => 'forged', set() { throw 1 } })); \
         [await echo.all(1, 2), new URLSearchParams('a=1&a=2').getAll('a')]",
        Gives(r#"[[1,2],["1","2"]]"#),
    ),
    on(
        STANDARD,
        "a revoked Proxy everywhere",
        "const make = () => { const { proxy, revoke } = Proxy.revocable(function () {}, {}); revoke(); return \
         proxy }; const use = [() => new URL(make()), () => structuredClone(make()), () => setTimeout(make(), \
         1), () => new Headers(make()), () => console.log(make(), [make()]), () => AbortSignal.any(make()), () \
         => new Event('a', make()), () => String(make())]; use.map((use) => { try { return typeof use() } catch \
         (error) { return error.name } }).length",
        Gives("8"),
    ),
    on(
        STANDARD,
        "a revoked Proxy as the output",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); proxy",
        Throws("TypeError"),
    ),
    on(
        STANDARD,
        "a revoked Proxy, thrown",
        "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy",
        Throws(""),
    ),
    on(
        STANDARD,
        "a Proxy that lies about its keys",
        "new Proxy({}, { ownKeys: () => ['a', 'a'] })",
        Throws("TypeError"),
    ),
    on(
        STANDARD,
        "a Proxy with endless keys",
        "new Proxy({}, { ownKeys: () => Array.from({ length: 1e9 }, (_, at) => 'k' + at) })",
        IsKilled,
    ),
    on(
        STANDARD,
        "a Proxy chain",
        "let p = {}; for (let at = 0; at < 1e5; at++) p = new Proxy(p, {}); try { p.a; 'read' } catch (error) { \
         error.name }",
        Gives(r#""RangeError""#),
    ),
    on(
        STANDARD,
        "a Proxy whose target is its handler",
        "const p = new Proxy({}, new Proxy({}, {})); const h = {}; const q = new Proxy(h, h); [typeof p.a, \
         typeof q.get]",
        Gives(r#"["undefined","undefined"]"#),
    ),
    on(
        STANDARD,
        "a Proxy in its own prototype chain",
        "const o = {}; const p = new Proxy(o, {}); Object.setPrototypeOf(o, p); try { o.missing } catch (error) \
         { error.name }",
        Gives(r#""RangeError""#),
    ),
    // Generators and promises.
    row(
        "a generator that returns while it returns",
        "function* g() { try { yield 1 } finally { yield 2; try { it.return(9) } catch (error) { yield \
         error.name } } } const it = g(); it.next(); [it.return(5).value, it.next().value, it.next()]",
        Gives(r#"[2,"TypeError",{"value":5,"done":true}]"#),
    ),
    row(
        "a generator that is resumed by its own conversion",
        "function* g() { const o = { toString() { it.next(); return 'a' } }; yield `${o}` } const it = g(); \
         it.next()",
        Throws("TypeError"),
    ),
    row(
        "a generator left open",
        "function* g() { try { for (;;) yield 1 } finally { for (;;); } } const it = g(); it.next(); \
         globalThis.kept = it; 1",
        Gives("1"),
    ),
    row("a generator as a thenable", "await { *then(done) { done(1) } }", Throws("NeverSettled")),
    row(
        "an iterator closed by break that throws",
        "const it = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return() { throw new \
         RangeError('mine') } }) }; for (const a of it) break",
        Throws("RangeError: mine"),
    ),
    row(
        "thenables that resolve twice",
        "let n = 0; await { then(done, fail) { done(1); done(2); fail(3); n++ } }; n",
        Gives("1"),
    ),
    row("thenables without end", "const t = { then(done) { done(t) } }; await t", TimesOut),
    row(
        "a promise that resolves itself",
        "let done; const p = new Promise((resolve) => { done = resolve }); done(p); await p",
        Throws("TypeError"),
    ),
    row("rejections without end", "const again = () => Promise.reject(1).catch(again); await again()", TimesOut),
    row("a promise that nobody settles", "await new Promise(() => {})", Throws("NeverSettled")),
    row(
        "async stacks tell the script's own places",
        "const a = async () => { await null; throw new RangeError('mine') }; const b = async () => { await a() \
         }; try { await b() } catch (error) { /native\\.|setup|isolet/.test(error.stack) }",
        Gives("false"),
    ),
    row(
        "the output settles and work is left",
        "setTimeout(() => { for (;;); }, 1); Promise.resolve().then(() => {}); 'over'",
        Gives(r#""over""#),
    ),
    // Collectors and threads.
    on(
        STANDARD,
        "a finalizer that would loop",
        "new FinalizationRegistry(() => { for (;;); }).register({}, 1); 1",
        Gives("1"),
    ),
    on(
        STANDARD,
        "a finalizer that would keep its object",
        "globalThis.kept = []; const r = new FinalizationRegistry((value) => kept.push(value)); for (let at = 0; \
         at < 1000; at++) r.register({}, at); await new Promise((done) => setTimeout(done, 2)); kept.length <= \
         1000",
        Gives("true"),
    ),
    on(
        STANDARD,
        "weak references to what is ours",
        "[new WeakRef(globalThis).deref() === globalThis, typeof new WeakRef(echo.first).deref(), typeof new \
         WeakRef(context).deref()]",
        Gives(r#"[true,"function","object"]"#),
    ),
    row(
        "weak keys of what is ours",
        "const m = new WeakMap([[context, 1], [echo, 2], [console.log, 3], [URL, 4]]); [m.get(context), \
         m.get(echo), m.get(console.log), m.get(URL)]",
        Gives("[1,2,3,4]"),
    ),
    on(STANDARD, "Atomics.wait", "Atomics.wait(new Int32Array(new SharedArrayBuffer(16)), 0, 0)", Throws("TypeError")),
    on(
        STANDARD,
        "Atomics.wait with a time",
        "try { Atomics.wait(new Int32Array(new SharedArrayBuffer(16)), 0, 0, 1e9) } catch (error) { error.name }",
        Gives(r#""TypeError""#),
    ),
    on(
        STANDARD,
        "Atomics.pause and notify",
        "const a = new Int32Array(new SharedArrayBuffer(16)); [Atomics.notify(a, 0, 1), typeof \
         Atomics.pause?.(), Atomics.add(a, 0, 1), Atomics.isLockFree(4)]",
        Gives(r#"[0,"undefined",0,true]"#),
    ),
    on(
        STANDARD,
        "Atomics that wait without a thread",
        "const r = Atomics.waitAsync?.(new Int32Array(new SharedArrayBuffer(16)), 0, 0, 1) ?? { async: true }; \
         typeof r.async",
        Gives(r#""boolean""#),
    ),
    on(
        STANDARD,
        "shared memory to the host",
        "const s = new SharedArrayBuffer(4); try { (await echo.bytes(s)).length } catch (error) { error.name }",
        Gives("0"),
    ),
    on(
        STANDARD,
        "shared memory that grows without end",
        "const s = new SharedArrayBuffer(1, { maxByteLength: 2 ** 40 }); s.grow(2 ** 36)",
        Throws("RangeError"),
    ),
    row("memory that is asked for at once", "new ArrayBuffer(2 ** 40)", Throws("RangeError")),
    row(
        "memory that is reserved only",
        "try { const b = new ArrayBuffer(8, { maxByteLength: 2 ** 33 }); b.resize(2 ** 33) } catch {} for (const \
         all = [];;) all.push(new ArrayBuffer(8, { maxByteLength: 2 ** 28 }))",
        IsKilled,
    ),
    on(STRICT, "shared memory left out", "new SharedArrayBuffer(8)", Violates("left out here")),
    on(STRICT, "Proxy left out", "new Proxy({}, {})", Violates("left out here")),
    on(STRICT, "Reflect left out", "Reflect.ownKeys({})", Violates("left out here")),
    on(STRICT, "weak references left out", "new WeakRef({})", Violates("left out here")),
    on(
        STRICT,
        "ways to what is left out",
        "const seen = []; const visit = (value, depth) => { if (Object(value) !== value || seen.includes(value) \
         || depth > 6) return; seen.push(value); for (const key of [...Object.getOwnPropertyNames(value), \
         ...Object.getOwnPropertySymbols(value)]) { const found = Object.getOwnPropertyDescriptor(value, key); \
         visit(found.value, depth + 1); visit(found.get, depth + 1) } visit(Object.getPrototypeOf(value), depth \
         + 1) }; visit(globalThis, 0); seen.filter((value) => typeof value === 'function' && \
         /^(Proxy|WeakRef|FinalizationRegistry|SharedArrayBuffer|waitAsync|revocable|construct)$/.test(value.name)).map((f) \
         => f.name)",
        Gives("[]"),
    ),
    on(
        STRICT,
        "builtins that cannot be changed",
        "'use strict'; [() => { Array.prototype.map = 1 }, () => { Object.prototype.a = 1 }, () => { JSON.parse \
         = 1 }, () => { delete Math.max }, () => Object.setPrototypeOf(Array.prototype, {}), () => { \
         URL.prototype.toString = 1 }, () => { (async () => {}).constructor.prototype.a = 1 }, () => { \
         [][Symbol.iterator]().__proto__.next = 1 }].map((change) => { try { change(); return 'changed' } catch \
         (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    on(
        STRICT,
        "what is made on first use cannot be changed",
        "'use strict'; [URL, Headers, TextDecoder, EventTarget, AbortSignal, \
         Object.getPrototypeOf(crypto.subtle).constructor, Performance].flatMap((C) => [C, \
         C.prototype]).every(Object.isFrozen)",
        Gives("true"),
    ),
    on(
        STRICT,
        "names that code assigns to are assignable",
        "class Paid extends TypeError { constructor(m) { super(m); this.name = 'Paid' } } function Old(m) { \
         this.message = m } Old.prototype = Object.create(Error.prototype); Old.prototype.constructor = Old; \
         Old.prototype.name = 'Old'; class A { constructor() { this.toString = () => 'own' } } const o = {}; \
         o.constructor = o.valueOf = 1; [`${new Paid('a')}`, `${new Old('b')}`, new Old('c').constructor === Old, \
         `${new A()}`, Object.keys(o), `${new RangeError('d')}`, ({}).constructor === Object, `${{}}`]",
        Gives(r#"["Paid: a","Old: b",true,"own",["valueOf","constructor"],"RangeError: d",true,"[object Object]"]"#),
    ),
    on(
        STRICT,
        "names that are assignable are so on other objects alone",
        "[() => { Object.prototype.toString = 1 }, () => { Error.prototype.name = 'a' }, () => { \
         TypeError.prototype.message = 'a' }, () => { Object.prototype.constructor = Array }, () => \
         Object.defineProperty(Object.prototype, 'valueOf', { value: 1 }), () => { Object.freeze({}).toString = 1 \
         }].map((change) => { try { change(); return 'changed' } catch (error) { return `${error}`.split(':')[0] } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    on(
        STRICT,
        "what is behind names that are assignable",
        "const { get, set } = Object.getOwnPropertyDescriptor(Object.prototype, 'toString'); [get, \
         set].flatMap((f) => [Object.isExtensible(f), Object.getOwnPropertyNames(f).sort().join(), \
         String(f).includes('native code')]).concat(get() === ({}).toString)",
        Gives(r#"[false,"length,name",true,false,"length,name",true,true]"#),
    ),
    // The global object.
    row(
        "the global object cannot be swapped",
        "const before = globalThis; try { globalThis = {} } catch {} [self === before, typeof URL]",
        Gives(r#"[true,"function"]"#),
    ),
    row(
        "undefined, NaN and Infinity",
        "undefined = 1; NaN = 2; Infinity = 3; [typeof undefined, NaN === NaN, Infinity > 4]",
        Gives(r#"["undefined",false,true]"#),
    ),
    row(
        "globals that are accessors of the script",
        "Object.defineProperty(globalThis, 'input', { get() { throw new RangeError('mine') } }); \
         Object.defineProperty(globalThis, 'context', { get: () => 'mine' }); context",
        Gives(r#""mine""#),
    ),
    row(
        "globals of every name",
        "for (let at = 0; at < 1e4; at++) globalThis['g' + at] = at; Object.keys(globalThis).length > 1e4",
        Gives("true"),
    ),
    row(
        "globals that are deleted",
        "for (const name of Object.getOwnPropertyNames(globalThis)) try { delete globalThis[name] } catch {} 1",
        Gives("1"),
    ),
    row("input that looks like ours", "input = { __proto__: null, then: 1 }; input.then", Gives("1")),
    // Text and patterns.
    row("a pattern that explodes", "/^(a+)+$/.test('a'.repeat(40) + 'b')", TimesOut),
    row("a pattern that recurses", "new RegExp('('.repeat(1e5) + ')'.repeat(1e5))", Throws("")),
    row("a pattern with too many groups", "new RegExp('()'.repeat(1e5))", Throws("")),
    row(
        "a pattern that is compiled anew while it runs",
        "const r = /a/g; r.lastIndex = { valueOf() { r.compile?.('b'.repeat(1e5)); return 0 } }; r.exec('a'); 1",
        Gives("1"),
    ),
    row("texts that double", "let a = 'a'; for (;;) a += a", Throws("InternalError: string too long")),
    row("texts that are padded", "'a'.padEnd(2 ** 30)", Throws("RangeError: invalid string length")),
    row(
        "a source of deep brackets",
        "((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))))))))",
        Gives("1"),
    ),
    row("numbers in odd bases", "[0x1p3]", Refused("")),
    // Outputs.
    row("an output with a getter that loops", "({ get a() { for (;;); } })", TimesOut),
    row(
        "an output that grows while it is read",
        "const o = { get a() { o['k' + Math.random()] = o; return 1 } }; o",
        Gives(r#"{"a":1}"#),
    ),
    row("an output whose toJSON calls the host", "({ toJSON() { echo.first(1); return 'a' } })", Gives(r#""a""#)),
    row(
        "an output whose toJSON sets timers",
        "({ toJSON() { setTimeout(() => { for (;;); }, 1); return 'a' } })",
        Gives(r#""a""#),
    ),
    row(
        "an output that is a promise of a promise",
        "Promise.resolve({ then(done) { done({ then(next) { next('a') } }) } })",
        Gives(r#""a""#),
    ),
    row(
        "an output with promises inside",
        "({ a: Promise.resolve(1), b: [Promise.reject(2).catch(() => {})] })",
        Gives(r#"{"a":{},"b":[{}]}"#),
    ),
    on(
        STANDARD,
        "an output that is a Proxy of an array",
        "new Proxy([1, 2], { get: (target, key) => key === 'length' ? 3 : target[key] })",
        Gives("[1,2,null]"),
    ),
    on(
        STANDARD,
        "an output with a length without end",
        "new Proxy([], { get: (target, key) => key === 'length' ? 2 ** 53 - 1 : 1 })",
        IsKilled,
    ),
    row(
        "an output of raw JSON",
        "[JSON.rawJSON?.('1e1000') ?? 0, JSON.rawJSON?.('\"</script>\"') ?? 0]",
        Gives(r#"[1e1000,"</script>"]"#),
    ),
    row("an output of lone surrogates", "['\\ud800', '\\udc00a']", Gives(r#"["\ud800","\udc00a"]"#)),
    row(
        "an output with keys of odd kinds",
        "({ '': 1, '\\u0000': 2, '\\u2028': 3, [Symbol('s')]: 4 })",
        Gives("{\"\":1,\"\\u0000\":2,\"\u{2028}\":3}"),
    ),
];
