//! Host calls as scripts see them.

use isolet_core_traits::{Abort, FailureKind, KilledIn};

use crate::conformance::script::Expect::{Aborts, Json};
use crate::conformance::script::{Expect, Script, fails, js, throws};

const fn uncaught(kind: &'static [FailureKind], name: &'static str) -> Expect {
    Expect::Fails(fails(kind, name).contains(&["told to fail"]).retryable(true))
}

pub(super) const ROWS: &[Script] = &[
    js("a call", "await test.echo({ a: [1, 'x', null] })", Json(r#"{"a":[1,"x",null]}"#)),
    js("a call is a promise", "test.echo(1) instanceof Promise", Json("true")).warns(&["calls_not_awaited"]),
    js("a call as output", "test.echo(1)", Json("1")).warns(&[]),
    js("a call in a module", "export default await test.echo(2)", Json("2")).module(),
    js("a call in a default function", "export default async input => await test.echo(input.n)", Json("1")).module(),
    js("a call in a body", "return await test.echo(3)", Json("3")).body(),
    js("calls in a loop", "let a = 0; for (let i = 1; i <= 50; i++) a += await test.echo(i); a", Json("1275")),
    js("calls at once", "(await Promise.all(Array.from({ length: 50 }, (_, i) => test.echo(i)))).length", Json("50")),
    js("calls in a chain", "test.echo(1).then(x => test.echo(x + 1)).then(x => test.echo(x + 1))", Json("3")),
    js("calls from a callback", "(await Promise.all([3, 1, 2].map(async x => (await test.echo(x)) * 2)))", Json("[6,2,4]")),
    js("calls of an async generator", "const a = []; for await (const x of (async function* () { for (let i = 0; i < 3; i++) yield await test.echo(i) })()) a.push(x); a", Json("[0,1,2]")),
    js("a race with a call that is never answered", "await Promise.race([test.hang(), test.echo(1)])", Json("1")),
    js("a call that is never answered", "await test.hang()", Aborts(Abort::Deadline, Some(KilledIn::Host))),
    js("a call that nobody awaits", "test.hang(); 1", Json("1")).warns(&["calls_not_awaited"]),
    js("a call that is not awaited and in time", "const p = test.echo(1); await test.echo(2); 3", Json("3")).warns(&[]),
    js("a function without this", "const { echo } = test; await echo(4)", Json("4")),
    js("a function as callback", "await Promise.all([1, 2].map(test.echo))", Json("[1,2]")),
    js("typeof", "[typeof test, typeof test.echo]", Json(r#"["object","function"]"#)),
    js("an operation is no constructor, or a harmless one", "let r; try { new test.echo(1); r = 1 } catch { r = 1 } r", Json("1")),
    // Failures.
    js("a failure is an error with its properties", "let r; try { await test.fail('RateLimited') } catch (e) { r = [e instanceof Error, e.name, e.code, e.message, e.retryable, e.retryAfterMs] } r", Json(r#"[true,"RateLimitedError","E_TEST","told to fail",true,1500]"#)),
    js("a failure caught by catch", "await test.fail('Failed').catch(e => e.name)", Json(r#""FailedError""#)),
    js("a failure settles", "(await Promise.allSettled([test.fail('Failed'), test.echo(1)])).map(r => r.status)", Json(r#"["rejected","fulfilled"]"#)),
    js("a failure has a stack", "await test.fail('Failed').catch(e => typeof e.stack)", Json(r#""string""#)),
    js("a failure does not show its kind", "await test.fail('Denied').catch(e => 'kind' in e)", Json("false")),
    js("uncaught: the host's", "await test.fail('Failed')", uncaught(&[FailureKind::Host], "FailedError")),
    js("uncaught: the author's", "await test.fail('BadArguments')", uncaught(&[FailureKind::Runtime], "BadArgumentsError")),
    js("uncaught: a rate", "await test.fail('RateLimited')", uncaught(&[FailureKind::RateLimited], "RateLimitedError")),
    js("uncaught: the policy's", "await test.fail('Denied')", uncaught(&[FailureKind::SandboxViolation], "DeniedError")),
    js("uncaught in a default function", "export default () => test.fail('Denied')", uncaught(&[FailureKind::SandboxViolation], "DeniedError")).module(),
    js("uncaught as output", "test.fail('RateLimited')", uncaught(&[FailureKind::RateLimited], "RateLimitedError")),
    js("uncaught among others", "await Promise.all([test.echo(1), test.fail('Failed'), test.hang()])", uncaught(&[FailureKind::Host], "FailedError")),
    js("caught and thrown again", "try { await test.fail('RateLimited') } catch (e) { throw e }", uncaught(&[FailureKind::RateLimited], "RateLimitedError")),
    js("caught, and another one thrown", "try { await test.fail('RateLimited') } catch (e) { throw new Error('mine') }", throws("Error", &["mine"])),
    js("caught, and wrapped", "try { await test.fail('Denied') } catch (e) { throw new Error('mine', { cause: e }) }", throws("Error", &["mine"])),
    js("a copy of a failure is the script's own", "try { await test.fail('Denied') } catch (e) { throw Object.assign(new Error(e.message), e, { name: e.name }) }", throws("DeniedError", &["told to fail"])),
    js("an inheritor of a failure is the script's own", "try { await test.fail('Denied') } catch (e) { throw Object.create(e) }", Expect::Fails(fails(&[FailureKind::Runtime], ""))),
    // Namespaces.
    js("a namespace is frozen", "Object.isFrozen(test)", Json("true")),
    js("a namespace ignores sloppy writes", "test.echo = null; test.more = 1; delete test.json; [typeof test.echo, 'more' in test, typeof test.json]", Json(r#"["function",false,"function"]"#)),
    js("a namespace throws at strict writes", "'use strict'; test.echo = null", throws("TypeError", &[])),
    js("a namespace that is not exposed", "typeof hidden", Json(r#""undefined""#)),
    js("a namespace that is not exposed, through a setup script", "await probe.hidden(5)", Json("5")),
    js("an operation that is not there", "test.nowhere(1)", throws("TypeError", &[])),
    js("a namespace that is not there", "nowhere.echo(1)", throws("ReferenceError", &[])),
    // Limits.
    js("too many calls at once", "const all = await Promise.allSettled([1, 2, 3, 4, 5].map(x => test.echo(x))); all.map(r => r.status === 'fulfilled' ? r.value : r.reason instanceof Error)", Json("[1,2,3,true,true]")).limits(|limits| limits.host_calls_pending = 3),
    js("as many calls as allowed, again and again", "let n = 0; for (let i = 0; i < 5; i++) n += (await Promise.all([1, 2, 3].map(x => test.echo(x)))).length; n", Json("15")).limits(|limits| limits.host_calls_pending = 3),
    js("no calls at all", "await test.echo(1).catch(e => e instanceof Error)", Json("true")).limits(|limits| limits.host_calls_pending = 0),
    js("a payload over the limit", "await test.echo('x'.repeat(1000)).catch(e => e instanceof Error)", Json("true")).limits(|limits| limits.host_payload_bytes = 1000),
    js("a payload of a buffer over the limit", "await test.echo(new Uint8Array(1000)).catch(e => e instanceof Error)", Json("true")).limits(|limits| limits.host_payload_bytes = 1000),
    js("a payload within the limit", "(await test.echo('x'.repeat(900))).length", Json("900")).limits(|limits| limits.host_payload_bytes = 1000),
    js("a call after one over the limit", "await test.echo('x'.repeat(1000)).catch(() => {}); await test.echo(1)", Json("1")).limits(|limits| limits.host_payload_bytes = 1000),
    // The script changes the language; calls go on.
    js("Promise replaced", "globalThis.Promise = null; await test.echo(1)", Json("1")),
    js("then replaced", "const { then } = Promise.prototype; Promise.prototype.then = null; const r = await test.echo(1); Promise.prototype.then = then; r", Json("1")),
    js("JSON replaced", "JSON.stringify = JSON.parse = () => { throw 1 }; await test.echo({ a: 1 })", Json(r#"{"a":1}"#)),
    js("setters on numbers", "for (let i = 0; i < 40; i++) Object.defineProperty(Object.prototype, i, { set() { throw new Error('seen') }, configurable: true }); await Promise.all([test.echo(1), test.echo(2)]).then(r => r.length)", Json("2")),
    js("array methods replaced", "for (const k of ['push', 'shift', 'splice', 'forEach', 'map']) Array.prototype[k] = null; await test.echo([1, 2])", Json("[1,2]")),
    js("the constructor of errors replaced", "globalThis.Error = class { constructor() { throw 1 } }; await test.fail('Failed').catch(e => e.message)", Json(r#""told to fail""#)),
];
