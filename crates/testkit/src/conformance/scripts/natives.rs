//! Natives and setup scripts.

use isolet_core_traits::FailureKind;

use crate::conformance::script::Expect::Json;
use crate::conformance::script::{Expect, Script, fails, js, throws};

pub(super) const ROWS: &[Script] = &[
    js("what arrives: nothing", "probe.kind()", Json(r#""Undefined""#)),
    js("what arrives: undefined", "probe.kind(undefined)", Json(r#""Undefined""#)),
    js("what arrives: null", "probe.kind(null)", Json(r#""Null""#)),
    js("what arrives: a boolean", "probe.kind(true)", Json(r#""Bool(true)""#)),
    js("what arrives: a number", "probe.kind(1.5)", Json(r#""Number(1.5)""#)),
    js("what arrives: an integer", "probe.kind(-7)", Json(r#""Number(-7.0)""#)),
    js("what arrives: not a number", "probe.kind(NaN)", Json(r#""Number(NaN)""#)),
    js("what arrives: minus zero", "probe.kind(-0)", Json(r#""Number(-0.0)""#)),
    js("what arrives: a text", "probe.kind('aä😀')", Json("\"String(\\\"aä😀\\\")\"")),
    js("what arrives: a text with a zero", r"probe.kind('a\0b').length > 10", Json("true")),
    js("what arrives: a lone surrogate", r"probe.same('a\ud800') === 'a\ufffd'", Json("true")),
    js("what arrives: bytes", "probe.kind(new Uint8Array([1, 2]))", Json(r#""Bytes([1, 2])""#)),
    js("what arrives: an ArrayBuffer", "probe.kind(new Uint8Array([3]).buffer)", Json(r#""Bytes([3])""#)),
    js(
        "what arrives: a part of a buffer",
        "probe.kind(new Uint8Array([1, 2, 3]).subarray(1))",
        Json(r#""Bytes([2, 3])""#),
    ),
    js("what arrives: wider elements", "probe.kind(new Uint16Array([258]))", Json(r#""Bytes([2, 1])""#)),
    js(
        "what arrives: what no variant holds",
        "[{}, [], () => 1, Symbol('s')].map(probe.kind)",
        Json(r#"["Undefined","Undefined","Undefined","Undefined"]"#),
    ),
    js("what comes back", "[undefined, null, true, 1.5, 'ä😀'].map(probe.same)", Json("[null,null,true,1.5,\"ä😀\"]")),
    js("what comes back: undefined", "probe.same(undefined) === undefined", Json("true")),
    js("what comes back: minus zero", "Object.is(probe.same(-0), -0)", Json("true")),
    js("what comes back: an integer is one", "probe.same(5) === 5 && [1, 2, 3][probe.same(1)] === 2", Json("true")),
    js(
        "what comes back: bytes",
        "const r = probe.same(new Uint8Array([1, 255])); [r instanceof Uint8Array, ...r]",
        Json("[true,1,255]"),
    ),
    js(
        "what comes back: bytes of an ArrayBuffer",
        "probe.same(new ArrayBuffer(3)) instanceof Uint8Array",
        Json("true"),
    ),
    js("what comes back: no bytes", "probe.same(new Uint8Array(0)).length", Json("0")),
    js(
        "what comes back is a copy",
        "const u = new Uint8Array([1]); const r = probe.same(u); u[0] = 9; r[0]",
        Json("1"),
    ),
    js("a large text", "probe.same('x'.repeat(100000)).length", Json("100000")),
    js("missing arguments", "probe.many(1)", Json(r#""[Number(1.0), Undefined, Undefined]""#)),
    js("too many arguments", "probe.many(1, 2, 3, 4, 5)", Json(r#""[Number(1.0), Number(2.0), Number(3.0)]""#)),
    js("many calls", "let n = 0; for (let i = 0; i < 10000; i++) n += probe.same(1); n", Json("10000")),
    // What natives keep.
    js("kept and released", "const n = probe.keep('x'); [typeof n, probe.release(n)]", Json(r#"["number","x"]"#)),
    js(
        "a stale number throws",
        "const n = probe.keep(1); probe.release(n); let r; try { probe.release(n) } catch (e) { r = e.name } r",
        Json(r#""TypeError""#),
    ),
    js("no number is used twice", "const n = probe.keep(1); probe.release(n); probe.keep(1) !== n", Json("true")),
    js(
        "a number that is none",
        "[undefined, null, 'x', -1, 0.5, NaN, Infinity, {}, 1e300].map(n => { try { probe.release(n) } catch (e) { return e.name } })",
        Json(
            r#"["TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError","TypeError"]"#,
        ),
    ),
    js(
        "only so much is kept",
        "let n = 0; try { for (;;) { probe.keep(1); n++ } } catch (e) { n = [n, e.name] } n",
        Json(r#"[1000,"RangeError"]"#),
    ),
    js(
        "the next run finds nothing of it",
        "let r; try { probe.release(1) } catch (e) { r = e.name } probe.keep(1); r",
        Json(r#""TypeError""#),
    ),
    // Failures.
    js(
        "a TypeError",
        "let r; try { probe.fail('TypeError', 'wrong') } catch (e) { r = [e instanceof TypeError, e.name, e.message] } r",
        Json(r#"[true,"TypeError","wrong"]"#),
    ),
    js(
        "a RangeError",
        "let r; try { probe.fail('RangeError', 'wrong') } catch (e) { r = e instanceof RangeError } r",
        Json("true"),
    ),
    js(
        "a SyntaxError",
        "let r; try { probe.fail('SyntaxError', 'wrong') } catch (e) { r = e instanceof SyntaxError } r",
        Json("true"),
    ),
    js(
        "any other name is an Error",
        "let r; try { probe.fail('QuotaError', 'wrong') } catch (e) { r = [e instanceof Error, Object.getPrototypeOf(e) === Error.prototype, e.message] } r",
        Json(r#"[true,true,"wrong"]"#),
    ),
    js("uncaught", "probe.fail('RangeError', 'wrong')", throws("RangeError", &["wrong"])),
    js(
        "uncaught in a promise",
        "await (async () => probe.fail('TypeError', 'wrong'))()",
        throws("TypeError", &["wrong"]),
    ),
    js("a message of many scripts", "probe.fail('TypeError', 'äöü€😀')", throws("TypeError", &["äöü€😀"])),
    js("the place is the script's", "1;\n⟦probe.fail('TypeError', 'wrong')⟧", throws("TypeError", &["wrong"])),
    // Panics end the run as the host's failure, and say nothing.
    js("a panic", "probe.panic()", Expect::Fails(fails(&[FailureKind::Host], ""))),
    js(
        "a panic in a promise",
        "await (async () => { await null; probe.panic() })()",
        Expect::Fails(fails(&[FailureKind::Host], "")),
    ),
    js(
        "a panic tells nothing",
        "let r = 1; try { probe.panic() } catch (e) { r = String(e) + e.stack; console.log(r) } r.includes?.('secret')",
        Expect::AnyOf(&[Expect::Fails(fails(&[FailureKind::Host], "")), Json("false")]),
    ),
    // Scripts do not see natives themselves.
    js(
        "natives are not there",
        "[typeof native, typeof host, Object.keys(globalThis).includes('log')]",
        Json(r#"["undefined","undefined",false]"#),
    ),
    js(
        "a setup script that was patched under",
        "String.prototype.toString = Array.prototype.join = () => 'patched'; console.log('a', 1); 1",
        Json("1"),
    )
    .logs(&["info:a 1"]),
];
