//! What scripts can reach, and that nothing of ours is among it.

use std::collections::BTreeSet;

use expect_test::{ExpectFile, expect_file};
use isolet::{Isolet, Policy, Profile, Status};

use crate::setup::{builder, execution, output, told};

/// Walks everything that is reachable from the global object, and from what syntax alone gives. Each object that holds
/// anything but a name and a length is a line: how it is reached first, and its keys. A function is marked by `()`, an
/// accessor by `get` or `set`, what cannot be written by `!`.
const WALK: &str = r"
    const { getOwnPropertyDescriptor, getPrototypeOf } = Object;
    const keysOf = (value) => [...Object.getOwnPropertyNames(value), ...Object.getOwnPropertySymbols(value)];
    const known = new Map(), queue = [], lines = [];
    const show = (key) => typeof key === 'symbol' ? '@@' + key.description.replace('Symbol.', '') : key;
    const visit = (path, value) => {
        if (Object(value) !== value || known.has(value)) return;
        known.set(value, path);
        queue.push(value);
    };
    const own = new Set(['input', 'context']);
    visit('globalThis', globalThis);
    visit('%AsyncFunction%', (async () => {}).constructor);
    visit('%GeneratorFunction%', (function* () {}).constructor);
    visit('%AsyncGeneratorFunction%', (async function* () {}).constructor);
    visit('%ArrayIterator%', getPrototypeOf([][Symbol.iterator]()));
    visit('%MapIterator%', getPrototypeOf(new Map().entries()));
    visit('%SetIterator%', getPrototypeOf(new Set().entries()));
    visit('%StringIterator%', getPrototypeOf(''[Symbol.iterator]()));
    visit('%RegExpStringIterator%', getPrototypeOf(''.matchAll(/./g)));
    visit('%IteratorHelper%', getPrototypeOf([].values().map((value) => value)));
    visit('%Arguments%', (function () { return arguments })());
    let sites;
    Error.prepareStackTrace = (error, frames) => { sites ??= frames; };
    new Error().stack;
    Error.prepareStackTrace = undefined;
    visit('%CallSite%', sites[0]);
    for (let at = 0; at < queue.length; at++) {
        const value = queue[at], path = known.get(value), keys = [];
        visit(path + '.__proto__', getPrototypeOf(value));
        for (const key of keysOf(value)) {
            if (value === globalThis && own.has(key)) continue;
            const inner = path + '.' + show(key);
            // What is made on first use becomes a plain property, unless it is frozen.
            if (value === globalThis || value === Intl) visit(inner, value[key]);
            const found = getOwnPropertyDescriptor(value, key);
            visit(inner, found.value);
            visit(inner + '<get>', found.get);
            visit(inner + '<set>', found.set);
            if (typeof value === 'function' && (key === 'name' || key === 'length')) continue;
            const is = [found.get && 'get', found.set && 'set', typeof found.value === 'function' && '()'];
            keys.push(show(key) + ['', ...is.filter(Boolean)].join(' ') + (found.writable === false ? '!' : ''));
        }
        if (keys.length > 0) lines.push((path + ': ' + keys.join(', ')).replaceAll('globalThis.', ''));
    }
    lines.push(known.size + ' objects and functions');
    lines.join('\n')";

fn isolet_of(profile: Profile) -> Isolet {
    builder().policy(Policy::of(profile)).build().expect("it builds")
}

async fn inventory(profile: Profile) -> String {
    let report = isolet_of(profile).execute(execution(WALK)).await;
    serde_json::from_str::<String>(output(&report)).expect("a text") + "\n"
}

/// What is new here is new to scripts: list it if it is meant to be, with `UPDATE_EXPECT=1`.
#[tokio::test]
async fn what_is_reachable_is_listed() {
    let standard = inventory(Profile::Standard).await;
    check(expect_file!["../../../sandbox/tests/inventory/standard.txt"], &standard);
    for (profile, expected) in [
        (Profile::Strict, expect_file!["../../../sandbox/tests/inventory/strict.txt"]),
        (Profile::Trusted, expect_file!["../../../sandbox/tests/inventory/trusted.txt"]),
    ] {
        check(expected, &difference(&standard, &inventory(profile).await));
    }
}

