//! Shutdowns: what they wait for, what they end, and what they tell.

use std::time::Duration;

use isolet_core_traits::Status;
use isolet_executor::Drained;
use isolet_limits::Limits;
use isolet_pool::PoolConfig;
use isolet_testkit::services::{Journal, Journaled, Slow};
use isolet_testkit::{FakeEngine, FakeOptions, Stage};

use crate::parking::Scene;
use crate::setup::{builder, execution, executor, output, source, tenant, told, until};

const HOUR: Duration = Duration::from_secs(3_600);
const ENDED: &str = "cancelled: ShuttingDown: the execution was ended because the host is shutting down";

#[tokio::test]
async fn who_runs_and_who_waits_may_finish() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let limits = Limits { runs_per_tenant: 1, ..Limits::default() };
    let executor = builder(&engine).limits(limits).host(slow.clone()).build().expect("it builds");
    let begin = |script: &'static str| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    };
    let running = begin("call slow.wait [1]; output reply");
    slow.wait_until_waiting(1).await;
    // Its permit for the compilation is the first thing that it waits for, and its VM the second.
    let waiting = begin("output 2");
    until(|| executor.metrics().pool.waiting == 1).await;
    let down = tokio::spawn({
        let executor = executor.clone();
        async move { executor.shutdown(HOUR).await }
    });
    until(|| executor.metrics().is_draining).await;
    let refused = executor.execute(execution("output 3")).await;
    assert_eq!(told(&refused), "rejected: Draining: shutting down, no more runs are taken; 2 are still going on");
    let error = executor.prepare(&source("output 3"), &tenant("acme")).await.expect_err("it shuts down");
    assert_eq!((error.kind, error.name.as_str()), (Status::Rejected, "Draining"));
    slow.release(1);
    assert_eq!(output(&running.await.expect("a report")), "1");
    assert_eq!(output(&waiting.await.expect("a report")), "2");
    let down = down.await.expect("it ends");
    assert_eq!((down.executions.finished, down.executions.refused, down.executions.killed), (2, 2, 0));
    assert_eq!((down.workers_ended, down.workers_stuck.len(), down.vms_leaked), (2, 0, 0));
    assert_eq!((engine.counts().threads, engine.counts().vms(), engine.counts().misuses), (0, 0, 0));
}

#[tokio::test]
async fn the_deadline_ends_what_is_left() {
    let (slow, journal) = (Slow::default(), Journal::default());
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(2), ..FakeOptions::default() });
    let pool = PoolConfig { vms_initial: 2, vms_max: 2, first_runs_percent: 0, ..PoolConfig::default() };
    let host = Journaled::new(slow.clone(), &journal);
    let executor = builder(&engine).pool(pool).host(host).build().expect("it builds");
    let begin = |script: &'static str| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    };
    // Two wait for the host, and are parked when two others compute; a fifth waits for a VM, a sixth is being compiled.
    let mut going_on = vec![begin("call slow.wait; output 1"), begin("call slow.wait; output 2")];
    slow.wait_until_waiting(2).await;
    going_on.extend([begin("spin"), begin("spin ")]);
    until(|| executor.metrics().pool.parked == 2).await;
    going_on.push(begin("compile spin"));
    until(|| engine.counts().compiles == 5).await;
    let waiting = begin("call slow.wait; output 1");
    until(|| executor.metrics().pool.waiting == 1).await;

    let down = executor.shutdown(Duration::from_millis(1)).await;
    for report in going_on {
        let report = report.await.expect("a report");
        assert_eq!((told(&report).as_str(), report.error.expect("an error").retryable), (ENDED, true));
        assert!(down.executions.killed_ids.contains(&report.id));
    }
    assert_eq!(waiting.await.expect("a report").status, Status::Rejected);
    let Drained { finished, killed, cancelled, rejected, .. } = down.executions;
    assert_eq!((finished, killed, cancelled, rejected), (0, 5, 0, 1));
    assert_eq!((down.workers_ended, down.workers_stuck, down.vms_leaked), (2, vec![], 0));
    assert_eq!((slow.waiting(), engine.counts().threads, engine.counts().vms()), (0, 0, 0));
    assert_eq!(journal.entries().iter().filter(|entry| entry.ends_with(" Failed")).count(), 2, "sessions are closed");
    let metrics = executor.metrics();
    assert_eq!((metrics.in_flight, metrics.pool.leases, metrics.pool.parked_bytes), (0, 0, 0));
}

