//! Servers that do not keep to what they should: none keeps a run for longer, or makes it hold more, than its limits say.

use std::time::Duration;

use isolet::Status;

use crate::setup::World;

#[tokio::test]
async fn broken_responses_are_failures() {
    let world = World::new().await;
    let isolet = world.isolet();
    for path in [
        "close",
        "greeting",
        "half-head",
        "bad-status",
        "bad-header",
        "nul-header",
        "bad-length",
        "two-lengths",
        "too-short",
        "cut-chunk",
        "bad-chunk",
        "huge-chunk",
        "broken-gzip",
        "cut-gzip",
        "endless-headers",
        "endless-header",
        "headers?500",
        "large-header?1000000",
    ] {
        let script = format!(
            "try {{ await (await fetch(base + '/{path}')).text() }} catch (e) {{ [e.name, e.code, e.message] }}"
        );
        let expected = r#"["HttpError","ERR_HTTP_PROTOCOL","127.0.0.1:PORT sent no whole response"]"#;
        world.check(&isolet, &[(&script, expected)]).await;
    }
    world.check(&isolet, &[("await (await fetch(base + '/too-long')).text()", r#""abc""#)]).await;
    world.check(&isolet, &[("(await http.get(base + '/headers?90')).headers['x-89']", r#""89""#)]).await;
}

#[tokio::test]
async fn large_responses_are_failures() {
    let world = World::new().await;
    let isolet = world.isolet();
    for path in ["large?300000", "claims?99999999999", "endless", "endless-until-closed", "bomb", "large-header?262144"]
    {
        let script = format!("await caught(fetch(base + '/{path}'))");
        world.check(&isolet, &[(&script, r#""ERR_HTTP_TOO_LARGE""#)]).await;
    }
    world.check(&isolet, &[("(await (await fetch(base + '/large?250000')).text()).length", "250000")]).await;
}

#[tokio::test]
async fn slow_responses_are_failures() {
    let world = World::new().await;
    let isolet = world.isolet();
    for path in ["silent", "drip", "drip-head", "claims?1000", "endless-continue", "endless-trailers"] {
        let script = format!("await caught(http.get(base + '/{path}', {{ timeoutMs: 300 }}))");
        let report = isolet.execute(world.execution(&script)).await;
        let told = world.told(&report);
        // Of what is endless there may be too much before it is too late.
        let is_protocol = path.starts_with("endless") && told == r#""ERR_HTTP_PROTOCOL""#;
        assert!(is_protocol || told == r#""ERR_HTTP_TIMEOUT""#, "{path}: {told}");
        world.server.wait_until_busy(0).await;
    }
    let told =
        "try { await fetch(base + '/silent', { timeoutMs: 50 }) } catch (e) { [e.name, e.message, e.retryable] }";
    let expected = r#"["HttpError","no whole response came within 50 ms",true]"#;
    world.check(&isolet, &[(told, expected)]).await;
    let posted = "try { await http.post(base + '/silent', '', { timeoutMs: 50 }) } catch (e) { e.retryable }";
    world.check(&isolet, &[(posted, "false")]).await;
}

#[tokio::test]
async fn no_request_outlives_its_run() {
    let world = World::new().await;
    let isolet = world.isolet();
    for (path, ending, expected) in [
        ("silent", "1", "1"),
        ("drip", "await new Promise((done) => setTimeout(done, 50)); 1", "1"),
        ("endless", "1", "1"),
        ("silent", "throw new Error('over')", "runtime_error: Error: over"),
    ] {
        let requests = world.server.requests().len();
        let script = format!("http.get(base + '/{path}').catch(() => {{}}); await http.get(base + '/say?x'); {ending}");
        world.check(&isolet, &[(&script, expected)]).await;
        assert!(world.server.requests().len() > requests);
    }
    for path in ["silent", "drip", "drip-head", "claims?1000"] {
        let limits = isolet::LimitOverrides { wall_time: Some(Duration::from_millis(300)), ..Default::default() };
        let execution = world.execution(&format!("await fetch(base + '/{path}')")).limits(limits);
        let report = isolet.execute(execution).await;
        assert_eq!(
            (report.status, report.killed.map(|killed| killed.place)),
            (Status::Timeout, Some(isolet::KilledIn::Host))
        );
        world.server.wait_until_busy(0).await;
    }
    let running = tokio::spawn({
        let (isolet, execution) = (isolet.clone(), world.execution("await fetch(base + '/silent')"));
        async move { isolet.execute(execution).await }
    });
    world.server.wait_until_busy(1).await;
    running.abort();
    world.server.wait_until_busy(0).await;
}

#[tokio::test]
async fn odd_responses_are_read() {
    let world = World::new().await;
    let rows = [
        ("await caught(fetch(base + '/upgrade'))", r#""ERR_HTTP_PROTOCOL""#),
        ("(await fetch(base + '/status?299')).status", "299"),
        ("(await fetch(base + '/status?599')).status", "599"),
        (
            "const all = await Promise.all(Array.from({ length: 40 }, (_, at) => http.get(base + '/say?' + at))); all.map(({ body }) => +body).join() === Array.from({ length: 40 }, (_, at) => at).join()",
            "true",
        ),
    ];
    world.check(&world.isolet(), &rows).await;
}