fn check(expected: ExpectFile, actual: &str) {
    expected.assert_eq(actual);
}

/// The lines that are only in one of both.
fn difference(standard: &str, other: &str) -> String {
    let (standard, other): (BTreeSet<_>, BTreeSet<_>) = (standard.lines().collect(), other.lines().collect());
    let gone = standard.difference(&other).map(|line| format!("- {line}\n"));
    gone.chain(other.difference(&standard).map(|line| format!("+ {line}\n"))).collect()
}

/// Each gives `true`.
const NOTHING_OF_OURS: &[&str] = &[
    // Errors of ours do not tell where in our scripts they were made.
    "try { new URL('x') } catch (error) { !/setup|own|native\\./.test(error.stack) }",
    "try { structuredClone(() => 1) } catch (error) { !/setup|clone\\.js/.test(error.stack) }",
    // Nor do call sites hand out functions or receivers.
    "let all = []; Error.prepareStackTrace = (error, sites) => { all.push(...sites) };
     try { structuredClone({ a: { get b() { new Error().stack } } }); new URL('x') } catch (error) { error.stack }
     all.length > 0 && all.every((site) => !('getFunction' in site) && !('getThis' in site))",
    // No function of ours tells its caller or its arguments.
    "[URL, setTimeout, structuredClone, console.log, crypto.subtle.digest].every((f) => {
        try { return f.caller === undefined || f.caller === null } catch { return true } })",
    "let seen = 'none'; function outer() { seen = outer.caller } structuredClone({ get a() { outer() } }); seen === 'none' || seen === null || seen === undefined",
    // What is behind an accessor is no way to our scripts.
    "const { get, set } = Object.getOwnPropertyDescriptor(globalThis, 'Headers');
     [get, set].every((f) => Object.getOwnPropertyNames(f).sort().join() === 'length,name' && f.name === '')",
    // An accessor that is called later changes nothing that a script has put there meanwhile.
    "const { get } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); globalThis.URL = 5; typeof get() === 'function' && URL === 5",
    "const { get } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); delete globalThis.URL; typeof get() === 'function' && !('URL' in globalThis)",
    "const { set } = Object.getOwnPropertyDescriptor(globalThis, 'URL'); URL; set.call(undefined, 7); typeof URL === 'function'",
    // Source texts of ours are not told.
    "[URL, URL.prototype.toString, setTimeout, structuredClone, Headers].every((f) => !/native\\.|#href|apply/.test(f.toString()))",
    // What constructs by a constructor of ours has no way in.
    "[AbortSignal, Crypto, SubtleCrypto, CryptoKey, Performance, Navigator].every((C) => { try { new C({}); return false } catch (error) { return error instanceof TypeError } })",
    "class Mine extends Object {} Object.setPrototypeOf(AbortSignal, Mine); const seen = []; try { new AbortController() } catch (error) { seen.push(error.name) } seen.length <= 1",
    // The context is frozen, and console is.
    "Object.isFrozen(context) && Object.isFrozen(console)",
    "typeof require === 'undefined' && typeof process === 'undefined' && typeof module === 'undefined' && typeof own === 'undefined' && typeof native === 'undefined' && typeof host === 'undefined'",
    "['fs', 'child_process', 'std', 'os', 'bjson', 'Worker', 'WebSocket', '$timers', 'scriptArgs', 'print', 'loadScript', 'gc'].every((name) => !(name in globalThis))",
];

#[tokio::test]
async fn nothing_of_ours_is_reachable() {
    let isolet = isolet_of(Profile::Standard);
    for script in NOTHING_OF_OURS {
        assert_eq!(output(&isolet.execute(execution(script)).await), "true", "{script}");
    }
}