#[tokio::test]
async fn a_run_in_line_for_its_vm_is_ended_too() {
    let scene = Scene::small();
    let (parked, occupant, hold) = scene.one_parked("call slow.wait; output 1").await;
    scene.slow.release(1);
    until(|| scene.executor.metrics().pool.parked_returning == 1).await;
    let down = tokio::spawn({
        let executor = scene.executor.clone();
        async move { executor.shutdown(Duration::ZERO).await }
    });
    assert_eq!(told(&parked.await.expect("a report")), ENDED);
    hold.release();
    occupant.await.expect("a report");
    let executions = down.await.expect("it ends").executions;
    assert_eq!((executions.killed + executions.finished, executions.cancelled), (2, 0));
    assert_eq!(scene.engine.counts().vms(), 0);
}

#[tokio::test]
async fn a_worker_that_is_stuck_is_left_behind_and_told() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    executor.execute(execution("output 1")).await;
    let hold = engine.hold(Stage::Start);
    let begin = |script: &'static str| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    };
    let stuck = begin("output 1");
    until(|| hold.waiting() == 1).await;
    let down = executor.shutdown(Duration::ZERO).await;
    assert_eq!(told(&stuck.await.expect("a report")), ENDED);
    assert_eq!((down.workers_ended, down.workers_stuck.len(), down.vms_leaked), (2, 1, 1));
    assert_eq!((down.executions.killed, executor.metrics().workers_quarantined), (1, 1));
    hold.release();
    until(|| engine.counts().threads == 0).await;
    until(|| executor.metrics().workers_quarantined == 0).await;
    assert!(executor.shutdown(Duration::ZERO).await.workers_stuck.is_empty());
    until(|| engine.counts().vms() == 0).await;
}

#[tokio::test]
async fn many_may_ask_for_it() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call slow.wait")).await }
    });
    slow.wait_until_waiting(1).await;
    let patient = executor.shutdown(HOUR);
    let (first, second, ()) = tokio::join!(patient, executor.shutdown(Duration::from_millis(5)), executor.drain());
    assert_eq!((&first, first.executions.killed), (&second, 1));
    assert_eq!(told(&run.await.expect("a report")), ENDED);
    assert_eq!(executor.shutdown(HOUR).await, first);
    let executor = executor.clone();
    let third = tokio::task::spawn_blocking(move || executor.shutdown_blocking(HOUR)).await;
    assert_eq!(third.expect("no panic"), first);
}

#[tokio::test]
async fn callers_that_leave_are_told_apart() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call slow.wait")).await }
    });
    slow.wait_until_waiting(1).await;
    let down = tokio::spawn({
        let executor = executor.clone();
        async move { executor.shutdown(HOUR).await }
    });
    until(|| executor.metrics().is_draining).await;
    run.abort();
    let Drained { finished, killed, cancelled, .. } = down.await.expect("it ends").executions;
    assert_eq!((finished, killed, cancelled), (0, 0, 1));
}

#[test]
fn dropping_it_in_the_midst_of_work_is_safe() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(2), ..FakeOptions::default() });
    let executor = executor(&engine);
    let begin = |script: &'static str| {
        let executor = executor.clone();
        std::thread::spawn(move || executor.execute_blocking(execution(script)))
    };
    let run = begin("spin 10000; output 1");
    while engine.counts().starts == 0 {
        std::thread::yield_now();
    }
    drop(executor);
    assert_eq!(output(&run.join().expect("no panic")), "1");
    while engine.counts().threads > 0 || engine.counts().vms() > 0 {
        std::thread::yield_now();
    }
}
