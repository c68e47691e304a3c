//! Builtins that a script has patched, to see or to change what ours does and what the host receives.

use super::*;

/// Wraps every function of every builtin so that `called` lists those that are called, once `spying` is set.
macro_rules! spy {
    ($script:literal) => {
        concat!(
            "const called = [], { apply, construct, ownKeys, getOwnPropertyDescriptor, defineProperty } = Reflect; let spying = false;
             const known = new Set(), { has, add } = Set.prototype, { endsWith } = String.prototype;
             const note = (name) => { if (spying) defineProperty(called, called.length, { __proto__: null, value: name, enumerable: true, writable: true, configurable: true }) };
             const spied = (path, f) => function () { note(path); return apply(f, this, arguments) };
             const visit = (path, object) => {
                 if (Object(object) !== object || apply(has, known, [object])) return;
                 apply(add, known, [object]);
                 const keys = ownKeys(object);
                 for (let at = 0; at < keys.length; at++) {
                     const key = keys[at], found = getOwnPropertyDescriptor(object, key), name = path + '.' + (typeof key === 'symbol' ? key.description : key);
                     if (key === 'constructor' || !found.configurable && !found.writable) continue;
                     if (typeof found.value === 'function') {
                         visit(name + '.prototype', found.value.prototype);
                         visit(name, found.value);
                         if (found.value.prototype === undefined) object[key] = spied(name, found.value);
                     } else if (found.get && found.configurable && key !== '__proto__') {
                         const get = spied('get ' + name, found.get), set = found.set && spied('set ' + name, found.set);
                         defineProperty(object, key, { __proto__: null, get, set, configurable: true });
                     } else visit(name, found.value);
                 }
             };
             const iterators = [[][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator](), function* () {}.prototype].map(Object.getPrototypeOf);
             const names = ['Object', 'Function', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Map', 'Set', 'WeakMap', 'WeakSet', 'WeakRef', 'Promise', 'RegExp', 'Date', 'Error', 'TypeError', 'RangeError', 'ArrayBuffer', 'DataView', 'Uint8Array', 'Iterator', 'JSON', 'Math', 'Reflect', 'Proxy', 'DOMException'];
             const typedArray = Object.getPrototypeOf(Uint8Array);
             for (let at = 0; at < iterators.length; at++) visit('iterator' + at, iterators[at]);
             visit('TypedArray.prototype', typedArray.prototype);
             visit('TypedArray', typedArray);
             for (let at = 0; at < names.length; at++) { visit(names[at] + '.prototype', globalThis[names[at]].prototype); visit(names[at], globalThis[names[at]]); }
             ",
            $script
        )
    };
}

pub(super) const ROWS: &[Escape] = &[
    on(
        STANDARD,
        "the spy sees what a script calls",
        spy!("spying = true; [1].map((a) => a); new Map().get(1); spying = false; called"),
        Gives(r#"["Array.prototype.map","get Array.Symbol.species","Map.prototype.get"]"#),
    ),
    on(
        STANDARD,
        "URLs call no builtin that can be patched",
        spy!(
            "spying = true; const u = new URL('http://a/?b=c'); u.searchParams.append('d', 'e'); \
             u.searchParams.getAll('b'); u.hash = 'x'; u.href; URL.canParse('x'); new \
             URLSearchParams('a=b&c=d').forEach(() => {}); try { new URL('x') } catch {} spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "timers call no builtin that can be patched",
        spy!(
            "spying = true; const id = setTimeout(() => {}, 1); clearTimeout(id); queueMicrotask(() => {}); \
             setInterval(() => {}, 1e6); spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "texts call no builtin that can be patched",
        spy!(
            "spying = true; const d = new TextDecoder('utf-16le', { fatal: true }); d.decode(new \
             TextEncoder().encode('abcd')); new TextEncoder().encodeInto('é', new Uint8Array(9)); \
             atob(btoa('a')); try { new TextDecoder('x') } catch {} spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "events call no builtin that can be patched",
        spy!(
            "spying = true; const t = new EventTarget(); t.addEventListener('a', () => {}, { once: true }); \
             t.dispatchEvent(new CustomEvent('a', { detail: 1 })); const c = new AbortController(); \
             AbortSignal.any([c.signal]).onabort = () => {}; c.abort(); AbortSignal.timeout(9); \
             AbortSignal.abort(); spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "headers call no builtin that can be patched",
        spy!(
            "spying = true; const h = new Headers({ a: '1' }); h.append('b', '2'); h.set('a', '3'); h.get('a'); \
             h.delete('b'); h.getSetCookie(); h.forEach(() => {}); spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "crypto calls no builtin that can be patched",
        spy!(
            "spying = true; crypto.randomUUID(); crypto.getRandomValues(new Uint8Array(4)); const p = \
             crypto.subtle.digest('SHA-1', new Uint8Array(4)); const key = crypto.subtle.importKey('raw', new \
             Uint8Array(4), { name: 'HMAC', hash: 'SHA-1' }, false, ['sign']); spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "clones call no builtin that can be patched",
        spy!(
            "const value = { a: [1, new Map([[1, new Set([2])]]), new Date(0), /x/g, new TypeError('a'), new \
             Uint8Array(4), new DataView(new ArrayBuffer(4)), Object(1n)] }; spying = true; \
             structuredClone(value); spying = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "the console calls no builtin that can be patched",
        spy!(
            "const value = { a: [1, new Map([[1, new Set([2])]]), new Date(0), /x/g, new TypeError('a'), new \
             Uint8Array(4)] }; spying = true; console.log('%s %o', 'a', value); console.table([{ a: 1 }]); \
             console.group('g'); console.time(); console.timeEnd(); console.count(); console.trace('t'); spying \
             = false; called"
        ),
        Gives("[]"),
    ),
    on(
        STANDARD,
        "host calls call no builtin that can be patched",
        spy!("spying = true; const p = echo.all({ a: [1, 'b', null] }, new Uint8Array(4)); spying = false; called"),
        Gives("[]"),
    ),
    // What is written while setters wait for it.
    on(
        STANDARD,
        "setters for all names that ours write",
        "const seen = [], names = ['0', '1', '2', '3', '16', 'length', 'name', 'at', 'next', 'id', 'every', \
         'callback', 'values', 'count', 'callback', 'removed', 'remove', 'once', 'capture', 'passive', 'done', \
         'stack', 'cause', 'message', 'code', 'retryable', 'retryAfterMs', 'limit', 'turn', 'schedule', 'read', \
         'written', 'timeOrigin', 'constructor', 'then', 'bytes', 'hash', 'extractable', 'index', 'type', 'raw', \
         'depth', 'kind', 'json', 'buffers', 'status', 'output', 'args', 'resolve', 'reject', 'promise']; for \
         (const name of names) Object.defineProperty(Object.prototype, name, { __proto__: null, set(value) { \
         seen.push(name) }, get() { return undefined }, configurable: true }); const own = seen.length; new \
         URL('http://a/?b=c').searchParams.getAll('b'); setTimeout(() => {}, 1); structuredClone(new Map([[{ a: \
         1 }, [1, 2]]])); const t = new EventTarget(); t.addEventListener('a', () => {}); t.dispatchEvent(new \
         Event('a')); new Headers([['a', 'b']]).getSetCookie(); new TextEncoder().encodeInto('a', new \
         Uint8Array(2)); crypto.randomUUID(); console.log({ a: [1] }); const reply = await echo.first({ a: [1, { \
         b: 2 }] }); const result = seen.slice(own); for (const name of names) delete Object.prototype[name]; \
         [result, reply]",
        Gives(r#"[[],{"a":[1,{"b":2}]}]"#),
    ),
    on(
        STANDARD,
        "setters for the indices of arrays",
        "const seen = { count: 0 }; for (let at = 0; at < 20; at++) Object.defineProperty(Array.prototype, at, { \
         set() { seen.count++ }, configurable: true }); const all = new URLSearchParams('a=1&a=2').getAll('a'), \
         cookies = new Headers([['set-cookie', 'a'], ['set-cookie', 'b']]).getSetCookie(), pairs = new \
         URLSearchParams('a=1').entries().next().value, clone = structuredClone([1, [2]]), own = seen.count, \
         back = await echo.all(1, [2]); for (let at = 0; at < 20; at++) delete Array.prototype[at]; [all, \
         cookies, pairs, clone, back, own]",
        Gives(r#"[["1","2"],["a","b"],["a","1"],[1,[2]],[1,[2]],0]"#),
    ),
    on(
        STANDARD,
        "getters for the parts of descriptors",
        "for (const name of ['get', 'set', 'value', 'writable', 'enumerable', 'configurable']) \
         Object.defineProperty(Object.prototype, name, { get() { throw new RangeError('mine') }, configurable: \
         true, __proto__: null }); const results = [new URL('http://a/?b=c').searchParams.getAll('b').length, \
         structuredClone([{ a: 1 }])[0].a, new Headers({ a: '1' }).get('a'), typeof new \
         AbortController().signal]; console.log({ a: 1 }); for (const name of ['get', 'set', 'value', \
         'writable', 'enumerable', 'configurable']) delete Object.prototype[name]; results",
        Gives(r#"[1,1,"1","object"]"#),
    ),
    on(
        STANDARD,
        "options from the prototype of all objects",
        "Object.prototype.once = true; Object.prototype.fatal = true; Object.prototype.stream = true; \
         Object.prototype.signal = 5; const t = new EventTarget(); let count = 0; t.addEventListener('a', () => \
         count++); t.dispatchEvent(new Event('a')); t.dispatchEvent(new Event('a')); [count, new \
         TextDecoder().decode(new Uint8Array([0xff])), new TextDecoder().decode(new Uint8Array([0xe2, 0x82]))]",
        Gives(r#"[2,"�","�"]"#),
    ),
    // What the host receives.
    on(
        STANDARD,
        "JSON patched, to the host",
        "JSON.stringify = () => '[\"forged\"]'; JSON.parse = () => 'forged'; await echo.all({ a: 1 }, 'b')",
        Gives(r#"[{"a":1},"b"]"#),
    ),
    on(
        STANDARD,
        "toJSON of all arrays, to the host",
        "Array.prototype.toJSON = () => ['forged']; const seen = await echo.all('a', 'b'); delete \
         Array.prototype.toJSON; seen",
        Gives(r#"["a","b"]"#),
    ),
    on(
        STANDARD,
        "toJSON of all objects, to the host",
        "Object.prototype.toJSON = function () { return 'forged' }; const seen = await echo.all('a', 5); delete \
         Object.prototype.toJSON; seen",
        Gives(r#"["a",5]"#),
    ),
    on(
        STANDARD,
        "toJSON of primitives, to the host",
        "Number.prototype.toJSON = String.prototype.toJSON = () => 'forged'; await echo.all('a', 5)",
        Gives(r#"["a",5]"#),
    ),
    on(
        STANDARD,
        "the array's iterator, to the host",
        "Array.prototype[Symbol.iterator] = function* () { yield 'forged' }; await echo.all('a', 5)",
        Gives(r#"["a",5]"#),
    ),
    on(
        STANDARD,
        "call and apply patched, to the host",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => 'forged'; \
         Reflect.apply = () => 'forged'; await echo.all('a', 5)",
        Gives(r#"["a",5]"#),
    ),
    on(
        STANDARD,
        "Promise replaced, to the host",
        "globalThis.Promise = class { then() { return 'forged' } }; await echo.first(5)",
        Gives("5"),
    ),
    on(
        STANDARD,
        "then patched, to the host",
        "const { then } = Promise.prototype; const seen = []; Promise.prototype.then = function (...list) { \
         seen.push(this instanceof Promise); return then.apply(this, list) }; [await echo.first(5), \
         seen.every(Boolean)]",
        Gives("[5,true]"),
    ),
    on(
        STANDARD,
        "then of all objects, from the host",
        "Object.prototype.then = function (done) { delete Object.prototype.then; done('mine') }; const seen = \
         await echo.first({ a: 1 }); [seen, await echo.first({ a: 1 })]",
        Gives(r#"["mine",{"a":1}]"#),
    ),
    on(
        STANDARD,
        "a setter of __proto__, from the host",
        "Object.defineProperty(Object.prototype, '__proto__', { set() { throw new RangeError('mine') } }); const \
         reply = await echo.first(JSON.parse('{\"__proto__\":{\"admin\":true},\"constructor\":1}')); \
         [Object.keys(reply), reply.admin === undefined]",
        Gives(r#"[["__proto__","constructor"],true]"#),
    ),
    row(
        "keys named __proto__, to the host and back",
        "const reply = await echo.first(JSON.parse('{\"__proto__\":{\"admin\":true}}')); [Object.keys(reply), \
         reply.admin ?? null, ({}).admin ?? null]",
        Gives(r#"[["__proto__"],null,null]"#),
    ),
    row(
        "keys named __proto__ in a clone",
        "const made = structuredClone(JSON.parse('{\"__proto__\":{\"admin\":true}}')); [Object.keys(made), \
         made.admin ?? null]",
        Gives(r#"[["__proto__"],null]"#),
    ),
    row(
        "keys named __proto__ in lists of ours",
        "[new URLSearchParams({ ['__proto__']: '1' }).get('__proto__'), new Headers({ ['__proto__']: '1' \
         }).get('__proto__'), Object.fromEntries(new URLSearchParams('__proto__=1')).__proto__ === \
         Object.prototype]",
        Gives(r#"["1","1",false]"#),
    ),
    on(
        STANDARD,
        "species of promises, from the host",
        "Object.defineProperty(Promise, Symbol.species, { get() { throw new RangeError('mine') } }); await \
         echo.first(5)",
        Gives("5"),
    ),
    on(
        STANDARD,
        "the constructor of all promises, from the host",
        "let reads = 0; Object.defineProperty(Promise.prototype, 'constructor', { get() { reads++; return \
         Promise } }); await new Promise((done) => setTimeout(done, 1)); const own = reads; setTimeout(() => {}, \
         1); AbortSignal.timeout(1); await echo.first(1); reads - own",
        Gives("1"),
    ),
    on(
        STANDARD,
        "errors of the host under a patched Error",
        "globalThis.Error = class { constructor() { throw new RangeError('mine') } }; \
         Object.defineProperty(Object.prototype, 'name', { set() {}, get: () => 'Forged' }); const a = {}; a.a = \
         a; try { await echo.first(a) } catch (error) { [typeof error.message, Object.getPrototypeOf(error) === \
         TypeError.prototype] }",
        Gives(r#"["string",true]"#),
    ),
    // What the report receives.
    on(
        STANDARD,
        "JSON patched, in the output",
        "JSON.stringify = () => '\"forged\"'; ({ a: [1] })",
        Gives(r#"{"a":[1]}"#),
    ),
    on(
        STANDARD,
        "a getter for value, in the output",
        "Object.defineProperty(Object.prototype, 'value', { get: () => 'forged', set() {} }); ({ a: 1 })",
        Gives(r#"{"a":1}"#),
    ),
    on(
        STANDARD,
        "a getter for then, in the output",
        "let reads = 0; Object.defineProperty(Object.prototype, 'then', { get() { reads++ }, set() {} }); reads",
        Gives("0"),
    ),
    on(
        STANDARD,
        "a getter for value, in the output of a module",
        "Object.defineProperty(Object.prototype, 'value', { get: () => 'forged', set() {} }); export default { \
         a: 1 }",
        Gives(r#"{"a":1}"#),
    ),
    on(
        STANDARD,
        "a getter for done, in the output",
        "Object.defineProperty(Object.prototype, 'done', { get: () => true, set() {} }); await null; [1, 2]",
        Gives("[1,2]"),
    ),
    on(
        STANDARD,
        "a getter for default, in the output of a module",
        "Object.prototype.default = 'forged'; export default 1",
        Gives("1"),
    ),
    on(
        STANDARD,
        "a module without default under a patched prototype",
        "Object.prototype.default = 'forged'; export const a = 1",
        HasNoJson("OutputError: the module has no default export"),
    ),
    on(
        STANDARD,
        "names of errors, in the report",
        "Object.defineProperty(Error.prototype, 'name', { get: () => 'x'.repeat(1e6) }); try { throw new \
         Error('a') } catch (error) { error.name.length }",
        Gives("1000000"),
    ),
    on(
        STANDARD,
        "an error that forges a violation's place",
        "const error = new RangeError('mine'); error.stack = 'at native (/etc/passwd:1:1)'; error.line = 99; \
         throw error",
        Throws("RangeError: mine"),
    ),
    row(
        "an error that forges a status",
        "throw Object.assign(new RangeError('mine'), { kind: 'host_error', status: 'ok', retryable: true, hint: \
         'forged', code: 5 })",
        Throws("RangeError: mine"),
    ),
    row(
        "an error with hostile parts",
        "throw { get name() { throw 1 }, get message() { throw 2 }, get stack() { throw 3 }, toString() { throw \
         4 } }",
        Throws(""),
    ),
    on(
        STANDARD,
        "a hostile Proxy, thrown",
        "throw new Proxy({}, new Proxy({}, { get: () => () => { throw 1 } }))",
        Throws(""),
    ),
    row("an error whose name loops", "throw { get name() { for (;;); } }", TimesOut),
    row("an error with a long message", "throw new Error('x'.repeat(5e6))", Throws("Error: xxx")),
    row(
        "an error that contains itself",
        "const error = new Error('a'); error.cause = error; error.errors = [error]; throw error",
        Throws("Error: a"),
    ),
    row(
        "console lines that forge others",
        "console.log('a\\n{\"level\":\"error\"}\\u001b[2J\\u0000\\ud800'); 1",
        Gives("1"),
    ),
    // What later scripts of ours find.
    on(
        STANDARD,
        "own and native through this",
        "[function () { return this }, function () { return typeof this }].map((f) => f.call(undefined) === \
         globalThis || f.call(undefined))",
        Gives(r#"[true,"object"]"#),
    ),
    on(
        STANDARD,
        "DOMException patched before ours throws one",
        "globalThis.DOMException = function () { return { name: 'forged' } }; try { structuredClone(() => 1) } \
         catch (error) { [error.name, error instanceof Error] }",
        Gives(r#"["DataCloneError",true]"#),
    ),
    on(
        STANDARD,
        "TypeError patched before ours throws one",
        "globalThis.TypeError = function () { return { name: 'forged' } }; try { new URL('x') } catch (error) { \
         error.name }",
        Gives(r#""TypeError""#),
    ),
    on(
        STANDARD,
        "Uint8Array patched before ours makes one",
        "globalThis.Uint8Array = Object.getPrototypeOf(Uint8Array.prototype).constructor = function () { throw \
         new RangeError('mine') }; new TextEncoder().encode('abc').length",
        Gives("3"),
    ),
    on(
        STANDARD,
        "the species of typed arrays before ours makes one",
        "Object.defineProperty(Object.getPrototypeOf(Uint8Array), Symbol.species, { get() { throw new \
         RangeError('mine') } }); Object.defineProperty(ArrayBuffer, Symbol.species, { get() { throw new \
         RangeError('mine') } }); [new Uint8Array(await crypto.subtle.digest('SHA-1', new \
         Uint8Array(3))).length, structuredClone(new Uint8Array(5)).length]",
        Gives("[20,5]"),
    ),
    on(
        STANDARD,
        "symbols of classes of ours",
        "Object.defineProperty(URL, Symbol.hasInstance, { value: () => true }); delete \
         URL.prototype[Symbol.toStringTag]; delete URL.prototype.constructor; const u = new \
         URL('http://a/?b=c'); [u.searchParams instanceof URLSearchParams, u.searchParams.get('b')]",
        Gives(r#"[true,"c"]"#),
    ),
    on(
        STANDARD,
        "prototypes of classes of ours",
        "Object.setPrototypeOf(AbortSignal.prototype, null); Object.setPrototypeOf(AbortSignal, null); let c; \
         try { c = new AbortController(); c.abort() } catch (error) { c = error } [c instanceof AbortController \
         || c instanceof TypeError, new URL('http://a/').href]",
        Gives(r#"[true,"http://a/"]"#),
    ),
    on(
        STANDARD,
        "the constructor behind a class of ours",
        "class Mine { constructor(...list) { globalThis.given = list } } Object.setPrototypeOf(AbortSignal, \
         Mine); try { new AbortController() } catch {} Object.setPrototypeOf(CustomEvent, Mine); try { new \
         CustomEvent('a', { detail: 1 }) } catch {} JSON.stringify(globalThis.given ?? [])",
        Gives(r#""[\"a\",{\"detail\":1}]""#),
    ),
    on(
        STANDARD,
        "methods of ours patched",
        "URLSearchParams.prototype.append = Headers.prototype.append = EventTarget.prototype.addEventListener = \
         EventTarget.prototype.dispatchEvent = () => { throw new RangeError('mine') }; const c = new \
         AbortController(); let n = 0; c.signal.onabort = () => n++; c.abort(); [n, new URLSearchParams([['a', \
         'b']]).get('a'), new Headers([['a', 'b']]).get('a')]",
        Gives(r#"[1,"b","b"]"#),
    ),
    on(
        STANDARD,
        "everything emptied",
        "for (const C of [Object, Array, Function, String, Number, Map, Set, Promise, Error, RegExp, Uint8Array, \
         ArrayBuffer, Symbol, Date]) for (const object of [C.prototype, C]) for (const key of \
         Object.getOwnPropertyNames(object)) if (object !== Object || !['getOwnPropertyNames'].includes?.(key)) \
         try { delete object[key] } catch {} console.log({ a: [1] }); new \
         URL('http://a/?b=c').searchParams.get('b')",
        Gives(r#""c""#),
    ),
];
