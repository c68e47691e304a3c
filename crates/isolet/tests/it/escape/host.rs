//! Ways to the host: its modules, its names, its operations, the console and the context.

use super::*;

pub(super) const ROWS: &[Escape] = &[
    // Names of other hosts.
    row("require", "require('fs').readFileSync('/etc/passwd', 'utf8')", Violates("bundle the library into one file")),
    row(
        "require of a node: module",
        "const { execSync } = require('node:child_process'); execSync('id')",
        Violates("bundle the library"),
    ),
    row("module.require", "module.require('fs')", Violates("export default")),
    row("module.constructor", "module.constructor._load('fs')", Violates("export default")),
    row("exports", "exports.a = 1", Violates("export default")),
    row("process", "process.env.HOME", Violates("pass what it needs as input or context")),
    row("process.binding", "process.binding('fs')", Violates("pass what it needs")),
    row(
        "process by the constructor",
        "this.constructor.constructor('return process')().mainModule.require('fs')",
        Violates(EVAL),
    ),
    row("process of this", "this.process.env", Throws("TypeError: cannot read property 'env' of undefined")),
    row("process of globalThis", "typeof globalThis.process + typeof self.process", Gives(r#""undefinedundefined""#)),
    row("fs", "fs.readFileSync('/etc/passwd')", Violates("reaches no files or processes")),
    row("child_process", "child_process.exec('id')", Violates("reaches no files")),
    row("os", "os.exec(['id'])", Violates("reaches no files")),
    row("std", "std.open('/etc/passwd', 'r')", Violates("one thread")),
    row("bjson", "bjson.read(new ArrayBuffer(9), 0, 9)", Violates("one thread")),
    row("Worker", "new Worker('data:text/javascript,1')", Violates("one thread")),
    row("os.Worker", "new os.Worker('a.js')", Violates("reaches no files")),
    row("WebAssembly", "WebAssembly.compile(new Uint8Array(8))", Violates("one thread")),
    row("importScripts", "importScripts('https://example.com/a.js')", Violates("one thread")),
    row(
        "fetch",
        "await fetch('http://169.254.169.254/latest/meta-data/')",
        Violates("an operation that the host offers"),
    ),
    row("XMLHttpRequest", "new XMLHttpRequest()", Violates("an operation that the host offers")),
    row("WebSocket", "new WebSocket('ws://127.0.0.1')", Violates("an operation that the host offers")),
    row("EventSource", "new EventSource('http://127.0.0.1')", Violates("an operation that the host offers")),
    row("Deno", "Deno.readTextFileSync('/etc/passwd')", Violates("neither Deno nor Bun")),
    row("Bun", "Bun.file('/etc/passwd')", Violates("neither Deno nor Bun")),
    row("localStorage", "localStorage.getItem('a')", Violates("nothing is kept between runs")),
    row("indexedDB", "indexedDB.open('a')", Violates("nothing is kept between runs")),
    row(
        "names that no script finds",
        "['require', 'module', 'exports', 'process', 'global', 'window', 'Deno', 'Bun', 'fs', 'std', 'os', \
         'bjson', 'qjs', 'print', 'load', 'loadFile', 'loadScript', '__loadScript', 'evalScript', 'evalFile', \
         'scriptArgs', 'execArgv', 'gc', 'quit', 'exit', 'read', 'readline', 'Worker', 'WebAssembly', 'Java', \
         'ActiveXObject', 'importScripts', 'postMessage', 'fetch', 'WebSocket', 'native', 'own', 'host', \
         'setup', 'script', '$timers', 'timers', 'navigator2', 'Buffer', 'setImmediate', '__dirname', \
         '__filename', 'document', 'location', 'chrome', 'external', 'alert'].filter((name) => name in \
         globalThis)",
        Gives("[]"),
    ),
    row(
        "free names of setup scripts",
        "[typeof native, typeof own, typeof host, typeof global, typeof kept, typeof use, typeof exec, typeof table]",
        Gives(r#"["undefined","undefined","undefined","undefined","undefined","undefined","undefined","undefined"]"#),
    ),
    // Imports.
    row("import of fs", "await import('fs')", Violates(IMPORT)),
    row("import of node:fs", "await import('node:fs')", Violates(IMPORT)),
    row("import of std", "await import('std')", Violates(IMPORT)),
    row("import of os", "await import('os')", Violates(IMPORT)),
    row("import of bjson", "await import('bjson')", Violates(IMPORT)),
    row("import of qjs:std", "await import('qjs:std')", Violates(IMPORT)),
    row("import of a URL", "await import('https://esm.sh/lodash')", Violates(IMPORT)),
    row("import of a data URL", "await import('data:text/javascript,export default 1')", Violates(IMPORT)),
    row("import of a blob", "await import('blob:nodedata:1')", Violates(IMPORT)),
    row("import of a file URL", "await import('file:///etc/passwd')", Violates(IMPORT)),
    row("import of an absolute path", "await import('/etc/passwd')", Violates(IMPORT)),
    row("import of a relative path", "await import('../../Cargo.toml')", Violates(IMPORT)),
    row("import of itself", "await import('./test.js')", Violates(IMPORT)),
    row("import of its own name", "await import('test.js')", Violates(IMPORT)),
    row(
        "import of a name for our own texts",
        "const all = await Promise.allSettled(['script', 'setup', 'own', 'common', 'globals', \
         'console'].map((name) => import(name))); all.map((one) => one.status[0]).join('')",
        Gives(r#""rrrrrr""#),
    ),
    row("import of nothing", "await import('')", Violates(IMPORT)),
    row("import of a zero byte", "await import('fs\\0.js')", Violates(IMPORT)),
    row("import of a long name", "await import('a'.repeat(1e6))", Violates(IMPORT)),
    row("import of an object", "await import({ toString() { return 'fs' } })", Violates(IMPORT)),
    row("import of a symbol", "await import(Symbol('fs'))", Throws("TypeError")),
    row(
        "import of what throws",
        "await import({ toString() { throw new RangeError('mine') } })",
        Throws("RangeError: mine"),
    ),
    row("import with attributes", "await import('/etc/passwd', { with: { type: 'text' } })", Violates(IMPORT)),
    row("import as bytes", "await import('/etc/passwd', { with: { type: 'bytes' } })", Violates(IMPORT)),
    row(
        "import whose attributes throw",
        "await import('fs', { get with() { throw new RangeError('mine') } })",
        Throws("RangeError: mine"),
    ),
    row("import in a callback", "await Promise.all(['fs'].map((name) => import(name)))", Violates(IMPORT)),
    row(
        "import in a timer",
        "await new Promise((done, fail) => setTimeout(() => import('fs').then(done, fail), 1))",
        Violates(IMPORT),
    ),
    row("import that nobody awaits", "import('fs').catch(() => {}); 1", Gives("1")),
    row(
        "import whose rejection nobody handles",
        "import('fs'); await new Promise((done) => setTimeout(done, 5)); 1",
        Violates(IMPORT),
    ),
    row("static import", "import fs from 'fs'; export default fs", Violates(IMPORT)),
    row("static import for its effect", "import 'os'; export default 1", Violates(IMPORT)),
    row(
        "static import of a namespace",
        "import * as std from 'qjs:std'; export default Object.keys(std)",
        Violates(IMPORT),
    ),
    row("re-export", "export * from 'fs'; export default 1", Violates(IMPORT)),
    row("re-export of the default", "export { default } from '../../secrets.js'", Violates(IMPORT)),
    row(
        "static import with attributes",
        "import text from '/etc/passwd' with { type: 'text' }; export default text",
        Violates(IMPORT),
    ),
    row(
        "static import of JSON",
        "import data from '/etc/app.json' with { type: 'json' }; export default data",
        Violates(IMPORT),
    ),
    row(
        "import.meta",
        "export default [Object.keys(import.meta), typeof import.meta.resolve, typeof import.meta.dirname, \
         Object.getPrototypeOf(import.meta)]",
        Gives(r#"[[],"undefined","undefined",null]"#),
    ),
    // Operations of the host.
    row(
        "the host's namespace is frozen",
        "'use strict'; try { echo.first = () => 'mine' } catch (error) { [error.name, await echo.first(1), \
         Object.isFrozen(echo), Object.isFrozen(echo.first)] }",
        Gives(r#"["TypeError",1,true,true]"#),
    ),
    row(
        "the host's namespace takes nothing new",
        "try { Object.defineProperty(echo, 'own', { value: 1 }) } catch (error) { [error.name, 'own' in echo] }",
        Gives(r#"["TypeError",false]"#),
    ),
    row(
        "what an operation shows",
        "[Object.getOwnPropertyNames(echo.first).sort().join(), echo.first.name, \
         String(echo.first).includes('native code'), Object.getPrototypeOf(echo.first) === Function.prototype]",
        Gives(r#"["length,name","first",true,true]"#),
    ),
    row(
        "an operation with another this",
        "await Promise.all([echo.first.call(null, 1), echo.first.call({ index: 2 }, 2), \
         echo.all.apply(echo.bytes, [3])])",
        Gives("[1,2,[3]]"),
    ),
    row("an operation is no constructor", "new echo.first(1)", Throws("TypeError")),
    row("a bound operation", "await echo.first.bind(null, 7)(8)", Gives("7")),
    on(
        STANDARD,
        "an operation behind a Proxy",
        "await new Proxy(echo.first, { apply: (target, self, list) => Reflect.apply(target, self, [list[0] * 2]) \
         })(21)",
        Gives("42"),
    ),
    row(
        "operations that are not offered",
        "[Object.keys(echo), typeof echo.open, typeof echo.close, typeof echo.call, typeof echo.$timers, typeof \
         echo.sleep, typeof echo.constructor.first]",
        Gives(r#"[["first","all","bytes"],"undefined","undefined","undefined","undefined","undefined","undefined"]"#),
    ),
    row(
        "the host's names as globals of one's own",
        "globalThis.echo = { first: () => 'mine' }; echo.first(1)",
        Gives(r#""mine""#),
    ),
    row(
        "tags of the wire are text",
        "await echo.first({ $buffer: 0, $bigint: '5', $$x: 1, a: { $buffer: 99 } })",
        Gives(r#"{"$buffer":0,"$bigint":"5","$$x":1,"a":{"$buffer":99}}"#),
    ),
    row("tags of the wire in an output", "({ $buffer: 0, $bigint: '5' })", Gives(r#"{"$buffer":0,"$bigint":"5"}"#)),
    row(
        "arguments that run code",
        "let calls = 0; const seen = await echo.first({ get a() { calls++; return 1 }, toJSON() { calls++; \
         return { b: 2 } } }); [seen, calls]",
        Gives(r#"[{"b":2},1]"#),
    ),
    row(
        "arguments that call the host",
        "const order = []; const outer = echo.first({ toJSON() { order.push(echo.first('inner')); return 'outer' \
         } }); [await outer, await order[0]]",
        Gives(r#"["outer","inner"]"#),
    ),
    row(
        "arguments that throw",
        "try { await echo.first({ toJSON() { throw new RangeError('mine') } }) } catch (error) { [error.name, \
         error.message, await echo.first(1)] }",
        Gives(r#"["RangeError","mine",1]"#),
    ),
    row(
        "arguments that contain themselves",
        "const a = {}; a.a = a; try { await echo.first(a) } catch (error) { [error.name, await echo.first(1)] }",
        Gives(r#"["TypeError",1]"#),
    ),
    row("arguments that loop", "await echo.first({ get a() { for (;;); } })", TimesOut),
    row(
        "arguments that are functions",
        "await echo.all(() => 1, undefined, Symbol('a'), NaN, -0)",
        Gives("[null,null,null,null,0]"),
    ),
    row(
        "buffers are copies",
        "const a = new Uint8Array([1, 2, 3]); const sent = echo.bytes(a); a.fill(9); const [back] = await sent; \
         [[...new Uint8Array(back)], back === a.buffer]",
        Gives("[[1,2,3],false]"),
    ),
    row(
        "a detached buffer to the host",
        "const a = new Uint8Array(8); a.buffer.transfer(); (await echo.bytes(a)).length",
        Gives("0"),
    ),
    row(
        "a buffer that is detached by a later argument",
        "const a = new Uint8Array([1, 2, 3]); try { const back = await echo.bytes(a, { toJSON() { \
         a.buffer.transfer(); return 1 } }); [back.length, [...new Uint8Array(back[0])]] } catch (error) { \
         error.name }",
        Gives(r#"[1,[1,2,3]]"#),
    ),
    row(
        "errors of operations do not tell the host",
        "try { await echo.first(...Array(2e5).fill('0123456789')) } catch (error) { [typeof error.message, \
         Object.keys(error).filter((key) => !['code', 'retryable', 'retryAfterMs', 'limit'].includes(key))] }",
        Gives(r#"["string",[]]"#),
    ),
    // The console and the context.
    row(
        "the console is frozen",
        "'use strict'; [() => { console.log = 1 }, () => { delete console.log }, () => { console.own = 1 }, () \
         => Object.setPrototypeOf(console, {})].map((change) => { try { return change() ?? 'changed' } catch \
         (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "what the console is made of",
        "[Object.keys(console).every((key) => Object.getOwnPropertyNames(console[key]).sort().join() === \
         'length,name'), console.constructor === Object, String(console.log).includes('native code'), \
         'prototype' in console.log]",
        Gives(r#"[true,true,true,false]"#),
    ),
    row(
        "the console with hostile values",
        "const hostile = { get a() { throw 1 }, toString() { throw 2 }, [Symbol.toPrimitive]() { throw 3 }, \
         toJSON() { throw 4 }, get [Symbol.toStringTag]() { throw 5 }, constructor: { get name() { throw 6 } } \
         }; console.log(hostile, '%s %d %j %o', hostile, hostile, hostile, hostile); console.table([hostile]); \
         console.dir(hostile); 1",
        Gives("1"),
    ),
    on(
        STANDARD,
        "the console with a hostile Proxy",
        "const traps = new Proxy({}, { get: () => () => { throw 1 } }); console.log(new Proxy({}, traps), new \
         Proxy(() => {}, traps), '%o %j', new Proxy([], traps)); 1",
        Gives("1"),
    ),
    row(
        "the context is frozen to the bottom",
        "'use strict'; [() => { context.tenant = 'other' }, () => { context.plan.name = 'free' }, () => { \
         context.own = 1 }, () => { delete context.tenant }, () => Object.defineProperty(context, 'tenant', { \
         value: 'other' }), () => Object.setPrototypeOf(context, { tenant: 'other' }), () => \
         context.__defineGetter__('tenant', () => 'other'), () => Object.assign(context, { tenant: 'other' \
         })].map((change) => { try { change(); return context.tenant } catch (error) { return error.name } })",
        Gives(r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#),
    ),
    row(
        "another context is the script's own",
        "globalThis.context = { tenant: 'other' }; const seen = context.tenant; seen",
        Gives(r#""other""#),
    ),
    row(
        "a module's context",
        "globalThis.context = { tenant: 'other' }; export default (input, own) => typeof own.tenant",
        Gives(r#""string""#),
    ),
    row(
        "a context under a changed prototype",
        "try { Object.prototype.admin = true } catch {} Object.hasOwn(context, 'admin')",
        Gives("false"),
    ),
    row(
        "a getter for the tenant on all objects",
        "try { Object.defineProperty(Object.prototype, 'tenant', { get: () => 'other' }) } catch {} context.tenant",
        Gives(r#""acme""#),
    ),
];
