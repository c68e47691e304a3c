//! What an output becomes.

use crate::conformance::script::Expect::{Json, Oversized, Stalls, Undefined};
use crate::conformance::script::{Expect, Script, fails, js, no_json, throws};
use isolet_core_traits::FailureKind;

const NO_JSON_WITH_HINT: Expect = Expect::Fails(fails(&[FailureKind::Output], "").with_hint());

pub(super) const ROWS: &[Script] = &[
    // Primitives.
    js("null", "null", Json("null")),
    js("undefined", "undefined", Undefined),
    js("void", "void 0", Undefined),
    js("true", "true", Json("true")),
    js("a number", "1.5", Json("1.5")),
    js("minus zero", "-0", Json("0")),
    js("not a number", "NaN", Json("null")),
    js("infinity", "-Infinity", Json("null")),
    js("a large number", "1e21", Json("1e+21")),
    js("the largest safe integer", "Number.MAX_SAFE_INTEGER", Json("9007199254740991")),
    js("a small number", "1e-7", Json("1e-7")),
    js("a sum of tenths", "0.1 + 0.2", Json("0.30000000000000004")),
    js("an empty text", "''", Json(r#""""#)),
    js("a text with escapes", r#"'a"\\\n\t\u0001/'"#, Json(r#""a\"\\\n\t\u0001/""#)),
    js("a text of many scripts", "'äöü€😀 日本語 \u{2028}'", Json("\"äöü€😀 日本語 \u{2028}\"")),
    js("a lone surrogate", r"'\ud83d'", Json(r#""\ud83d""#)),
    js("a lone surrogate between letters", r"'a\ude00b'", Json(r#""a\ude00b""#)),
    js("a pair of surrogates", r"'\ud83d\ude00'", Json("\"😀\"")),
    js("a text with a zero", r"'a\0b'", Json(r#""a\u0000b""#)),
    // Objects.
    js("an object", "({ b: 1, a: [true, null, 'x'] })", Json(r#"{"b":1,"a":[true,null,"x"]}"#)),
    js("an object in the order of its keys", "({ z: 1, 2: 1, 1: 1, a: 1 })", Json(r#"{"1":1,"2":1,"z":1,"a":1}"#)),
    js("nested arrays", "[[[[1]], []], {}]", Json("[[[[1]],[]],{}]")),
    js("nested 12 deep", "let v = 1; for (let i = 0; i < 12; i++) v = [v]; v", Json("[[[[[[[[[[[[1]]]]]]]]]]]]")),
    js(
        "undefined in an object and in an array",
        "({ a: undefined, b: [undefined, , 1] })",
        Json(r#"{"b":[null,null,1]}"#),
    ),
    js(
        "functions and symbols inside are left out",
        "({ a() {}, b: [() => 1, Symbol('s')], c: Symbol('s'), [Symbol('k')]: 1 })",
        Json(r#"{"b":[null,null]}"#),
    ),
    js(
        "inherited and hidden properties are left out",
        "const o = Object.create({ a: 1 }); Object.defineProperty(o, 'b', { value: 1 }); o.c = 1; o",
        Json(r#"{"c":1}"#),
    ),
    js("no prototype", "Object.assign(Object.create(null), { a: 1 })", Json(r#"{"a":1}"#)),
    js("a key __proto__", "JSON.parse('{\"__proto__\":1,\"\":2}')", Json(r#"{"__proto__":1,"":2}"#)),
    js("an instance", "class P { x = 1; #y = 2; get z() { return 3 } }; new P()", Json(r#"{"x":1}"#)),
    js("a getter", "({ get a() { return [1] } })", Json(r#"{"a":[1]}"#)),
    js("boxed values", "[Object(1), Object('x'), Object(false)]", Json(r#"[1,"x",false]"#)),
    js("a date", "new Date(0)", Json(r#""1970-01-01T00:00:00.000Z""#)),
    js("an invalid date", "new Date(NaN)", Json("null")),
    js("toJSON", "({ toJSON(key) { return ['seen', key] } })", Json(r#"["seen",""]"#)),
    js(
        "toJSON of a property gets its key",
        "({ a: { toJSON: key => key }, b: [{ toJSON: key => key }] })",
        Json(r#"{"a":"a","b":["0"]}"#),
    ),
    js("a map and a set", "[new Map([[1, 2]]), new Set([1])]", Json("[{},{}]")),
    js("a pattern and an error", "[/x/g, new Error('x')]", Json("[{},{}]")),
    js(
        "typed arrays",
        "[new Uint8Array([1, 2]), new Float32Array([0.5]), new ArrayBuffer(2)]",
        Json(r#"[{"0":1,"1":2},{"0":0.5},{}]"#),
    ),
    js("a sparse array", "const a = [1]; a[3] = 4; a", Json("[1,null,null,4]")),
    js("an array with a name", "Object.assign([1], { name: 2 })", Json("[1]")),
    js("arguments", "(function () { return arguments })(1, 2)", Json(r#"{"0":1,"1":2}"#)),
    js("a proxy of an array", "new Proxy([1, 2], {})", Json("[1,2]")),
    js("a proxy of an object", "new Proxy({ a: 1 }, { get: () => 2 })", Json(r#"{"a":2}"#)),
    js(
        "the same object twice is no cycle",
        "const o = { a: 1 }; [o, o, { o }]",
        Json(r#"[{"a":1},{"a":1},{"o":{"a":1}}]"#),
    ),
    js("a promise inside", "({ p: Promise.resolve(1) })", Json(r#"{"p":{}}"#)),
    // No JSON.
    js("a function", "() => 1", NO_JSON_WITH_HINT),
    js("a class", "(class {})", NO_JSON_WITH_HINT),
    js("a symbol", "Symbol('s')", no_json(&[])),
    js("a BigInt", "1n", no_json(&[])),
    js("a BigInt far inside", "({ a: [0, { b: 2n }] })", no_json(&["a[1].b"])),
    js("a cycle", "const o = {}; o.self = o; o", no_json(&["self"])),
    js("a cycle far inside", "const o = { list: [0, {}] }; o.list[1].back = o.list; o", no_json(&["list[1].back"])),
    js("a cycle through toJSON", "const o = { a: { toJSON() { return o } } }; o", no_json(&[])),
    js("a promise of a function", "Promise.resolve(() => 1)", no_json(&[])),
    js("a toJSON that gives a function", "({ toJSON: () => () => 1 })", Expect::AnyOf(&[no_json(&[]), Undefined])),
    js(
        "a getter that throws",
        "({ get a() { throw new RangeError('from the getter') } })",
        Expect::Fails(fails(&[FailureKind::Runtime, FailureKind::Output], "RangeError").contains(&["from the getter"])),
    ),
    js(
        "a toJSON that throws",
        "({ toJSON() { throw new RangeError('from toJSON') } })",
        Expect::Fails(fails(&[FailureKind::Runtime, FailureKind::Output], "RangeError").contains(&["from toJSON"])),
    ),
    // Promises.
    js("a promise", "Promise.resolve({ a: 1 })", Json(r#"{"a":1}"#)),
    js("a promise of a promise", "Promise.resolve(new Promise(r => r(Promise.resolve(5))))", Json("5")),
    js(
        "a promise that settles later",
        "new Promise(r => Promise.resolve().then(() => null).then(() => r(5)))",
        Json("5"),
    ),
    js("a promise of undefined", "Promise.resolve()", Undefined),
    js("a thenable", "({ then(resolve) { resolve(7) } })", Json("7")),
    js("an async function's promise", "(async () => { await null; return 3 })()", Json("3")),
    js("a rejected promise", "Promise.reject(new TypeError('no'))", throws("TypeError", &["no"])),
    js(
        "the first of many rejections that nobody handles",
        "for (let i = 1; i < 100; i++) { const filler = 'x'.repeat(i * 37); Promise.reject(new TypeError('no ' + i + filler)) } 1",
        throws("TypeError", &["no 1x"]),
    ),
    js(
        "a promise that rejects later",
        "new Promise((_, r) => Promise.resolve().then(() => r(new TypeError('no'))))",
        throws("TypeError", &["no"]),
    ),
    js("a thenable that throws", "({ then() { throw new TypeError('no') } })", throws("TypeError", &["no"])),
    js("a promise that never settles", "new Promise(() => {})", Stalls),
    js("awaiting what never settles", "await new Promise(() => {}); 1", Stalls),
    js("awaiting itself", "let p; p = Promise.resolve().then(() => p); await p", throws("TypeError", &[])),
    // Sizes.
    js("two bytes over the limit", "'x'.repeat(100)", Oversized(102)).limits(|limits| limits.output_bytes = 100),
    js("just the limit", "'x'.repeat(8)", Json(r#""xxxxxxxx""#)).limits(|limits| limits.output_bytes = 10),
    js("bytes, not characters", "'€'.repeat(4)", Oversized(14)).limits(|limits| limits.output_bytes = 10),
    js("escapes count", r"'\u0001'.repeat(4)", Oversized(26)).limits(|limits| limits.output_bytes = 10),
    js("many small parts", "Array(100000).fill(7)", Oversized(200_001)).limits(|limits| limits.output_bytes = 1000),
    js(
        "the limit does not count what is no output",
        "Array(1000).fill('x'.repeat(1000)).join('').length",
        Json("1000000"),
    )
    .limits(|limits| limits.output_bytes = 10),
];
