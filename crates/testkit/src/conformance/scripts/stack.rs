//! The stack: deep enough, and never a crash.

use crate::conformance::script::Expect::Json;
use crate::conformance::script::{Script, js, throws};

pub(super) const ROWS: &[Script] = &[
    js("5,000 frames of plain recursion", "const f = n => n === 0 ? 0 : 1 + f(n - 1); f(5000)", Json("5000")),
    js("5,000 frames in a module", "const f = n => n === 0 ? 0 : 1 + f(n - 1)\nexport default f(5000)", Json("5000")).module(),
    js("5,000 frames after an await", "await null; const f = n => n === 0 ? 0 : 1 + f(n - 1); f(5000)", Json("5000")),
    js("5,000 frames after a call", "await test.echo(1); const f = n => n === 0 ? 0 : 1 + f(n - 1); f(5000)", Json("5000")),
    js("endless recursion", "const f = () => f() + 1; f()", throws("RangeError", &[])),
    js("endless recursion is caught", "const f = () => f() + 1; let r; try { f() } catch (e) { r = e instanceof RangeError } r", Json("true")),
    js("the stack is there again", "const f = n => n === 0 ? 0 : 1 + f(n - 1); for (let i = 0; i < 3; i++) try { f(1e9) } catch {} f(5000)", Json("5000")),
    js("recursion of an async function", "const f = async () => { await f() }; await f().catch(e => e instanceof RangeError)", Json("true")),
    js("recursion of a getter", "const o = { get a() { return this.a } }; o.a", throws("RangeError", &[])),
    js("recursion through a builtin", "const f = () => [1].map(f); f()", throws("RangeError", &[])),
    js("recursion through a conversion", "const o = { toString() { return '' + this } }; '' + o", throws("RangeError", &[])),
    js("recursion through a proxy", "const p = new Proxy({}, { get: (t, k, r) => r[k] }); p.a", throws("RangeError", &[])),
    js("recursion through a setup script", "const f = () => probe.calls(f); f()", throws("RangeError", &[])),
    js("recursion through the console", "const o = { toJSON() { console.log(o); return 1 } }; console.log(o); 1", Json("1")).limits(|limits| limits.log_lines = 1),
    js("deep JSON parsed", "JSON.parse('['.repeat(1000000))", throws("", &[])),
    js("a deep value written", "let v = []; for (let i = 0; i < 50000; i++) v = [v]; let r; try { JSON.stringify(v); r = 1 } catch (e) { r = 1 } r", Json("1")),
    js("a small thread: endless recursion", "const f = () => f() + 1; f()", throws("RangeError", &[])).on_small_thread(),
    js("a small thread: endless recursion is caught", "const f = () => f() + 1; let r; try { f() } catch (e) { r = e instanceof RangeError } r", Json("true")).on_small_thread(),
    js("a small thread: recursion through builtins", "const f = () => [2, 1].sort(() => [1].map(f)); f()", throws("RangeError", &[])).on_small_thread(),
    js("a small thread: deep patterns", "let r; try { new RegExp('('.repeat(100000) + ')'.repeat(100000)); r = 1 } catch (e) { r = 1 } r", Json("1")).on_small_thread(),
    js("a small thread: deep JSON parsed", "JSON.parse('['.repeat(1000000))", throws("", &[])).on_small_thread(),
    js("a small thread: a deep value written", "let v = []; for (let i = 0; i < 50000; i++) v = [v]; let r; try { JSON.stringify(v); r = 1 } catch (e) { r = 1 } r", Json("1")).on_small_thread(),
    js("a small thread: some frames", "const f = n => n === 0 ? 0 : 1 + f(n - 1); f(100)", Json("100")).on_small_thread(),
];
