//! What scripts find: input, context, globals, random numbers, and no way to turn text into code.

use isolet_core_traits::FailureKind;

use crate::conformance::script::Expect::Json;
use crate::conformance::script::{Expect, Script, fails, js, throws};

/// Whether the engine or the policy refuses is left open.
const BLOCKED: Expect = Expect::Fails(fails(&[FailureKind::Runtime, FailureKind::SandboxViolation], ""));

pub(super) const ROWS: &[Script] = &[
    js(
        "input is a value of the script's own",
        "input.n = 2; input.list.push(3); input",
        Json(r#"{"n":2,"list":[1,2,3]}"#),
    ),
    js("input of any JSON", "[typeof input, input]", Json(r#"["string","text"]"#)).input(r#""text""#),
    js("input null", "input === null", Json("true")).input("null"),
    js("input with white space", "input", Json("[1,{}]")).input(" [ 1 , { } ] "),
    js("input with a lone surrogate", "input.charCodeAt(0).toString(16)", Json(r#""d800""#)).input(r#""\ud800""#),
    js("input with a number too large", "input === Infinity", Json("true")).input("1e400"),
    js("input with an integer too large", "input", Json("12345678901234567000")).input("12345678901234567890"),
    js(
        "input with a key __proto__",
        "[Object.hasOwn(input, '__proto__'), input.x === undefined, Object.getPrototypeOf(input) === Object.prototype]",
        Json("[true,true,true]"),
    )
    .input(r#"{"__proto__":{"x":1}}"#),
    js("input with the same key twice", "input", Json(r#"{"a":2}"#)).input(r#"{"a":1,"a":2}"#),
    js("input with line separators", "input.length", Json("2")).input("\"\u{2028}\u{2029}\""),
    js("input's prototypes are the script's", "input instanceof Object && input.list instanceof Array", Json("true")),
    js(
        "context is frozen to the bottom",
        "[context, context.user, context.user.roles].every(Object.isFrozen)",
        Json("true"),
    ),
    js(
        "context ignores sloppy writes",
        "context.tenant = 'other'; context.user.id = 8; delete context.user; context",
        Json(r#"{"tenant":"acme","user":{"id":7,"roles":["a"]}}"#),
    ),
    js("context throws at strict writes", "'use strict'; context.user.id = 8", throws("TypeError", &[])),
    js("context throws at pushes", "context.user.roles.push('b')", throws("TypeError", &[])),
    js("context in a module", "context.tenant = 'other'\nexport default 1", throws("TypeError", &[])).module(),
    js(
        "the global object",
        "globalThis.Object === Object && Object.getPrototypeOf(async function () {}) !== Function.prototype",
        Json("true"),
    ),
    js(
        "builtins of the language",
        "[Map, Set, WeakMap, WeakRef, Promise, Proxy, Reflect, Symbol, BigInt, Date, RegExp, Uint8Array, DataView, JSON, Math].every(Boolean)",
        Json("true"),
    ),
    js(
        "nothing of a host",
        "['process', 'require', 'std', 'os', 'print', 'scriptArgs', 'native', 'host', '__native', 'hidden'].filter(name => name in globalThis)",
        Json("[]"),
    ),
    // What is made on first use.
    js("a lazy global", "late('x') === 'x' && late === late && globalThis.late === late", Json("true")),
    js("a lazy script runs once", "const { made } = later; late(1); [made, later.made]", Json("[1,1]")),
    js("the next run makes it anew", "later.mark ??= 'new'; later.made", Json("1")),
    js(
        "a lazy global is plain once it is used",
        "late; const d = Object.getOwnPropertyDescriptor(globalThis, 'late'); [typeof d.value, d.writable, d.enumerable, d.configurable]",
        Json(r#"["function",true,false,true]"#),
    ),
    js("a lazy global can be replaced unused", "late = 5; [late, later.made]", Json("[5,1]")),
    js("a lazy global can be declared", "var late = 6; let later = 7; [late, later]", Json("[6,7]")),
    js(
        "a lazy global can be deleted",
        "delete globalThis.late; [typeof late, typeof later]",
        Json(r#"["undefined","object"]"#),
    ),
    js("a lazy global is no key that is listed", "Object.keys(globalThis).includes('late')", Json("false")),
    js(
        "a lazy script that throws is tried again",
        "let r; try { flaky } catch (e) { r = e.message } [r, flaky, flaky]",
        Json(r#"["not yet","at last","at last"]"#),
    ),
    js(
        "what a value is inside",
        "const is = (value) => later.brand(value); [is([]), is(new Map()), is(new Set()), is(new Date()), is(/x/), is(new Error()), is(() => 1), is({}), is(new (class {})()), is(new Proxy([], {})), is(new ArrayBuffer(1)), is(new Uint8Array(1)), is(new DataView(new ArrayBuffer(1))), is(Object(1)), is(1), is(null), is()]",
        Json(
            r#"["Array","Map","Set","Date","RegExp","Error","Function","Object","Object","Proxy","ArrayBuffer","TypedArray","DataView","","","",""]"#,
        ),
    ),
    js(
        "whatever its prototype says",
        "const m = new Map(); Object.setPrototypeOf(m, Array.prototype); m[Symbol.toStringTag] = 'Set'; later.brand(m)",
        Json(r#""Map""#),
    ),
    // What the host provides by name.
    js(
        "a module of the host",
        "import second from '@suite/second'\nexport default [second(), second()]",
        Json(r#"["first1","first2"]"#),
    )
    .module(),
    js("each run has modules of its own", "import { next } from 'first'\nexport default next()", Json("1")).module(),
    js("a module of the host in a script", "(await import('@suite/second')).default()", Json(r#""first1""#)),
    js(
        "other modules are refused with what there is",
        "await import('second')",
        throws("TypeError", &["\"first\"", "@suite/second"]),
    ),
    js("setup scripts ran in order", "order", Json(r#"["first","second"]"#)),
    js("setup scripts are strict", "self_is_strict", Json("true")),
    js(
        "what setup scripts captured stays theirs",
        "JSON.stringify = () => 'mine'; console.log({ a: 1 }); 1",
        Json("1"),
    )
    .logs(&[r#"info:{"a":1}"#]),
    js(
        "random numbers",
        "const a = Array.from({ length: 1000 }, () => Math.random()); [a.every(x => x >= 0 && x < 1), new Set(a).size > 990]",
        Json("[true,true]"),
    ),
    js(
        "random numbers are spread",
        "let sum = 0; for (let i = 0; i < 10000; i++) sum += Math.random(); sum > 4500 && sum < 5500",
        Json("true"),
    ),
    js("a date is near now", "typeof Date.now() === 'number' && new Date().getUTCFullYear() >= 2024", Json("true")),
    // Code from text.
    js("eval", "eval('1')", BLOCKED),
    js("eval under another name", "(0, eval)('1')", BLOCKED),
    js("Function", "Function('return 1')()", BLOCKED),
    js("new Function", "new Function('a', 'return a')(1)", BLOCKED),
    js("the constructor of an async function", "(async () => {}).constructor('return 1')()", BLOCKED),
    js("the constructor of a generator", "(function* () {}).constructor('yield 1')().next()", BLOCKED),
    js("the constructor of an async generator", "(async function* () {}).constructor('yield 1')().next()", BLOCKED),
    js("the constructor of a builtin", "[].map.constructor('return 1')()", BLOCKED),
    js("the constructor of a host operation", "test.echo.constructor('return 1')()", BLOCKED),
    js("the constructor of a setup script's function", "probe.same.constructor('return 1')()", BLOCKED),
    js(
        "the refusal can be caught",
        "let r = 0; try { Function('return 1') } catch (e) { r = e instanceof Error } r",
        Json("true"),
    ),
    js(
        "functions are still functions",
        "(() => 1) instanceof Function && typeof Function.prototype.call === 'function'",
        Json("true"),
    ),
    js("eval where it is allowed", "eval('1 + 1')", Json("2")).with_eval(),
    js("local eval where it is allowed", "(function () { const local = 5; return eval('local') })()", Json("5"))
        .with_eval(),
    js("Function where it is allowed", "new Function('a', 'b', 'return a + b')(1, 2)", Json("3")).with_eval(),
    js(
        "an async function from text where it is allowed",
        "await (async () => {}).constructor('return 4')()",
        Json("4"),
    )
    .with_eval(),
    js(
        "an error in text where it is allowed",
        "let r; try { eval('(') } catch (e) { r = e.name } r",
        Json(r#""SyntaxError""#),
    )
    .with_eval(),
];
