//! Dropping the future of an execution, at each of its stages.

use isolet_core_traits::Status;
use isolet_executor::Executor;
use isolet_limits::Limits;
use isolet_pool::PoolConfig;
use isolet_testkit::services::{Journal, Journaled, Slow};
use isolet_testkit::{FakeEngine, FakeOptions, Stage};

use crate::setup::{builder, check_clean, execution, executor, output, until};

/// Begins an execution, waits until it has come to its stage, and drops it.
async fn cancel_when(executor: &Executor<FakeEngine>, script: &str, arrived: impl Future<Output = ()>) {
    let before = executor.metrics().executions.of(Status::Cancelled);
    tokio::select! {
        report = executor.execute(execution(script)) => panic!("it was to be cancelled: {report:?}"),
        () = arrived => {}
    }
    until(|| executor.metrics().executions.of(Status::Cancelled) == before + 1).await;
}

#[tokio::test]
async fn while_queued() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let limits = Limits { runs_per_tenant: 1, ..Limits::default() };
    let executor = builder(&engine).limits(limits).host(slow.clone()).build().expect("it builds");
    let first = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call slow.wait [7]; output reply")).await }
    });
    slow.wait_until_waiting(1).await;
    for script in ["output 1", "call slow.wait [7]; output reply"] {
        cancel_when(&executor, script, until(|| executor.metrics().pool.waiting == 1)).await;
        assert_eq!(executor.metrics().pool.waiting, 0);
    }
    slow.release(1);
    assert_eq!(output(&first.await.expect("a report")), "7");
    check_clean(&executor, &engine).await;
    assert_eq!(engine.counts().starts, 1);
}

#[tokio::test]
async fn while_compiling() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    let hold = engine.hold(Stage::Compile);
    cancel_when(&executor, "output 1", until(|| engine.counts().compiles == 1)).await;
    assert_eq!(executor.metrics().pool.leases, 1, "the compiler holds its permit until it is off its worker");
    hold.release();
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn while_compiling_and_preempted() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(2), ..FakeOptions::default() });
    let executor = executor(&engine);
    cancel_when(&executor, "compile spin", until(|| engine.counts().compiles == 1)).await;
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn who_waits_for_a_compiler_that_leaves_compiles() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    let hold = engine.hold(Stage::Compile);
    let begin = || {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution("output 1")).await })
    };
    let first = begin();
    until(|| engine.counts().compiles == 1).await;
    let second = begin();
    until(|| executor.metrics().in_flight == 2).await;
    first.abort();
    until(|| executor.metrics().executions.of(Status::Cancelled) == 1).await;
    hold.release();
    assert_eq!(output(&second.await.expect("a report")), "1");
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn while_running() {
    for polls_per_slice in [None, Some(2)] {
        let engine = FakeEngine::new(FakeOptions { polls_per_slice, ..FakeOptions::default() });
        let executor = executor(&engine);
        cancel_when(&executor, "spin", until(|| engine.counts().starts == 1)).await;
        check_clean(&executor, &engine).await;
        assert_eq!(engine.counts().resets, 2, "one for the compiler, one for the run");
    }
}

#[tokio::test]
async fn before_a_worker_is_free() {
    let engine = FakeEngine::default();
    let pool = PoolConfig { vms_initial: 3, ..PoolConfig::default() };
    let executor = builder(&engine).pool(pool).build().expect("it builds");
    until(|| executor.metrics().pool.ready == 3).await;
    executor.execute(execution("output 1")).await;
    let hold = engine.hold(Stage::Start);
    let starts = engine.counts().starts;
    let busy: Vec<_> = ["output 1", "output 1"]
        .map(|script| {
            let executor = executor.clone();
            tokio::spawn(async move { executor.execute(execution(script)).await })
        })
        .into();
    until(|| engine.counts().starts == starts + 2).await;
    tokio::select! {
        report = executor.execute(execution("output 1")) => panic!("it was to be cancelled: {report:?}"),
        () = until(|| executor.metrics().pool.in_use == 3) => {}
    }
    hold.release();
    for report in busy {
        assert_eq!(output(&report.await.expect("a report")), "1");
    }
    check_clean(&executor, &engine).await;
    assert_eq!(executor.metrics().executions.of(Status::Cancelled), 1);
}

#[tokio::test]
async fn while_waiting_for_the_host() {
    let (engine, slow, journal) = (FakeEngine::default(), Slow::default(), Journal::default());
    let executor = builder(&engine).host(Journaled::new(slow.clone(), &journal)).build().expect("it builds");
    let script = "spawn slow.wait [1]; spawn slow.wait [2]; await all; output 1";
    cancel_when(&executor, script, slow.wait_until_waiting(2)).await;
    check_clean(&executor, &engine).await;
    assert_eq!(slow.waiting(), 0);
    let mut entries: Vec<_> =
        journal.entries().iter().map(|entry| entry.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(journal.entries().last().is_some_and(|entry| entry.ends_with(" Failed")));
    entries.sort();
    assert_eq!(
        entries,
        ["call slow.wait", "call slow.wait", "close slow", "drop slow.wait", "drop slow.wait", "open slow"]
    );
}

/// Whenever a future is dropped, nothing is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_any_time() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(5), ..FakeOptions::default() });
    let executor = builder(&engine).host(isolet_testkit::services::Echo).build().expect("it builds");
    let scripts = [
        "output 1".to_owned(),
        "spin 20; output 2".to_owned(),
        "call echo.first [1]; spin 8; call echo.first [2]; output reply".to_owned(),
    ];
    for round in 0..600 {
        let script = match round % 4 {
            3 => format!("compile spin 10; output {round}"),
            other => scripts[other].clone(),
        };
        let (patience, mut polls) = (round % 29, 0);
        tokio::select! {
            biased;
            () = until(|| { polls += 1; polls > patience }) => {}
            _ = executor.execute(execution(&script)) => {}
        }
    }
    // An execution that was dropped as the drain began might be rejected instead of cancelled.
    until(|| executor.metrics().in_flight == 0).await;
    check_clean(&executor, &engine).await;
    let executions = executor.metrics().executions;
    for status in Status::ALL {
        let is_expected = matches!(status, Status::Ok | Status::Cancelled | Status::RateLimited);
        assert!(is_expected || executions.of(status) == 0, "{} ended as {status}", executions.of(status));
    }
    assert!(executions.total() >= 500 && executions.of(Status::Cancelled) > 0);
}
