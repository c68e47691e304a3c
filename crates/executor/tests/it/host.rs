//! Host calls: what is permitted, counted and made, and what a script is told of it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use expect_test::{Expect, expect};
use isolet_core_traits::{
    HostFailure, HostNamespace, HostOperation, HostService, HostSession, KilledIn, LimitName, Payload, RunInfo, Status,
};
use isolet_executor::{BuildError, Execution, Traceparent};
use isolet_limits::{ApiCallRate, LimitOverrides, Limits, OnRateLimit};
use isolet_testkit::services::{Blocking, Counting, Echo, Failing, Journal, Journaled, Panicking, PanicsIn, Slow};
use isolet_testkit::{FakeEngine, ManualClock};
use tokio::task::JoinSet;

use crate::setup::{builder, check_clean, execution, output, tenant, told, until};

/// Executes `script` with all services that answer at once, under `limits`.
async fn check(limits: Limits, script: &str, expected: Expect) {
    let engine = FakeEngine::default();
    let clock = Arc::new(ManualClock::new());
    let builder = builder(&engine).limits(limits).clock(clock).host(Echo).host(Failing).host(Counting::default());
    let executor = builder.host(Blocking::default()).build().expect("it builds");
    let report = executor.execute(execution(script)).await;
    let retryable = report.error.as_ref().is_some_and(|error| error.retryable);
    let told = if report.is_ok() { output(&report).to_owned() } else { told(&report) };
    expected.assert_eq(&if retryable { told + " (retryable)" } else { told });
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn replies() {
    let limits = Limits::default;
    check(limits(), "call echo.first [{\"a\":1}]; output reply", expect![[r#"{"a":1}"#]]).await;
    check(limits(), "call blocking.wait [5]; output reply", expect!["5"]).await;
    check(limits(), "call counting.next; call counting.next; output reply", expect!["2"]).await;
    check(limits(), "spawn echo.first [1]; spawn echo.first [2]; await all; output replies", expect!["[1,2]"]).await;
}

#[tokio::test]
async fn failures() {
    let limits = Limits::default;
    check(limits(), "call failing.failed", expect!["host_error: HostError: told to fail"]).await;
    check(limits(), "call failing.badArguments", expect!["runtime_error: TypeError: told to fail"]).await;
    check(limits(), "call failing.rateLimited", expect!["rate_limited: RateLimitError: told to fail (retryable)"])
        .await;
    check(limits(), "call failing.denied", expect!["sandbox_violation: SandboxViolation: told to fail"]).await;
}

#[tokio::test]
async fn rates_and_sizes() {
    let rate = ApiCallRate { calls: 2, per: Duration::from_secs(10), burst: 2 };
    let limits = Limits { api_rate: rate, ..Limits::default() };
    let twice = "call counting.next; call counting.next";
    check(limits.clone(), &format!("{twice}; output reply"), expect!["2"]).await;
    check(
        limits.clone(),
        &format!("{twice}; call counting.next"),
        expect![
            "rate_limited: RateLimitError: over the tenant's rate of 2 API calls in 10 s with a burst of 2 (retryable)"
        ],
    )
    .await;
    check(
        limits.clone(),
        &format!("{twice}; try call counting.next; output reply"),
        expect![[
            r#"["RateLimitError",null,"over the tenant's rate of 2 API calls in 10 s with a burst of 2",true,5000]"#
        ]],
    )
    .await;
    let budget = Limits { api_calls_per_run: Some(2), ..Limits::default() };
    check(
        budget,
        &format!("{twice}; try call counting.next; output reply"),
        expect![[r#"["RateLimitError",null,"this run may make 2 API calls, and made 2",false,null]"#]],
    )
    .await;
    let small = Limits { host_reply_bytes: 4, ..Limits::default() };
    check(small.clone(), "call echo.first [1234]; output reply", expect!["1234"]).await;
    check(
        small,
        "call echo.first [12345]",
        expect!["host_error: HostError: the reply has 5 bytes, at most 4 are allowed"],
    )
    .await;
}

#[tokio::test]
async fn the_bytes_of_a_run_have_bounds() {
    let out = Limits { host_bytes_out_per_run: 10, ..Limits::default() };
    let twice = "call echo.first [123]; call echo.first [456]";
    check(out.clone(), &format!("{twice}; output reply"), expect!["456"]).await;
    check(
        out,
        &format!("{twice}; call echo.first [7]"),
        expect!["rate_limited: RateLimitError: this run may send 10 bytes in host calls and sent 10, this one has 3"],
    )
    .await;
    let into = Limits { host_bytes_in_per_run: 6, api_calls_per_run: Some(3), ..Limits::default() };
    check(into.clone(), &format!("{twice}; output reply"), expect!["456"]).await;
    check(
        into.clone(),
        "call echo.first [1234]; call echo.first [567]",
        expect!["rate_limited: RateLimitError: this run may get 6 bytes in replies and got 4, this one has 3"],
    )
    .await;
    check(
        into,
        "try call echo.first [1234567]; call counting.next",
        expect!["rate_limited: RateLimitError: this run has had all the bytes of replies that it may have"],
    )
    .await;
}

#[tokio::test]
async fn denied_calls_are_counted() {
    let engine = FakeEngine::default();
    let executor = builder(&engine).host(Failing).build().expect("it builds");
    let script = "try call failing.denied; try call failing.failed; try call failing.denied; output 1";
    let report = executor.execute(execution(script)).await;
    assert_eq!((report.status, report.metrics.host_calls, report.metrics.host_calls_denied), (Status::Ok, 3, 2));
    let metrics = executor.metrics();
    assert_eq!((metrics.host_calls, metrics.host_calls_denied), (3, 2));
    let violators: Vec<_> = metrics.violators.iter().map(|one| (one.script.as_str(), one.violations)).collect();
    assert_eq!(violators, [(report.context.script.as_str(), 1)]);
}

#[tokio::test]
async fn traffic_is_told() {
    let engine = FakeEngine::default();
    let executor = builder(&engine).host(Echo).build().expect("it builds");
    let report = executor.execute(execution("call echo.first [123]; call echo.all [45]; output 1")).await;
    let metrics = report.metrics;
    assert_eq!((metrics.host_calls, metrics.host_bytes_out, metrics.host_bytes_in), (2, 5 + 4, 3 + 4));
}

#[tokio::test]
async fn a_rate_can_be_waited_for() {
    let (engine, clock, counting) = (FakeEngine::default(), Arc::new(ManualClock::new()), Counting::default());
    let rate = ApiCallRate { calls: 1, per: Duration::from_secs(5), burst: 1 };
    let limits = Limits { api_rate: rate, on_rate_limit: OnRateLimit::Wait, ..Limits::default() };
    let executor =
        builder(&engine).limits(limits).clock(clock.clone()).host(counting.clone()).build().expect("it builds");
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call counting.next; call counting.next; output reply")).await }
    });
    // The second call waits for its turn from here on, and no other thread has anything to do.
    until(|| counting.calls() == 1 && engine.counts().resumes == 1 && executor.metrics().in_flight == 1).await;
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(counting.calls(), 1);
    clock.advance(Duration::from_secs(5));
    assert_eq!((output(&run.await.expect("a report")), counting.calls()), ("2", 2));
}

#[tokio::test]
async fn the_deadline_ends_a_wait() {
    let (engine, clock) = (FakeEngine::default(), Arc::new(ManualClock::new()));
    let (slow, journal) = (Slow::default(), Journal::default());
    let host = Journaled::new(slow.clone(), &journal);
    let executor = builder(&engine).clock(clock.clone()).host(host).build().expect("it builds");
    // Everything that other threads do is done before tokio's time is left to itself.
    assert!(executor.execute(execution("output 1")).await.is_ok());
    executor.check(&crate::setup::source("call slow.wait [1]"), &tenant("acme")).await.expect("it compiles");
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call slow.wait [1]")).await }
    });
    slow.wait_until_waiting(1).await;
    clock.advance(Duration::from_secs(30));
    tokio::time::pause();
    let report = run.await.expect("a report");
    assert_eq!(told(&report), "timeout: TimeoutError: the script ran longer than its limit of 30 s");
    let killed = report.killed.expect("figures");
    assert_eq!(
        (killed.limit, killed.place, killed.used, killed.max),
        (LimitName::WallMs, KilledIn::Host, 30_000, 30_000)
    );
    assert_eq!(report.metrics.host_wait_us, 30_000_000);
    let entries: Vec<_> = journal.entries().iter().map(|entry| entry.replace(report.id.as_str(), "ID")).collect();
    assert_eq!(entries, ["open slow ID", "call slow.wait ID", "drop slow.wait ID", "close slow ID Failed"]);
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn sessions_are_opened_once_and_closed_with_the_reason() {
    for (script, reason) in [("output 1", "Completed"), ("throw E m", "Failed"), ("panic", "Failed")] {
        let (engine, journal) = (FakeEngine::default(), Journal::default());
        let executor = builder(&engine)
            .host(Journaled::new(Echo, &journal))
            .host(Journaled::new(Counting::default(), &journal))
            .build()
            .expect("it builds");
        let script = format!("spawn echo.first; spawn echo.first; await all; {script}");
        let report = executor.execute(execution(&script)).await;
        let entries = journal.entries();
        let opened: Vec<_> = entries.iter().filter(|entry| entry.starts_with("open")).collect();
        assert_eq!(opened, [&format!("open echo {}", report.id)]);
        assert_eq!(entries.last(), Some(&format!("close echo {} {reason}", report.id)));
    }
}

#[tokio::test]
async fn calls_that_are_not_awaited_end_with_the_run() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).host(Echo).build().expect("it builds");
    let script = "spawn slow.wait [1]; spawn echo.first [2]; await any; output reply";
    let report = executor.execute(execution(script)).await;
    assert_eq!((output(&report), report.warnings[0].code.as_str()), ("2", "calls_not_awaited"));
    assert_eq!(slow.waiting(), 0);
    let script = "spawn slow.wait [1]; spawn echo.first [2]; await any; cancel 0; call echo.first [3]; output reply";
    let report = executor.execute(execution(script)).await;
    assert_eq!((output(&report), report.warnings.len(), slow.waiting()), ("3", 0, 0));
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn sixteen_calls_are_made_at_once() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
    let calls: Vec<_> = (0..40).map(|number| format!("spawn slow.wait [{number}]")).collect();
    let script = format!("{}; await all; output replies", calls.join(";"));
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution(&script)).await }
    });
    slow.wait_until_waiting(16).await;
    slow.release(10);
    slow.wait_until_waiting(16).await;
    slow.release(30);
    let expected: Vec<u32> = (0..40).collect();
    assert_eq!(run.await.expect("a report").output_as::<Vec<u32>>(), Ok(expected));
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn panics_of_the_host_stay_with_the_host() {
    for (place, told_ok) in [(PanicsIn::Open, false), (PanicsIn::Call, false), (PanicsIn::Close, true)] {
        let engine = FakeEngine::default();
        let executor = builder(&engine).host(Panicking(place)).build().expect("it builds");
        let report = executor.execute(execution("call panicking.call; output 1")).await;
        let expected = if told_ok { "ok" } else { "host_error: HostError: the host failed while it made the call" };
        assert_eq!(told(&report), expected);
        let json = serde_json::to_string(&report).expect("JSON");
        assert!(!json.contains(Panicking::SECRET) && !json.contains(".rs"), "{json}");
        let caught = executor.execute(execution("try call panicking.call; output 1")).await;
        assert_eq!(output(&caught), "1");
        check_clean(&executor, &engine).await;
    }
}

