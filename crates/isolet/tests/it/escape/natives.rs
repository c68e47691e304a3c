//! Ways into functions of ours: callers, stacks, source texts, classes and their keys, accessors.

use super::*;

pub(super) const ROWS: &[Escape] = &[
    row(
        "texts of functions of ours",
        "[URL, URL.prototype.toString, setTimeout, structuredClone, Headers, console.log, echo.first, \
         crypto.subtle.sign, AbortSignal, TextDecoder.prototype.decode, \
         Object.getOwnPropertyDescriptor(URL.prototype, 'href').set].filter((f) => !/\\[native \
         code\\]\\s*\\}$/.test(String(f))).map((f) => f.name)",
        Gives("[]"),
    ),
    row(
        "caller of a callback of ours",
        "let seen = []; function callback() { try { seen.push(typeof callback.caller) } catch (error) { \
         seen.push(error.name) } return 1 } structuredClone({ get a() { return callback() } }); new \
         URLSearchParams('a=1').forEach(callback); const t = new EventTarget(); t.addEventListener('a', \
         callback); t.dispatchEvent(new Event('a')); [...new Set(seen)].filter((kind) => kind === 'function')",
        Gives("[]"),
    ),
    row(
        "arguments of a function of ours",
        "[URL, setTimeout, structuredClone, Headers].map((f) => { try { return f.arguments ?? null } catch \
         (error) { return error.name } }).filter((seen) => seen !== null && seen !== 'TypeError')",
        Gives("[]"),
    ),
    row(
        "callee.caller",
        "function callback() { try { return String(arguments.callee.caller) } catch (error) { return error.name \
         } } [structuredClone({ get a() { return callback() } }).a, JSON.stringify({ get a() { return callback() \
         } })].filter((text) => /native|known|apply/.test(text.replaceAll('[native code]', '')))",
        Gives("[]"),
    ),
    row(
        "stacks name no code of ours",
        "const stacks = []; const keep = () => { stacks.push(new Error('a').stack) }; structuredClone({ get a() \
         { keep() } }); new URLSearchParams('a=1').forEach(keep); new Headers({ get a() { keep(); return '1' } \
         }); const t = new EventTarget(); t.addEventListener('a', keep); t.dispatchEvent(new Event('a')); await \
         new Promise((done) => setTimeout(() => { keep(); done() }, 1)); queueMicrotask(keep); await null; for \
         (const wrong of [() => new URL('x'), () => structuredClone(Symbol()), () => atob('*'), () => new \
         TextDecoder('none'), () => setTimeout(1)]) try { wrong() } catch (error) { stacks.push(error.stack) } \
         [...new Set(stacks.flatMap((stack) => stack.split('\\n').filter(Boolean).map((line) => \
         line.replace(/^.*\\(|:.*$|\\)$/g, ''))))].sort()",
        Gives(r#"["<null>","native","script"]"#),
    ),
    on(
        STANDARD,
        "call sites of our frames",
        "let sites = []; Error.prepareStackTrace = (error, frames) => { sites.push(...frames); return '' }; \
         structuredClone({ get a() { new Error('a').stack } }); new URLSearchParams('a=1').forEach(() => new \
         Error('b').stack); try { new URL('x') } catch (error) { error.stack } Error.prepareStackTrace = \
         undefined; [sites.length > 2, sites.filter((site) => \
         !/^(script|native|null|undefined|)$/.test(String(site.getFileName()))).map((site) => \
         site.getFileName()), sites.some((site) => 'getThis' in site || 'getFunction' in site || 'getEvalOrigin' \
         in site)]",
        Gives("[true,[],false]"),
    ),
    on(
        STANDARD,
        "prepareStackTrace sees no error of ours half made",
        "const seen = []; Error.prepareStackTrace = (error, frames) => { \
         seen.push(Object.prototype.toString.call(error)); return 'mine' }; const stacks = []; for (const wrong \
         of [() => new URL('x'), () => structuredClone(() => 1), () => null.a]) try { wrong() } catch (error) { \
         stacks.push(error.stack) } Error.prepareStackTrace = undefined; [[...new Set(seen)], \
         stacks.every((stack) => typeof stack === 'string')]",
        Gives(r#"[["[object Error]","[object DOMException]"],true]"#),
    ),
    on(
        STANDARD,
        "prepareStackTrace that throws",
        "Error.prepareStackTrace = () => { throw new RangeError('mine') }; const seen = []; for (const wrong of \
         [() => new URL('x'), () => atob('*'), () => console.log(new Error('a'))]) try { wrong(); \
         seen.push('none') } catch (error) { seen.push(typeof error) } console.error(new Error('b')); \
         seen.length",
        Gives("3"),
    ),
    on(
        STANDARD,
        "prepareStackTrace that loops",
        "Error.prepareStackTrace = () => { for (;;); }; new URL('x')",
        TimesOut,
    ),
    on(
        STANDARD,
        "prepareStackTrace and the report",
        "Error.prepareStackTrace = () => 'test.js:999:999 forged'; throw new RangeError('mine')",
        Throws("RangeError: mine"),
    ),
    row(
        "captureStackTrace of a builtin of ours",
        "const o = {}; Error.captureStackTrace(o, console.log); Error.captureStackTrace(o, URL); \
         /native\\.|setup|own/.test(o.stack)",
        Gives("false"),
    ),
    row(
        "captureStackTrace of everything there is",
        "for (const o of [globalThis, console, context, echo, echo.first, URL.prototype]) try { \
         Error.captureStackTrace(o) } catch {} delete globalThis.stack; [typeof context.stack, typeof \
         console.stack]",
        Gives(r#"["undefined","undefined"]"#),
    ),
    row(
        "stackTraceLimit of odd kinds",
        "for (const limit of [-1, Infinity, NaN, {}, '5', null, 1e9, 2 ** 31]) try { Error.stackTraceLimit = \
         limit; new Error('a').stack; null.a } catch {} try { new URL('x') } catch (error) { error.name }",
        Gives(r#""TypeError""#),
    ),
    // Classes of ours and their instances.
    row(
        "keys of constructors",
        "const wanted = [{}, Symbol(), undefined, null, 0, '', URL]; [AbortSignal, Crypto, SubtleCrypto, \
         CryptoKey, Performance, Navigator].flatMap((C) => wanted.map((key) => { try { new C(key); return C.name \
         } catch (error) { return error instanceof TypeError ? '' : error.name } })).filter(Boolean)",
        Gives("[]"),
    ),
    on(
        STANDARD,
        "keys by another target",
        "[AbortSignal, Crypto, CryptoKey, Performance].map((C) => { try { Reflect.construct(C, [{}], Object); \
         return 'made' } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "subclasses of what cannot be made",
        "[AbortSignal, Crypto, CryptoKey].map((C) => { try { new (class extends C { constructor() { super({}) } \
         })(); return 'made' } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "methods of ours on other objects",
        "const methods = [[URL, 'toString'], [URLSearchParams, 'append'], [Headers, 'get'], [TextEncoder, \
         'encode'], [TextDecoder, 'decode'], [EventTarget, 'dispatchEvent'], [Event, 'preventDefault'], \
         [AbortController, 'abort'], [AbortSignal, 'throwIfAborted'], [Performance, 'now'], [Crypto, \
         'randomUUID']]; methods.filter(([C, name]) => [{}, null, undefined, 1, Object.create(C.prototype), \
         C.prototype, () => {}].some((self) => { try { C.prototype[name].call(self, 'a', 'b'); return true } \
         catch (error) { return !(error instanceof TypeError) } })).map(([C, name]) => C.name + '.' + name)",
        Gives("[]"),
    ),
    row(
        "accessors of ours on other objects",
        "[URL, URLSearchParams, TextDecoder, Event, CustomEvent, AbortSignal, AbortController, Performance, \
         Navigator, CryptoKey, Crypto].flatMap((C) => \
         Object.entries(Object.getOwnPropertyDescriptors(C.prototype)).filter(([, found]) => \
         found.get).filter(([, found]) => [{}, null, C.prototype, Object.create(C.prototype)].some((self) => { \
         try { found.get.call(self); return true } catch (error) { return !(error instanceof TypeError) } \
         })).map(([name]) => C.name + '.' + name))",
        Gives("[]"),
    ),
    row(
        "setters of ours on other objects",
        "[[URL, 'href'], [URL, 'search'], [Event, 'returnValue'], [Event, 'cancelBubble'], [AbortSignal, \
         'onabort']].filter(([C, name]) => [{}, null, Object.create(C.prototype)].some((self) => { try { \
         Object.getOwnPropertyDescriptor(C.prototype, name).set.call(self, 'http://a/'); return true } catch \
         (error) { return !(error instanceof TypeError) } })).length",
        Gives("0"),
    ),
    row(
        "an instance with another prototype",
        "const url = Object.setPrototypeOf(new URL('http://a/b'), Headers.prototype); let name; try { \
         url.get('a') } catch (error) { name = error.name } [name, URL.prototype.toString.call(url)]",
        Gives(r#"["TypeError","http://a/b"]"#),
    ),
    row(
        "private state by a returned object",
        "class Other extends class { constructor(o) { return o } } { #own = 1; static has(o) { return #own in o \
         } } const url = new URL('http://a/'); new Other(url); [Other.has(url), url.href]",
        Gives(r#"[true,"http://a/"]"#),
    ),
    row(
        "private state put on what is frozen",
        "class Other extends class { constructor(o) { return o } } { #own = 1; static has(o) { return #own in o \
         } } [context, console, echo].map((o) => { try { new Other(o); return Other.has(o) } catch (error) { \
         return error.name } }).length",
        Gives("3"),
    ),
    row(
        "names of private fields are not properties",
        "const url = new URL('http://a/'); url.searchParams; [Object.getOwnPropertyNames(url), \
         Object.getOwnPropertySymbols(url), '#href' in url, url['#href']]",
        Gives("[[],[],false,null]"),
    ),
    row(
        "a subclass that overrides what ours calls",
        "const calls = []; class U extends URL { toString() { calls.push('toString'); return 'x' } get href() { \
         calls.push('href'); return 'y' } get searchParams() { calls.push('params'); return null } } const u = \
         new U('http://a/?b=c'); u.search = '?d=e'; [calls, URL.prototype.toString.call(u)]",
        Gives(r#"[[],"http://a/?d=e"]"#),
    ),
    row(
        "listeners hold nothing of ours",
        "const seen = []; const t = new EventTarget(); t.addEventListener('a', { get handleEvent() { \
         seen.push(Object.keys(this)); return function (event) { seen.push(this === seen.listener, \
         arguments.length) } } }); t.dispatchEvent(new Event('a')); seen",
        Gives("[[\"handleEvent\"],false,1]"),
    ),
    row(
        "a timer's callback sees nothing of ours",
        "await new Promise((done) => setTimeout(function () { 'use strict'; done([this === undefined, \
         arguments.length]) }, 1))",
        Gives("[true,0]"),
    ),
    row(
        "arguments of a timer are its own",
        "const seen = []; await new Promise((done) => setTimeout((...values) => { seen.push(values); done() }, \
         1, 1, [2])); seen",
        Gives("[[1,[2]]]"),
    ),
    row(
        "an event that was made elsewhere",
        "[{ type: 'a' }, Object.create(Event.prototype), null, 1].map((event) => { try { new \
         EventTarget().dispatchEvent(event) } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "trust of events",
        "const e = new Event('a'); try { Object.defineProperty(e, 'isTrusted', { value: true }) } catch {} const \
         { get } = Object.getOwnPropertyDescriptor(Event.prototype, 'isTrusted'); get.call(e)",
        Gives("false"),
    ),
    row(
        "keys of crypto are opaque",
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(16), { name: 'HMAC', hash: 'SHA-256' }, \
         false, ['sign']); let exported; try { exported = await crypto.subtle.exportKey('raw', key) } catch \
         (error) { exported = error.name } [Object.getOwnPropertyNames(key), exported, JSON.stringify(key), \
         JSON.stringify(structuredClone(key))]",
        Gives(r#"[[],"InvalidAccessError","{}","{}"]"#),
    ),
    row(
        "a key's algorithm is told, not used",
        "const bytes = new Uint8Array(16), key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', \
         hash: 'SHA-256' }, false, ['sign']); const before = new Uint8Array(await crypto.subtle.sign('HMAC', \
         key, bytes)).join(); key.algorithm.hash.name = 'SHA-1'; new Uint8Array(await crypto.subtle.sign('HMAC', \
         key, bytes)).join() === before",
        Gives("true"),
    ),
    row(
        "a key's uses hold",
        "const key = await crypto.subtle.importKey('raw', new Uint8Array(16), { name: 'HMAC', hash: 'SHA-256' }, \
         true, ['verify']); key.usages.push('sign'); try { await crypto.subtle.sign('HMAC', key, new \
         Uint8Array(1)) } catch (error) { error.name }",
        Gives(r#""InvalidAccessError""#),
    ),
    row(
        "a key's bytes are its own",
        "const bytes = new Uint8Array([1, 2, 3]), key = await crypto.subtle.importKey('raw', bytes, { name: \
         'HMAC', hash: 'SHA-1' }, true, ['sign']); bytes.fill(9); new Uint8Array(await \
         crypto.subtle.exportKey('raw', key)).fill(8); [...new Uint8Array(await crypto.subtle.exportKey('raw', \
         key))]",
        Gives("[1,2,3]"),
    ),
    // What is made on first use.
    row(
        "accessors before their first use",
        "const names = ['URL', 'Headers', 'crypto', 'Event', 'structuredClone', 'performance', 'TextEncoder']; names.flatMap((name) => { const found = Object.getOwnPropertyDescriptor(globalThis, name); return [found.get, found.set].filter(Boolean).map((f) => Object.getOwnPropertyNames(f).sort().join() + f.name + Object.getOwnPropertySymbols(f).length) }).filter((shown) => shown !== 'length,name0')",
        Gives("[]"),
    ),
    row(
        "an accessor with another this",
        "const { get } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); [typeof get.call({}), typeof \
         get.call(null), typeof get.call(1), get.call({}) === URL]",
        Gives(r#"["function","function","function",true]"#),
    ),
    row(
        "an accessor as a constructor",
        "const { get } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); new get()",
        Throws("TypeError"),
    ),
    row(
        "an accessor inherited",
        "const heir = Object.create(globalThis); [typeof heir.URL, Object.hasOwn(heir, 'URL'), heir.URL === URL]",
        Gives(r#"["function",false,true]"#),
    ),
    row(
        "first use within a first use",
        "const { get } = Object.getOwnPropertyDescriptor(globalThis, 'AbortSignal'); try { \
         Object.defineProperty(Object.prototype, 'constructor', { get() { return get() } }) } catch {} typeof \
         new AbortController().signal.aborted",
        Gives(r#""boolean""#),
    ),
    row(
        "first use after all builtins are gone",
        "const names = ['Object', 'Array', 'Map', 'Set', 'Promise', 'Symbol', 'TypeError', 'Uint8Array', 'DOMException', 'Error', 'Date', 'String']; for (const name of names) delete globalThis[name]; [new URL('http://a/?b=c').searchParams.get('b'), new TextDecoder().decode(new TextEncoder().encode('é')), new AbortController().signal.aborted, structuredClone({ a: [1] }).a[0], new Headers({ a: '1' }).get('a'), typeof crypto.randomUUID()]",
        Gives(r#"["c","é",false,1,"1","string"]"#),
    ),
    row(
        "first use in a deep recursion",
        "const f = (n) => { try { f(n + 1) } catch (error) { try { globalThis.made ??= typeof new \
         URL('http://a/').href } catch {} throw error } }; try { f(0) } catch (error) { [error.name, typeof new \
         URL('http://a/').href, typeof new Headers().get] }",
        Gives(r#"["RangeError","string","function"]"#),
    ),
    row(
        "first use in a frozen world",
        "Object.freeze(globalThis); [typeof new URL('http://a/').href, typeof setTimeout(() => {}, 1), typeof \
         new Headers({}).has, typeof performance.now()]",
        Gives(r#"["string","number","function","number"]"#),
    ),
    row(
        "globals of ours declared anew",
        "let URL = 1; const Headers = 2; class Event {} var crypto = 3; function setTimeout() { return 4 } [URL, \
         Headers, typeof Event, crypto, setTimeout()]",
        Gives(r#"[1,2,"function",3,4]"#),
    ),
    row(
        "globals of ours defined anew",
        "Object.defineProperty(globalThis, 'URL', { value: 1, configurable: true }); globalThis.Headers = 2; \
         delete globalThis.Event; [URL, Headers, typeof Event, typeof new AbortController().signal]",
        Gives(r#"[1,2,"undefined","object"]"#),
    ),
];
