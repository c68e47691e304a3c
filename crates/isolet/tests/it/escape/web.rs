//! Web APIs with hostile arguments: conversions that run code, buffers that go away, handlers that come back.

use super::*;

pub(super) const ROWS: &[Escape] = &[
    // Buffers.
    row(
        "a digest of a buffer that its algorithm detaches",
        "const a = new Uint8Array([1, 2, 3]); const hash = await crypto.subtle.digest({ get name() { \
         a.buffer.transfer(); return 'SHA-1' } }, a).catch((error) => error.name); typeof hash === 'string' ? \
         hash : hash.byteLength",
        Gives("20"),
    ),
    row(
        "a decoder whose options detach its bytes",
        "const a = new Uint8Array([97, 98]); try { [new TextDecoder().decode(a, { get stream() { \
         a.buffer.transfer(); return false } })] } catch (error) { error.name }",
        Gives(r#"[""]"#),
    ),
    row(
        "a decoder whose options shrink its bytes",
        "const b = new ArrayBuffer(8, { maxByteLength: 8 }), a = new Uint8Array(b).fill(97); new \
         TextDecoder().decode(a, { get stream() { b.resize(2); return false } })",
        Gives(r#""aa""#),
    ),
    row(
        "a decoder whose options grow its bytes",
        "const b = new ArrayBuffer(2, { maxByteLength: 1 << 20 }), a = new Uint8Array(b).fill(97); new \
         TextDecoder().decode(a, { get stream() { b.resize(1 << 20); return false } }).length",
        Gives("1048576"),
    ),
    row(
        "a view out of its buffer's bounds",
        "const b = new ArrayBuffer(8, { maxByteLength: 8 }), a = new Uint8Array(b, 4, 4), v = new DataView(b, 4, \
         4); b.resize(2); [() => new TextDecoder().decode(a), () => new TextDecoder().decode(v), () => \
         crypto.getRandomValues(a).length, () => structuredClone(a).length, () => structuredClone(v)].map((use) \
         => { try { return use() } catch (error) { return error.name } })",
        Gives(r#"["","TypeError",0,0,"TypeError"]"#),
    ),
    row(
        "a view out of bounds to the digest",
        "const b = new ArrayBuffer(8, { maxByteLength: 8 }), v = new DataView(b, 4, 4); b.resize(2); await \
         crypto.subtle.digest('SHA-1', v).then(() => 'digest', (error) => error.name)",
        Gives(r#""TypeError""#),
    ),
    row(
        "random bytes for a detached array",
        "const a = new Uint8Array(8); a.buffer.transfer(); crypto.getRandomValues(a).length",
        Gives("0"),
    ),
    row(
        "random bytes for a subclass",
        "class A extends Uint8Array { set() { throw new RangeError('mine') } get length() { throw new \
         RangeError('mine') } get byteLength() { return 1e9 } } const a = new A(4); crypto.getRandomValues(a) \
         === a",
        Gives("true"),
    ),
    row(
        "random bytes for odd values",
        "[new Float64Array(2), new DataView(new ArrayBuffer(2)), new ArrayBuffer(2), [1], null, { length: 5 }, \
         new Uint8Array(65537)].map((value) => { try { return typeof crypto.getRandomValues(value) } catch \
         (error) { return error.name } })",
        Gives(
            r#"["TypeMismatchError","TypeError","TypeError","TypeError","TypeError","TypeError","QuotaExceededError"]"#,
        ),
    ),
    on(
        STANDARD,
        "random bytes for shared memory",
        "const a = new Uint8Array(new SharedArrayBuffer(8)); try { crypto.getRandomValues(a).length } catch \
         (error) { error.name }",
        Gives("8"),
    ),
    on(
        STANDARD,
        "shared memory everywhere else",
        "const s = new SharedArrayBuffer(4), a = new Uint8Array(s).fill(97); await Promise.all([() => new \
         TextDecoder().decode(a), () => crypto.subtle.digest('SHA-1', a).then((d) => d.byteLength), () => \
         structuredClone(a).length, () => echo.bytes(a).then((list) => list.length)].map(async (use) => { try { \
         return await use() } catch (error) { return error.name } }))",
        Gives(r#"["aaaa",20,"DataCloneError",1]"#),
    ),
    row(
        "encodeInto a detached array",
        "const a = new Uint8Array(8); a.buffer.transfer(); const { read, written } = new \
         TextEncoder().encodeInto('abc', a); [read, written]",
        Gives("[0,0]"),
    ),
    row(
        "encodeInto with a source that detaches",
        "const a = new Uint8Array(8); const { read, written } = new TextEncoder().encodeInto({ toString() { \
         a.buffer.transfer(); return 'abc' } }, a); [read, written]",
        Gives("[0,0]"),
    ),
    row(
        "encodeInto with a source that shrinks",
        "const b = new ArrayBuffer(8, { maxByteLength: 8 }), a = new Uint8Array(b); const { read, written } = \
         new TextEncoder().encodeInto({ toString() { b.resize(1); return 'abc' } }, a); [read, written]",
        Gives("[1,1]"),
    ),
    row(
        "a key whose bytes go away",
        "const a = new Uint8Array(8); await crypto.subtle.importKey('raw', a, { name: 'HMAC', get hash() { \
         a.buffer.transfer(); return 'SHA-1' } }, true, ['sign']).then((key) => key.algorithm.length, (error) => \
         error.name)",
        Gives(r#""DataError""#),
    ),
    row(
        "a signature whose data goes away",
        "const a = new Uint8Array(8).fill(1); const key = await crypto.subtle.importKey('raw', new \
         Uint8Array(8), { name: 'HMAC', hash: 'SHA-1' }, true, ['sign', 'verify']); await crypto.subtle.verify({ \
         get name() { a.buffer.transfer(); return 'HMAC' } }, key, a, a).catch((error) => error.name)",
        Gives("false"),
    ),
    row(
        "an immutable buffer",
        "const b = new ArrayBuffer(4).transferToImmutable?.() ?? new ArrayBuffer(4); const a = new \
         Uint8Array(b); try { crypto.getRandomValues(a) } catch (error) { if (!(error instanceof TypeError)) \
         throw error } [structuredClone(a).length, new TextDecoder().decode(a).length]",
        Gives("[4,4]"),
    ),
    // Conversions.
    row(
        "conversions that count",
        "let count = 0; const odd = { [Symbol.toPrimitive]() { count++; return 'http://a/' } }; new URL(odd, \
         odd); URL.canParse(odd); new URLSearchParams().append(odd, odd); new Headers().set({ toString() { \
         count++; return 'a' } }, 'b'); btoa(odd); new Event(odd); new TextEncoder().encode(odd); count",
        Gives("9"),
    ),
    row(
        "conversions to symbols",
        "const odd = { toString() { return Symbol() } }; [() => new URL(odd), () => btoa(odd), () => new \
         Event(odd), () => new Headers().get(odd), () => new TextDecoder(odd), () => new \
         URLSearchParams().get(Symbol()), () => new TextEncoder().encode(Symbol())].map((use) => { try { return \
         use() } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "a conversion that changes its own list",
        "const p = new URLSearchParams('a=1'); p.append('b', { toString() { p.delete('a'); p.append('c', '3'); \
         return '2' } }); p.toString()",
        Gives(r#""c=3&b=2""#),
    ),
    row(
        "a conversion that changes its own URL",
        "const u = new URL('http://a/'); u.search = { toString() { u.href = 'http://b/x'; return '?y' } }; u.href",
        Gives(r#""http://b/x?y""#),
    ),
    row("a conversion that loops", "new URL({ toString() { for (;;); } })", TimesOut),
    row(
        "a conversion that recurses",
        "const odd = { toString() { return new URL(odd).href } }; try { new URL(odd) } catch (error) { error.name }",
        Gives(r#""RangeError""#),
    ),
    row(
        "a delay that sets timers",
        "let n = 0; const odd = { valueOf() { if (n++ < 50) setTimeout(() => {}, odd); return 1 } }; \
         setTimeout(() => {}, odd); n",
        Gives("51"),
    ),
    row(
        "a delay that recurses for ever",
        "const odd = { valueOf() { setTimeout(() => {}, odd); return 1 } }; try { setTimeout(() => {}, odd) } \
         catch (error) { error.name }",
        Gives(r#""RangeError""#),
    ),
    row(
        "delays of odd kinds",
        "const ids = [NaN, -1, Infinity, -Infinity, 2 ** 31, 2 ** 53, '1', null, undefined, [], 1e-300].map((ms) \
         => setTimeout(() => {}, ms)); [ids.every(Number.isInteger), (() => { try { setTimeout(() => {}, 1n) } \
         catch (error) { return error.name } })(), (() => { try { setTimeout(() => {}, Symbol()) } catch (error) \
         { return error.name } })()]",
        Gives(r#"[true,"TypeError","TypeError"]"#),
    ),
    row(
        "timers that are cleared by odd ids",
        "for (const id of [NaN, -1, Infinity, {}, [], null, undefined, 'x', 1n, 2 ** 53, () => {}]) \
         clearTimeout(id); clearTimeout(Symbol()); 1",
        Gives("1"),
    ),
    row(
        "a timer that clears itself and others",
        "const seen = []; let a, b; await new Promise((done) => { a = setInterval(() => { seen.push('a'); \
         clearInterval(a); clearTimeout(b) }, 1); b = setTimeout(() => seen.push('b'), 2); setTimeout(done, 20) \
         }); seen",
        Gives(r#"["a"]"#),
    ),
    row(
        "iterators that never end",
        "new URLSearchParams({ *[Symbol.iterator]() { for (;;) yield ['a', 'b'] } })",
        IsKilled,
    ),
    row("pairs that never end", "new Headers([{ *[Symbol.iterator]() { for (;;) yield 'a' } }])", IsKilled),
    row(
        "signals that never end",
        "AbortSignal.any({ *[Symbol.iterator]() { for (;;) yield AbortSignal.abort() } })",
        IsKilled,
    ),
    row(
        "iterators of odd kinds",
        "const odd = [() => ({}), () => ({ next: 1 }), () => ({ next() { return 1 } }), () => null, 1]; \
         odd.map((iterate) => { try { new URLSearchParams({ [Symbol.iterator]: iterate }) } catch (error) { \
         return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "pairs of odd kinds",
        "[[1], [[]], [['a']], [['a', 'b', 'c']], ['ab'], [null], [{ length: 2 }]].map((init) => { try { return \
         String(new URLSearchParams(init)) } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    on(
        STANDARD,
        "a Proxy as a list",
        "const list = new Proxy([['a', 'b']], {}); [String(new URLSearchParams(list)), new \
         Headers(list).get('a'), String(new URLSearchParams(new Proxy({ a: '1' }, {})))]",
        Gives(r#"["a=b","b","a=1"]"#),
    ),
    on(
        STANDARD,
        "a Proxy of an instance",
        "const use = [() => new Proxy(new URL('http://a/'), {}).href, () => new Proxy(new AbortController(), \
         {}).signal, () => AbortSignal.any([new Proxy(AbortSignal.abort(), {})]), () => new URLSearchParams(new \
         Proxy(new URLSearchParams('a=1'), {})), () => structuredClone(new Proxy([], {}))]; use.map((use) => { \
         try { return typeof use() } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","DataCloneError"]"#),
    ),
    // Events that come back.
    row(
        "an event dispatched by its own listener",
        "const t = new EventTarget(), e = new Event('a'); let name; t.addEventListener('a', () => { try { \
         t.dispatchEvent(e) } catch (error) { name = error.name } }); t.dispatchEvent(e); name",
        Gives(r#""InvalidStateError""#),
    ),
    row(
        "an event that is dispatched without end",
        "const t = new EventTarget(); t.addEventListener('a', () => t.dispatchEvent(new Event('a'))); \
         t.dispatchEvent(new Event('a')); await null",
        Throws("RangeError"),
    ),
    row(
        "a listener that adds listeners",
        "const t = new EventTarget(); let n = 0; const add = () => { n++; t.addEventListener('a', () => add()) \
         }; t.addEventListener('a', add); t.dispatchEvent(new Event('a')); t.dispatchEvent(new Event('a')); n",
        Gives("3"),
    ),
    row(
        "a listener that removes the next one",
        "const t = new EventTarget(); let n = 0; const next = () => n++; t.addEventListener('a', () => \
         t.removeEventListener('a', next)); t.addEventListener('a', next); t.dispatchEvent(new Event('a')); n",
        Gives("0"),
    ),
    row(
        "a listener that is there once and dispatches",
        "const t = new EventTarget(); let n = 0; t.addEventListener('a', () => { n++; t.dispatchEvent(new \
         Event('a')) }, { once: true }); t.dispatchEvent(new Event('a')); n",
        Gives("1"),
    ),
    row(
        "options of a listener that dispatch",
        "const t = new EventTarget(); let n = 0; t.addEventListener('a', () => n++, { get once() { \
         t.dispatchEvent(new Event('a')); return true } }); t.dispatchEvent(new Event('a')); t.dispatchEvent(new \
         Event('a')); n",
        Gives("1"),
    ),
    row(
        "an abort within an abort",
        "const c = new AbortController(); let n = 0; c.signal.addEventListener('abort', () => { n++; \
         c.abort('other') }); c.abort('first'); [n, c.signal.reason]",
        Gives(r#"[1,"first"]"#),
    ),
    row(
        "a reason that is read once",
        "let n = 0; const c = new AbortController(); c.abort({ get a() { n++; return 1 } }); try { \
         c.signal.throwIfAborted() } catch (reason) { [reason === c.signal.reason, n] }",
        Gives("[true,0]"),
    ),
    row(
        "signals in a ring",
        "const c = new AbortController(); const a = AbortSignal.any([c.signal]), b = AbortSignal.any([a, \
         c.signal, a]); let n = 0; b.onabort = () => { n++; c.abort() }; c.abort(); [n, a.aborted, b.aborted]",
        Gives("[1,true,true]"),
    ),
    row(
        "a chain of signals",
        "let signal = new AbortController().signal; const first = new AbortController(); signal = first.signal; \
         for (let at = 0; at < 2000; at++) signal = AbortSignal.any([signal]); first.abort(); signal.aborted",
        Gives("true"),
    ),
    row(
        "onabort of odd kinds",
        "const c = new AbortController(); for (const handler of [1, 'a', null, {}, [], Symbol()]) \
         c.signal.onabort = handler; c.abort(); c.signal.aborted",
        Gives("true"),
    ),
    row(
        "a listener that throws",
        "const t = new EventTarget(); let n = 0; t.addEventListener('a', () => { throw new RangeError('mine') \
         }); t.addEventListener('a', () => n++); t.dispatchEvent(new Event('a')); globalThis.n = n; await null; \
         n",
        Throws("RangeError: mine"),
    ),
    // Clones.
    row(
        "a clone of a deep value",
        "let deep = []; for (let at = 0; at < 1e5; at++) deep = [deep]; try { structuredClone(deep); 'cloned' } \
         catch (error) { error.name }",
        Gives(r#""RangeError""#),
    ),
    row(
        "a clone of a sparse array",
        "const sparse = []; sparse.length = 2 ** 32 - 1; sparse[5] = 1; const made = structuredClone(sparse); \
         [made.length, Object.keys(made)]",
        Gives(r#"[4294967295,["5"]]"#),
    ),
    row(
        "a clone whose getters change it",
        "const o = { get a() { delete o.b; o.c = 3; return 1 }, b: 2 }; structuredClone(o)",
        Gives(r#"{"a":1}"#),
    ),
    row(
        "a clone whose map changes",
        "const m = new Map([[{ get a() { m.clear(); m.set(9, 9); return 1 } }, 1], [2, 2]]); structuredClone(m).size",
        Gives("2"),
    ),
    row(
        "a clone whose getter detaches what comes next",
        "const a = new Uint8Array(4); try { structuredClone({ get first() { a.buffer.transfer(); return 1 }, a \
         }) } catch (error) { error.name }",
        Gives(r#""DataCloneError""#),
    ),
    row(
        "a clone that is transferred twice",
        "const b = new ArrayBuffer(4); try { structuredClone(b, { transfer: [b, b] }) } catch (error) { \
         [error.name, b.byteLength] }",
        Gives(r#"["DataCloneError",4]"#),
    ),
    row(
        "a clone whose getter detaches what is transferred",
        "const b = new ArrayBuffer(4); try { structuredClone({ get a() { b.transfer(); return 1 } }, { transfer: \
         [b] }); b.detached } catch (error) { error.name }",
        Gives(r#""TypeError""#),
    ),
    row(
        "a clone of what cannot be cloned",
        "[() => 1, Symbol(), new WeakMap(), new WeakSet(), Promise.resolve(), (function* () {})(), new \
         Map().entries(), Object(Symbol())].map((value) => { try { return typeof structuredClone(value) } catch \
         (error) { return error.name } })",
        Gives(
            r#"["DataCloneError","DataCloneError","DataCloneError","DataCloneError","DataCloneError","DataCloneError","DataCloneError","DataCloneError"]"#,
        ),
    ),
    row(
        "a clone of an error with hostile parts",
        "const error = new Error('a'); Object.defineProperty(error, 'name', { get() { throw new \
         RangeError('mine') } }); try { structuredClone(error) } catch (thrown) { thrown.name }",
        Gives(r#""RangeError""#),
    ),
    row(
        "a clone that shares and contains itself",
        "const o = { list: [] }; o.self = o; o.list.push(o.list, o); const made = structuredClone(o); [made !== \
         o, made.self === made, made.list[0] === made.list, made.list[1] === made]",
        Gives("[true,true,true,true]"),
    ),
    row(
        "a clone of globals",
        "[globalThis, console, crypto, performance, echo].map((value) => { try { return typeof \
         structuredClone(value) } catch (error) { return error.name } }).every((seen) => ['object', \
         'DataCloneError'].includes(seen))",
        Gives("true"),
    ),
    // Texts and sizes.
    row("a long base64", "const text = 'a'.repeat(3e6); atob(btoa(text)).length", Gives("3000000")),
    row(
        "base64 of odd texts",
        "['*', 'a', '=', 'a===', 'YQ==YQ', '\\u0100', '\\0', 'YQ= ='].map((text) => { try { return atob(text) } \
         catch (error) { return error.name } }).length",
        Gives("8"),
    ),
    row(
        "a long URL",
        "try { new URL('http://a/' + 'x'.repeat(5e6)).href.length } catch (error) { error.name }",
        Gives(r#""RangeError""#),
    ),
    row(
        "many parameters",
        "const p = new URLSearchParams('a=1&'.repeat(2e5)); [p.size, p.getAll('a').length]",
        Gives("[200000,200000]"),
    ),
    row(
        "hosts that look like others",
        "['http://127.1', 'http://0x7f.1', 'http://[::1]', 'http://[::ffff:127.0.0.1]', 'http://１２７.0.0.1', \
         'http://a@b@c', 'http://a\\\\b', 'http://%00', 'http://a b', 'http://a:99999'].map((text) => \
         URL.parse(text)?.href ?? null)",
        Gives(
            r#"["http://127.0.0.1/","http://127.0.0.1/","http://[::1]/","http://[::ffff:7f00:1]/","http://127.0.0.1/","http://a%40b@c/","http://a/b",null,null,null]"#,
        ),
    ),
    row(
        "headers that would be split",
        "['a\\r\\nb: c', 'a\\0b', 'a\\nb', '\\r\\n', '€'].map((value) => { try { new Headers({ x: value }); \
         return 'taken' } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","taken","TypeError"]"#),
    ),
    row(
        "names of headers that are none",
        "['', ' ', 'a b', 'a:', 'a\\n', 'ä', '\\0'].map((name) => { try { new Headers().set(name, '1'); return \
         'taken' } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "decoders left open",
        "for (let at = 0; at < 20000; at++) new TextDecoder().decode(new Uint8Array([0xe2]), { stream: true })",
        Throws("RangeError: too many resources"),
    ),
    row(
        "a decoder used by another run's number",
        "const d = new TextDecoder(); d.decode(new Uint8Array([0xe2]), { stream: true }); const e = new \
         TextDecoder(); [d.decode(new Uint8Array([0x82, 0xac])), e.decode(new Uint8Array([0x82]))]",
        Gives(r#"["€","�"]"#),
    ),
    row(
        "labels of decoders",
        "['UTF-8', ' utf8 ', 'latin1', 'x-user-defined', 'replacement', 'iso-2022-kr', '\\0utf8', \
         'utf-7'].map((label) => { try { return new TextDecoder(label).encoding } catch (error) { return \
         error.name } })",
        Gives(
            r#"["utf-8","utf-8","windows-1252","x-user-defined","RangeError","RangeError","RangeError","RangeError"]"#,
        ),
    ),
    row(
        "clocks do not go back",
        "let last = 0, back = 0; for (let at = 0; at < 1e4; at++) { const now = performance.now(); if (now < \
         last) back++; last = now } [back, performance.timeOrigin > 1.6e12, new Event('a').timeStamp >= 0]",
        Gives("[0,true,true]"),
    ),
    on(
        STRICT,
        "clocks are coarse",
        "const seen = new Set(); for (let at = 0; at < 1e4; at++) seen.add(performance.now() % 1).add(new \
         Event('a').timeStamp % 1); console.time('t'); console.timeEnd('t'); [...seen]",
        Gives("[0]"),
    ),
    row(
        "clocks of others",
        "[typeof performance.memory, typeof performance.mark, typeof performance.timing, typeof \
         navigator.hardwareConcurrency, typeof navigator.platform, navigator.userAgent, new \
         Date(0).getTimezoneOffset()]",
        Gives(r#"["undefined","undefined","undefined","undefined","undefined","isolet",0]"#),
    ),
];
