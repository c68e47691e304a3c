//! What a script has patched changes nothing, and nothing of ours is reached.

use expect_test::expect;
use isolet::{Policy, Profile};

use crate::setup::World;

/// Puts setters, functions and getters of its own where ours might look, and notes who comes by.
const PATCHES: &str = r"
    const seen = [], { apply, defineProperty, ownKeys } = Reflect, { push } = Array.prototype;
    const note = (what) => { apply(push, seen, [what]) };
    for (const name of ['method', 'headers', 'status', 'data', 'type', 'used', 'then', 'toJSON', 'constructor', '0', '1', 'length', 'signal', 'secrets', 'redirect', 'timeoutMs', 'body']) {
        if (name === 'constructor' || name === 'then') continue;
        defineProperty(Object.prototype, name, { configurable: true, get() { note('get ' + name) }, set() { note('set ' + name) } });
    }
    const wrap = (object, path) => {
        for (const key of ownKeys(object)) {
            const found = Object.getOwnPropertyDescriptor(object, key);
            if (typeof found.value !== 'function' || !found.configurable || key === 'constructor') continue;
            defineProperty(object, key, { configurable: true, writable: true, value: function () { note(path + String(key)); return apply(found.value, this, arguments) } });
        }
    };
    const types = [Array, String, Promise, Uint8Array, Object.getPrototypeOf(Uint8Array), Map, Function, RegExp, Headers, URL];
    for (const type of types) wrap(type.prototype, type.name + '.');
    for (const object of [JSON, Object, Reflect, Promise, Array, String]) wrap(object, 'static ');
    seen.length = 0;
";

#[tokio::test]
async fn patched_builtins_change_nothing() {
    let world = World::new().await;
    let isolet = world.isolet();
    let url = format!("http://127.0.0.1:{}/echo", world.server.port());
    for (first, sent) in [
        // Loaded before and after the patches.
        (
            "",
            "fetch(target, { __proto__: null, method: 'POST', body: 'a', headers: { __proto__: null, 'x-a': '1' }, redirect: 'follow', signal: undefined, timeoutMs: undefined, secrets: undefined })",
        ),
        (
            "fetch; Headers;",
            "fetch(target, { __proto__: null, method: 'POST', body: 'a', headers: { __proto__: null, 'x-a': '1' }, redirect: 'follow', signal: undefined, timeoutMs: undefined, secrets: undefined })",
        ),
        ("http;", "http.post(target, 'a', { __proto__: null, headers: { __proto__: null, 'x-a': '1' } })"),
    ] {
        let script = format!(
            "{first} const target = '{url}';{PATCHES} await {sent}; seen.length = seen.length; const kept = seen; kept.length === 0 ? 'nothing' : [...kept]"
        );
        let report = isolet.execute(world.execution(&script)).await;
        assert_eq!(world.told(&report), r#""nothing""#, "{first} {sent}");
    }
    for request in world.server.requests() {
        assert_eq!((request.method.as_str(), request.body.as_str(), request.header("x-a")), ("POST", "a", Some("1")));
        assert!(request.header("content-type").is_some_and(|value| value.starts_with("text/plain")));
    }
    assert_eq!(world.server.requests().len(), 3);
}

#[tokio::test]
async fn what_is_reachable_is_listed() {
    let world = World::new().await;
    let walk = "const list = (object) => Reflect.ownKeys(object).map(String).filter((key) => !['name', 'length'].includes(key)).join(' '); \
                [fetch, http, Request, Request.prototype, Response, Response.prototype].map(list).join('\\n')";
    let report = world.isolet().execute(world.execution(walk)).await;
    let told: String = report.output_as().expect("a text");
    expect![[r#"

        get post put patch delete request
        prototype
        constructor method url headers redirect signal bodyUsed text json bytes arrayBuffer clone Symbol(Symbol.toStringTag)
        prototype json
        constructor status ok statusText headers url redirected bodyUsed text json bytes arrayBuffer clone Symbol(Symbol.toStringTag)"#]]
    .assert_eq(&told);
    let rows = [
        ("typeof $http + typeof globalThis.$http", r#""undefinedundefined""#),
        (
            "Object.getOwnPropertyNames(globalThis).filter((name) => /http|fetch|Request|Response/.test(name)).sort().join()",
            r#""Request,Response,fetch,http""#,
        ),
        ("[fetch, http.get, Request, Response].every((f) => !/native\\.|host\\.|own\\./.test(f.toString()))", "true"),
        ("try { await fetch('x') } catch (e) { /setup|http\\.js|native\\./.test(e.stack) }", "false"),
        ("try { http.get = 1 } catch {} typeof http.get", r#""function""#),
    ];
    world.check(&world.isolet(), &rows).await;
}

#[tokio::test]
async fn the_strict_policy_has_it_too() {
    let world = World::new().await;
    let isolet = world.builder().policy(Policy::of(Profile::Strict)).http(world.http().build()).build();
    let rows = [
        ("(await (await fetch(base + '/json')).json()).a[0] + (await http.get(base + '/say?x')).body", r#""1x""#),
        (
            "[Request, Response].every((type) => Object.isFrozen(type) && Object.isFrozen(type.prototype)) && !Object.isExtensible(fetch)",
            "true",
        ),
    ];
    world.check(&isolet.expect("it builds"), &rows).await;
}

#[tokio::test]
async fn nothing_is_left_for_the_next_run() {
    let world = World::new().await;
    let isolet =
        world.builder().vms_warm(1).vms_max(1).workers(1).http(world.http().build()).build().expect("it builds");
    let rows = [
        ("fetch.mine = Response.prototype.mine = 1; globalThis.fetch = 2; http.get(base + '/silent'); fetch", "2"),
        (
            "[typeof fetch, fetch.mine ?? 'none', new Response().mine ?? 'none', (await http.get(base + '/say?x')).body]",
            r#"["function","none","none","x"]"#,
        ),
    ];
    world.check(&isolet, &rows).await;
}