#[tokio::test]
async fn a_session_that_does_not_close_is_given_up() {
    struct NeverCloses;
    #[async_trait]
    impl HostService for NeverCloses {
        fn namespace(&self) -> HostNamespace {
            HostNamespace { name: "stuck".into(), exposed: true, operations: vec![HostOperation::new("call")] }
        }
        async fn open(&self, _: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
            Ok(Box::new(Self))
        }
    }
    #[async_trait]
    impl HostSession for NeverCloses {
        async fn call(&self, _: u16, _: Payload) -> Result<Payload, HostFailure> {
            Ok(Payload { json: "1".into(), buffers: Vec::new() })
        }
        async fn close(&self, _: isolet_core_traits::CloseReason) {
            std::future::pending().await
        }
    }
    let engine = FakeEngine::default();
    let limits = Limits { close_wall_time: Duration::from_millis(1), ..Limits::default() };
    let executor = builder(&engine).limits(limits).host(NeverCloses).build().expect("it builds");
    assert_eq!(output(&executor.execute(execution("call stuck.call; output reply")).await), "1");
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn replies_that_are_no_json_go_no_further() {
    struct Broken;
    #[async_trait]
    impl HostService for Broken {
        fn namespace(&self) -> HostNamespace {
            HostNamespace { name: "broken".into(), exposed: true, operations: vec![HostOperation::new("call")] }
        }
        async fn open(&self, _: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
            Ok(Box::new(Self))
        }
    }
    #[async_trait]
    impl HostSession for Broken {
        async fn call(&self, _: u16, arguments: Payload) -> Result<Payload, HostFailure> {
            Ok(Payload { json: arguments.json.replace("\"", ""), buffers: Vec::new() })
        }
    }
    let executor = builder(&FakeEngine::default()).host(Broken).build().expect("it builds");
    for (argument, expected) in [("fine", "host_error: HostError: the host's reply is not valid JSON"), ("1", "ok")] {
        let report = executor.execute(execution(&format!("call broken.call [\"{argument}\"]"))).await;
        assert_eq!(told(&report), expected);
    }
}

#[tokio::test]
async fn services_learn_whose_run_it_is() {
    struct Whose;
    #[async_trait]
    impl HostService for Whose {
        fn namespace(&self) -> HostNamespace {
            HostNamespace { name: "whose".into(), exposed: true, operations: vec![HostOperation::new("run")] }
        }
        async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
            Ok(Box::new(Session(run.clone())))
        }
    }
    struct Session(RunInfo);
    #[async_trait]
    impl HostSession for Session {
        async fn call(&self, _: u16, _: Payload) -> Result<Payload, HostFailure> {
            let RunInfo { tenant, script, traceparent, .. } = &self.0;
            let parts = (tenant.as_str(), script.as_str(), traceparent.as_deref());
            Ok(Payload::from_value(&parts).expect("a tuple of strings is JSON"))
        }
    }
    let executor = builder(&FakeEngine::default()).host(Whose).build().expect("it builds");
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let execution = execution("call whose.run; output reply").traceparent(Traceparent::parse(trace).expect("valid"));
    assert_eq!(output(&executor.execute(execution).await), format!(r#"["acme","test.js","{trace}"]"#));
}

#[tokio::test]
async fn tenants_have_rates_of_their_own() {
    let rate = ApiCallRate { calls: 1, per: Duration::from_secs(60), burst: 1 };
    let limits = Limits { api_rate: rate, ..Limits::default() };
    let executor = builder(&FakeEngine::default())
        .limits(limits)
        .clock(Arc::new(ManualClock::new()))
        .host(Echo)
        .build()
        .expect("it builds");
    let run = async |name: &str| {
        let execution = Execution::new(crate::setup::source("call echo.first [1]"), tenant(name));
        executor.execute(execution).await.status
    };
    assert_eq!([run("a").await, run("a").await, run("b").await], [Status::Ok, Status::RateLimited, Status::Ok]);
}

#[tokio::test]
async fn a_blocking_operation_holds_up_nobody_else() {
    let (engine, blocking) = (FakeEngine::default(), Blocking::default());
    let executor = builder(&engine).host(blocking.clone()).host(Echo).build().expect("it builds");
    let hold = blocking.hold();
    let mut reports = JoinSet::new();
    for number in 0..4 {
        let executor = executor.clone();
        reports.spawn(async move { executor.execute(execution(&format!("call blocking.wait [{number}]"))).await });
    }
    until(|| executor.metrics().pool.in_use == 4).await;
    assert_eq!(output(&executor.execute(execution("call echo.first [9]; output reply")).await), "9");
    hold.release();
    assert!(reports.join_all().await.iter().all(|report| report.is_ok()));
    check_clean(&executor, &engine).await;
}

#[test]
fn interfaces_are_checked() {
    let engine = FakeEngine::default();
    let twice = builder(&engine).host(Echo).host(Echo).build();
    assert!(matches!(twice, Err(BuildError::Interface(_))));
    let rate = ApiCallRate { calls: 1, per: Duration::from_secs(1), burst: 1 };
    struct Dear;
    #[async_trait]
    impl HostService for Dear {
        fn namespace(&self) -> HostNamespace {
            let operation = HostOperation { cost: 2, ..HostOperation::new("call") };
            HostNamespace { name: "dear".into(), exposed: true, operations: vec![operation] }
        }
        async fn open(&self, _: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
            panic!("it is never opened")
        }
    }
    let limits = Limits { api_rate: rate, ..Limits::default() };
    assert!(matches!(builder(&engine).limits(limits).host(Dear).build(), Err(BuildError::Limits(_))));
    assert_eq!(builder(&engine).workers(0).build().err(), Some(BuildError::NoWorkers));
    let overrides = LimitOverrides { api_calls_per_run: Some(1), ..LimitOverrides::default() };
    let executor = builder(&engine).host(Echo).build().expect("it builds");
    let report = executor.execute_blocking(execution("call echo.first; call echo.first").limits(overrides));
    assert_eq!(report.status, Status::RateLimited);
}
