//! Scripts, modules and bodies, and how `auto` tells them apart.

use isolet_core_traits::{FailureKind, SourceKind};

use crate::conformance::script::Expect::{Json, Refused, Syntax, Undefined};
use crate::conformance::script::{Expect, Failure, Script, fails, js, throws};

const NO_OUTPUT: Failure = fails(&[FailureKind::Output], "").with_hint();

const fn auto(name: &'static str, source: &'static str, expect: Expect) -> Script {
    js(name, source, expect).kind(SourceKind::Auto)
}

pub(super) const ROWS: &[Script] = &[
    // The value of a script is that of its last expression statement.
    js("the last expression", "1; 2; 3", Json("3")),
    js("a declaration has no value", "1; const a = 2", Json("1")),
    js("only a declaration", "const a = 2; let b; var c = 3; class D {}", Undefined),
    js("a function declaration has no value", "1; function f() {}", Json("1")),
    js("an empty statement has no value", "1;;", Json("1")),
    js("a block", "{ 1; { 2 } }", Json("2")),
    js("an empty block has no value", "1; {}", Json("1")),
    js("a label in a block", "{ a: 1 }", Json("1")),
    js("if", "if (true) 1; else 2", Json("1")),
    js("else", "if (false) 1; else { 2 }", Json("2")),
    js("if without else", "1; if (false) 2", Undefined),
    js("for", "for (let i = 0; i < 3; i++) i * 2", Json("4")),
    js("for without a turn", "1; for (; false;) 2", Undefined),
    js("for of", "for (const x of ['a', 'b']) x", Json(r#""b""#)),
    js("while with break", "let i = 0; while (true) { i++; if (i > 4) break; i }", Undefined),
    js("do", "let i = 0; do { i++ } while (i < 3)", Json("2")),
    js("switch", "switch (2) { case 1: 'a'; break; case 2: 'b'; break; default: 'c' }", Json(r#""b""#)),
    js("try", "try { 1 } finally { 2 }", Json("1")),
    js("catch", "try { throw 1 } catch (e) { e + 1 }", Json("2")),
    js("a directive", "'use strict'", Json(r#""use strict""#)),
    js("an assignment", "let a; a = 5", Json("5")),
    js("a comma", "1, 2", Json("2")),
    js("a comment at the end", "4 // no line break after this", Json("4")),
    js("a block comment at the end", "4 /* closed */", Json("4")),
    js("a hashbang", "#!/usr/bin/env isolet\n5", Json("5")),
    js("no statements", "// nothing\n", Undefined),
    js("other line breaks", "1\r\n+ 1\u{2028}+ 1", Json("3")),
    // Await at the top level.
    js("await", "await 5", Json("5")),
    js("await in an expression", "1 + await Promise.resolve(2)", Json("3")),
    js("await, then a value", "const a = await Promise.resolve(2); a * 2", Json("4")),
    js("await in a block", "let a = 0; if (true) { a = await 3 } a", Json("3")),
    js("await in a loop", "let a = 0; for (let i = 0; i < 10; i++) a += await i; a", Json("45")),
    js("for await", "let a = ''; for await (const x of [Promise.resolve('x'), 'y']) a += x; a", Json(r#""xy""#)),
    js("await that rejects", "await Promise.reject(new RangeError('no'))", throws("RangeError", &["no"])),
    js("await that rejects, caught", "let a; try { await Promise.reject(1) } catch (e) { a = e + 1 } a", Json("2")),
    js(
        "the order of jobs",
        "const a = []; Promise.resolve().then(() => a.push(1)); a.push(0); await null; a.push(2); a",
        Json("[0,1,2]"),
    ),
    // Scripts are sloppy, unless they say otherwise.
    js("sloppy this", "(function () { return this === globalThis })()", Json("true")),
    js("this at the top level", "this === globalThis", Json("true")),
    js("an undeclared name", "undeclared = 5; globalThis.undeclared", Json("5")),
    js("with and octal", "with ({ a: 010 }) a", Json("8")),
    js("strict by directive", "'use strict'; (function () { return this === undefined })()", Json("true")),
    js("an undeclared name in strict code", "'use strict'; undeclared = 5", throws("ReferenceError", &["undeclared"])),
    js("return outside of a function", "return 1", Syntax),
    js("export in a script", "export default 1", Syntax),
    js("import in a script", "import fs from 'fs'; fs", Syntax),
    // Modules.
    js("a value", "export default { a: 1 }", Json(r#"{"a":1}"#)).module(),
    js("an expression", "const a = 2\nexport default a * 2", Json("4")).module(),
    js("a named default", "const a = 3\nexport { a as default }", Json("3")).module(),
    js(
        "a function",
        "export default function (input, context) { return [input.n, context.tenant] }",
        Json(r#"[1,"acme"]"#),
    )
    .module(),
    js("an arrow", "export default (input, context) => [input.n, context.tenant]", Json(r#"[1,"acme"]"#)).module(),
    js("an async function", "export default async function main(input) { await null; return input.n + 1 }", Json("2"))
        .module(),
    js("an async arrow", "export default async input => (await Promise.resolve(input.n)) + 2", Json("3")).module(),
    js("a function without a value", "export default () => {}", Undefined).module(),
    js("the value undefined", "export default undefined", Undefined).module(),
    js("a promise as default", "export default Promise.resolve(6)", Json("6")).module(),
    js("a function that gives a promise", "export default () => new Promise(r => r(6))", Json("6")).module(),
    js(
        "a function that gives a function",
        "export default () => () => 1",
        Expect::Fails(fails(&[FailureKind::Output], "")),
    )
    .module(),
    js("a function that throws", "export default () => { throw new RangeError('no') }", throws("RangeError", &["no"]))
        .module(),
    js(
        "a function that rejects",
        "export default async () => { throw new RangeError('no') }",
        throws("RangeError", &["no"]),
    )
    .module(),
    // A class cannot be called; whether that is told of the output or of the call is left open.
    js(
        "a class as default",
        "export default class {}",
        Expect::Fails(fails(&[FailureKind::Output, FailureKind::Runtime], "")),
    )
    .module(),
    js("no default export", "export const a = 1", Expect::Fails(NO_OUTPUT)).module(),
    js("no export at all", "1 + 1", Expect::Fails(NO_OUTPUT)).module(),
    js("await in a module", "const a = await Promise.resolve(4)\nexport default a", Json("4")).module(),
    js("a module that throws", "throw new RangeError('no')\nexport default 1", throws("RangeError", &["no"])).module(),
    js(
        "a module that rejects",
        "await Promise.reject(new RangeError('no'))\nexport default 1",
        throws("RangeError", &["no"]),
    )
    .module(),
    js("modules are strict", "export default (function () { return this === undefined })()", Json("true")).module(),
    js("this of a module", "export default this === undefined", Json("true")).module(),
    js(
        "input and context are globals in modules too",
        "export default [input.n, context.tenant]",
        Json(r#"[1,"acme"]"#),
    )
    .module(),
    js("an import of what is not there", "import fs from 'fs'\nexport default fs", Refused).module(),
    js("an import for its effects", "import './other.js'\nexport default 1", Refused).module(),
    js("a re-export", "export { default } from 'other'", Refused).module(),
    js(
        "a dynamic import is refused",
        "let r; try { await import('fs'); r = 'there' } catch (e) { r = e instanceof Error } r",
        Json("true"),
    ),
    js("return in a module", "return 1\nexport default 1", Syntax).module(),
    // Bodies.
    js("return", "return input.n + 1", Json("2")).body(),
    js("return of an object", "const a = 1\nreturn { a }", Json(r#"{"a":1}"#)).body(),
    js("a body with await", "return await Promise.resolve(context.user.id)", Json("7")).body(),
    js("a body without return", "1 + 1", Undefined).body(),
    js("an early return", "if (input.n === 1) return 'one'\nreturn 'other'", Json(r#""one""#)).body(),
    js("an empty body", "", Undefined).body(),
    js("a body that throws", "throw new RangeError('no')", throws("RangeError", &["no"])).body(),
    js("a body that ends in a comment", "return 3 // the end", Json("3")).body(),
    js("a body with a directive", "'use strict'\nreturn (function () { return this === undefined })()", Json("true"))
        .body(),
    js("a body cannot leave its function", "return 1 }\nconst f = () => {", Syntax).body(),
    js("a body cannot leave its function by a parenthesis", "}); globalThis.escaped = 1; (async () => {", Syntax)
        .body(),
    js("an export in a body", "export default 1", Syntax).body(),
    js(
        "a name of the body does not collide",
        "const input2 = input, main = 1, value = 2, exports = 3, module = 4\nreturn main + value",
        Json("3"),
    )
    .body(),
    js("var in a body is no global", "var local = 1\nreturn typeof globalThis.local", Json(r#""undefined""#)).body(),
    // Auto: a script if it parses as one, else a module.
    auto("auto: a script", "1 + 1", Json("2")),
    auto("auto: await", "await 1", Json("1")),
    auto("auto: sloppy code", "with ({ a: 1 }) a", Json("1")),
    auto("auto: this is that of a script", "this === globalThis", Json("true")),
    auto("auto: a module", "export default 5", Json("5")),
    auto("auto: a module with a function", "export default (input) => input.n", Json("1")),
    auto("auto: export far down", "const text = 'x'\n\n\n// comment\nexport default text", Json(r#""x""#)),
    auto("auto: the word export in a text", "'export default 1'", Json(r#""export default 1""#)),
    auto("auto: the word export in a comment", "// export default 1\n2", Json("2")),
    auto("auto: import.meta makes a module", "export default typeof import.meta", Json(r#""object""#)),
    auto("auto: a dynamic import makes none", "let r = 1; try { await import('fs') } catch {} r", Json("1")),
    auto("auto: nothing is run to find out", "globalThis.runs = (globalThis.runs ?? 0) + 1; runs", Json("1")),
    auto("auto: neither", "return 1", Syntax),
    auto("auto: broken as both", "export default )", Syntax),
    auto("auto: empty", "", Undefined),
    auto("auto: an import is a module", "import x from 'x'\nx", Refused),
];
