//! Arguments and replies: JSON, and what JSON cannot say by tags.

use crate::conformance::script::Expect::{Ends, Json};
use crate::conformance::script::{Script, js, throws};

pub(super) const ROWS: &[Script] = &[
    js("no arguments", "await test.json()", Json(r#""[]""#)),
    js("several arguments", "await test.json(1, 'a', [null])", Json(r#""[1,\"a\",[null]]""#)),
    js(
        "arguments that JSON leaves out",
        "await test.json(undefined, () => 1, Symbol('s'), NaN)",
        Json(r#""[null,null,null,null]""#),
    ),
    js(
        "properties that JSON leaves out",
        "await test.json({ a: undefined, b: () => 1, c: 1 })",
        Json(r#""[{\"c\":1}]""#),
    ),
    js(
        "a date and a map",
        "await test.json(new Date(0), new Map([[1, 2]]))",
        Json(r#""[\"1970-01-01T00:00:00.000Z\",{}]""#),
    ),
    js("toJSON", "await test.json({ toJSON: () => [1] })", Json(r#""[[1]]""#)),
    js(
        "a toJSON on all objects sees no list of arguments",
        "Object.prototype.toJSON = () => -1; await test.json(1, [2])",
        Json(r#""[1,-1]""#),
    ),
    js(
        "a toJSON on all arrays sees no list of arguments",
        "Array.prototype.toJSON = () => undefined; await test.json(1, [2])",
        Json(r#""[1,null]""#),
    ),
    js("more arguments than cross", "await test.narrow(1, 2, 3)", Json(r#""[1]""#)),
    js("eight arguments by default", "await test.json(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)", Json(r#""[1,2,3,4,5,6,7,8]""#)),
    js("a text of many scripts", "await test.echo('äöü€😀')", Json("\"äöü€😀\"")),
    js("quotes and line breaks", r#"await test.echo('"\\\n\u0000')"#, Json(r#""\"\\\n\u0000""#)),
    js("a lone surrogate crosses somehow", r"typeof await test.echo('a\ud800')", Json(r#""string""#)),
    js("a null reply", "await test.echo(null)", Json("null")),
    js(
        "a reply with a key __proto__",
        r#"const r = await test.raw('{"__proto__":{"x":1}}'); [Object.hasOwn(r, '__proto__'), r.x === undefined]"#,
        Json("[true,true]"),
    ),
    js(
        "a deep argument",
        "let v = 1; for (let i = 0; i < 100; i++) v = [v]; v = await test.echo(v); let d = 0; while \
         (Array.isArray(v)) { v = v[0]; d++ } d",
        Json("100"),
    ),
    js("a large reply", "(await test.raw('[' + '1,'.repeat(20000) + '1]')).length", Json("20001")),
    // BigInts.
    js("a BigInt as argument", "await test.json(12n)", Json(r#""[{\"$bigint\":\"12\"}]""#)),
    js("a BigInt there and back", "const r = await test.echo(12n); [typeof r, r === 12n]", Json(r#"["bigint",true]"#)),
    js("a negative BigInt", "(await test.echo(-5n)) === -5n", Json("true")),
    js("a large BigInt", "(await test.echo(2n ** 100n)) === 2n ** 100n", Json("true")),
    js("a BigInt far inside", "(await test.echo({ a: [0, { b: 7n }] })).a[1].b === 7n", Json("true")),
    js("a BigInt from the host", r#"(await test.raw('[{"$bigint":"99"}]'))[0] === 99n"#, Json("true")),
    js(
        "toJSON on BigInts is asked, or not",
        "BigInt.prototype.toJSON = () => 'mine'; typeof await test.echo(1n)",
        Ends,
    ),
    // Buffers.
    js("a buffer as argument", "await test.json(new Uint8Array([1, 2, 3]))", Json(r#""[{\"$buffer\":0}]""#)),
    js(
        "two buffers as arguments",
        "await test.json(new Uint8Array(1), { b: new ArrayBuffer(2) })",
        Json(r#""[{\"$buffer\":0},{\"b\":{\"$buffer\":1}}]""#),
    ),
    js(
        "a buffer there and back",
        "const r = await test.echo(new Uint8Array([1, 2, 255])); [r instanceof Uint8Array, ...r]",
        Json("[true,1,2,255]"),
    ),
    js(
        "an ArrayBuffer there and back",
        "const r = await test.echo(new Uint8Array([1, 2]).buffer); [r instanceof Uint8Array, ...r]",
        Json("[true,1,2]"),
    ),
    js("a part of a buffer", "[...await test.echo(new Uint8Array([1, 2, 3, 4]).subarray(1, 3))]", Json("[2,3]")),
    js("other typed arrays as bytes", "[...await test.echo(new Uint16Array([1, 258]))]", Json("[1,0,2,1]")),
    js("doubles as bytes", "(await test.echo(new Float64Array(2))).length", Json("16")),
    js("an empty buffer", "(await test.echo(new Uint8Array(0))).length", Json("0")),
    js(
        "a buffer is a copy",
        "const u = new Uint8Array([1]); const p = test.echo(u); u[0] = 9; [...await p]",
        Json("[1]"),
    ),
    js(
        "a view of a buffer that has grown",
        "const b = new ArrayBuffer(1, { maxByteLength: 4 }), u = new Uint8Array(b); b.resize(3); (await \
         test.echo(u)).length",
        Json("3"),
    ),
    js(
        "a view of a buffer that has shrunk",
        "const b = new ArrayBuffer(4, { maxByteLength: 4 }), u = new Uint8Array(b, 1); b.resize(3); (await \
         test.echo(u)).length",
        Json("2"),
    ),
    js(
        "a buffer of all bytes",
        "const u = Uint8Array.from({ length: 256 }, (_, i) => i); (await test.echo(u)).every((x, i) => x === i)",
        Json("true"),
    ),
    js("a buffer that can be written", "const r = await test.echo(new Uint8Array([1])); r[0] = 7; [...r]", Json("[7]")),
    js("a buffer far inside", "(await test.echo({ a: [{ b: new Uint8Array([5]) }] })).a[0].b[0]", Json("5")),
    js(
        "a buffer that was detached",
        "const u = new Uint8Array(4); u.buffer.transfer?.(); typeof await test.echo(u).catch(e => e)",
        Json(r#""object""#),
    ),
    // Objects that look like tags.
    js("an object like a BigInt's tag", "await test.json({ $bigint: '1' })", Json(r#""[{\"$$bigint\":\"1\"}]""#)),
    js("it comes back as it was", "await test.echo({ $bigint: '1' })", Json(r#"{"$bigint":"1"}"#)),
    js("an object like a buffer's tag", "await test.echo({ $buffer: 0 })", Json(r#"{"$buffer":0}"#)),
    js("an object with two dollars", "await test.json({ $$buffer: 0 })", Json(r#""[{\"$$$buffer\":0}]""#)),
    js("it comes back as it was, too", "await test.echo({ $$buffer: 0 })", Json(r#"{"$$buffer":0}"#)),
    js("only a dollar", "await test.json({ $: 1 })", Json(r#""[{\"$\":1}]""#)),
    js(
        "a tag's name among others",
        "await test.json({ $bigint: '1', b: 2 })",
        Json(r#""[{\"$$bigint\":\"1\",\"b\":2}]""#),
    ),
    js("it comes back unchanged", "await test.echo({ $bigint: '1', b: 2 })", Json(r#"{"$bigint":"1","b":2}"#)),
    js(
        "a tag far inside",
        "await test.echo([{ a: { $buffer: { $bigint: 1 } } }])",
        Json(r#"[{"a":{"$buffer":{"$bigint":1}}}]"#),
    ),
    js("an escaped tag from the host", r#"await test.raw('{"$$bigint":"1"}')"#, Json(r#"{"$bigint":"1"}"#)),
    js("a single key that is left out is no tag", "await test.json({ $bigint: undefined })", Json(r#""[{}]""#)),
    js("one key of two is left out", "await test.echo({ $bigint: '1', b: undefined })", Json(r#"{"$bigint":"1"}"#)),
    // The host may be wrong: any end but a fault.
    js("a buffer that is not there", r#"await test.raw('{"$buffer":9}')"#, Ends),
    js("a buffer's number that is none", r#"await test.raw('{"$buffer":"x"}')"#, Ends),
    js("a negative buffer", r#"await test.raw('{"$buffer":-1}')"#, Ends),
    js("a BigInt that is none", r#"await test.raw('{"$bigint":"x"}').then(String)"#, Ends),
    js("a tag that is unknown", r#"await test.raw('{"$what":1}')"#, Ends),
    js("a reply that is no JSON", "await test.raw('{')", Ends),
    js("a reply that is empty", "await test.raw('')", Ends),
    js("a reply nested very deeply", "await test.raw('['.repeat(20000) + ']'.repeat(20000)).then(() => 1)", Ends),
    // Arguments that cannot cross reject the call.
    js("a cycle", "const o = {}; o.o = o; await test.echo(o).catch(e => e instanceof Error)", Json("true")),
    js(
        "a getter that throws",
        "await test.echo({ get a() { throw new Error('mine') } }).catch(e => e.message)",
        Json(r#""mine""#),
    ),
    js(
        "a toJSON that throws, uncaught",
        "await test.echo({ toJSON() { throw new RangeError('mine') } })",
        throws("RangeError", &["mine"]),
    ),
    js(
        "a call after one that could not be made",
        "const o = {}; o.o = o; await test.echo(o).catch(() => {}); await test.echo(2)",
        Json("2"),
    ),
    js("arguments that call the host", "await test.echo({ toJSON() { test.echo(1); return 2 } })", Json("2")),
];