/// What a policy blocks, as scripts ask for it, and a part of the hint.
const BLOCKED: &[(&str, &str)] = &[
    ("require('fs')", "bundle the library into one file (the policy is standard)"),
    ("process.env.HOME", "pass what it needs as input or context (the policy is standard)"),
    ("eval('1')", "(the policy is standard)"),
    ("new Function('return 1')()", "(the policy is standard)"),
    ("(async () => {}).constructor('return 1')", "(the policy is standard)"),
    ("(function* () {}).constructor('yield 1')", "(the policy is standard)"),
    ("Reflect.construct(Function, ['return 1'])", "(the policy is standard)"),
    ("Function.bind(null, 'return 1')()()", "(the policy is standard)"),
    ("Function.call(null, 'return 1')()", "(the policy is standard)"),
    ("setTimeout('1', 1)", "(the policy is standard)"),
    ("import fs from 'fs'; export default fs", "what the host provides by name"),
    ("await import('child_process')", "what the host provides by name"),
    ("await fetch('https://example.com')", "an operation that the host offers"),
    ("new Worker('a.js')", "one thread"),
    ("new WebSocket('wss://example.com')", "an operation that the host offers"),
    ("std.exit(1)", "(the policy is standard)"),
    ("bjson.read()", "(the policy is standard)"),
    ("module.exports = 1", "export default"),
];

#[tokio::test]
async fn a_use_of_what_is_blocked_is_a_violation_with_a_hint() {
    let isolet = isolet_of(Profile::Standard);
    for (script, hint) in BLOCKED {
        let report = isolet.execute(execution(script)).await;
        assert_eq!(report.status, Status::SandboxViolation, "{script}: {}", told(&report));
        let told = report.error.and_then(|error| error.hint).unwrap_or_default();
        assert!(told.contains(hint), "{script}: {told}");
    }
    let [violator] = &isolet.metrics().violators[..] else { panic!("{:?}", isolet.metrics().violators) };
    assert_eq!((violator.tenant.as_str(), violator.script.as_str()), ("acme", "test.js"));
    assert_eq!((violator.violations, violator.error_max), (BLOCKED.len() as u64, 0));
    let strict = isolet_of(Profile::Strict);
    for script in ["new Proxy({}, {})", "Reflect.ownKeys({})", "new WeakRef({})", "new SharedArrayBuffer(1)"] {
        let report = strict.execute(execution(script)).await;
        assert_eq!(report.status, Status::SandboxViolation, "{script}: {}", told(&report));
        let told = report.error.and_then(|error| error.hint).unwrap_or_default();
        assert!(told.ends_with("(the policy is strict)"), "{script}: {told}");
    }
}

/// Each gives `true` under the strict policy.
const STRICT: &[&str] = &[
    "typeof Proxy === 'undefined' && typeof Reflect === 'undefined' && typeof WeakRef === 'undefined'",
    "typeof SharedArrayBuffer === 'undefined' && typeof Atomics === 'undefined' && typeof FinalizationRegistry === 'undefined'",
    "'use strict'; try { Array.prototype.map = 1 } catch (error) { error instanceof TypeError }",
    "'use strict'; try { Object.prototype.polluted = 1 } catch (error) { ({}).polluted === undefined }",
    "'use strict'; try { URL.prototype.toString = 1 } catch (error) { error instanceof TypeError }",
    "Object.isFrozen(JSON) && Object.isFrozen((async () => {}).constructor.prototype) && Object.isFrozen(Headers.prototype)",
    "var x = 1; globalThis.y = 2; function f() { return x + y } f() === 3",
    "const u = new URL('http://a/?b=c'); u.searchParams.append('d', 'e'); u.href === 'http://a/?b=c&d=e'",
    "const t = new EventTarget(); let n = 0; t.addEventListener('x', () => n++); t.dispatchEvent(new Event('x')); n === 1",
    "let n = 0; await new Promise((done) => setTimeout(() => { n++; done() }, 1)); n === 1",
    "Number.isInteger(performance.now()) && Number.isInteger(new Event('x').timeStamp)",
    "class A { constructor() { this.toString = () => 'own' } } let own; try { own = String(new A()) } catch (error) { own = error.name } typeof own === 'string'",
    "JSON.stringify(structuredClone({ a: [1, new Map([[1, 2]])] })) === '{\"a\":[1,{}]}'",
];

#[tokio::test]
async fn the_strict_policy_freezes_and_leaves_out() {
    let isolet = isolet_of(Profile::Strict);
    for script in STRICT {
        assert_eq!(output(&isolet.execute(execution(script)).await), "true", "{script}");
    }
}
