//! A signal ends a request for real.

use crate::setup::World;

#[tokio::test]
async fn an_aborted_request_ends() {
    let world = World::new().await;
    let isolet = world.isolet();
    let later = "const c = new AbortController(); setTimeout(() => c.abort(), 20);";
    let rows = [
        (format!("{later} await caught(fetch(base + '/silent', {{ signal: c.signal }}).catch((e) => e.name))"), r#""AbortError""#),
        (format!("{later} await http.get(base + '/drip', {{ signal: c.signal }}).catch((e) => e === c.signal.reason)"), "true"),
        (format!("{later} await fetch(new Request(base + '/endless', {{ signal: c.signal }})).catch((e) => e.code === 20 || e.code)"), r#""ERR_HTTP_TOO_LARGE""#),
        ("await fetch(base + '/silent', { signal: AbortSignal.timeout(20) }).catch((e) => e.name)".into(), r#""TimeoutError""#),
        ("await fetch(base + '/silent', { signal: AbortSignal.any([AbortSignal.timeout(20)]) }).catch((e) => e.name)".into(), r#""TimeoutError""#),
        ("await fetch(base + '/silent', { signal: AbortSignal.abort(7) }).catch((e) => e)".into(), "7"),
        (
            "const c = new AbortController(), r = await fetch(base + '/say?x', { signal: c.signal }); c.abort(); await r.text()".into(),
            r#""x""#,
        ),
        (
            // Of many, those that are over are not touched, and the next call is none of them.
            "const c = new AbortController(), { signal } = c; await Promise.all([1, 2, 3].map(() => fetch(base + '/say?x', { signal }))); \
             const p = fetch(base + '/silent', { signal }), q = http.get(base + '/say?y'); await q; c.abort(); \
             [await p.catch((e) => e.name), (await q).body]".into(),
            r#"["AbortError","y"]"#,
        ),
        (
            // A call that the engine refuses has no number: the one before it goes on.
            "const c = new AbortController(); const p = http.get(base + '/say?x'); \
             const q = http.post(base + '/echo', 'a'.repeat(2e6), { signal: c.signal }).catch((e) => e.name); c.abort(); \
             [(await p).body, await q]".into(),
            r#"["x","RangeError"]"#,
        ),
    ];
    for (script, expected) in &rows {
        if script.contains("/endless") {
            let report = isolet.execute(world.execution(script)).await;
            assert!(["true", expected].contains(&world.told(&report).as_str()), "{script}");
            world.server.wait_until_busy(0).await;
            continue;
        }
        world.check(&isolet, &[(script, expected)]).await;
    }
}

#[tokio::test]
async fn an_aborted_request_is_not_sent() {
    let world = World::new().await;
    let script = "const c = new AbortController(), p = fetch(base + '/silent', { signal: c.signal }); c.abort(); \
                  await p.catch((e) => e.name)";
    world.check(&world.isolet(), &[(script, r#""AbortError""#)]).await;
    assert_eq!(world.server.requests().len(), 0);
}
