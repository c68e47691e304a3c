//! Executors beside each other, without a runtime, within one, and at their end.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use isolet_core_traits::{EngineId, ProgramOrigin, Status};
use isolet_executor::{BuildError, Execution, Executor};
use isolet_limits::Limits;
use isolet_pool::PoolConfig;
use isolet_testkit::services::{Echo, Journal, Journaled, Slow};
use isolet_testkit::{FakeEngine, FakeOptions, ManualClock};
use tokio::runtime;
use tokio::task::JoinSet;

use crate::setup::{builder, check_clean, execution, executor, output, source, tenant, told, until};

fn current_thread() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

/// Waits for threads of the engine to end, without a runtime.
fn wait_for_threads(engine: &FakeEngine, threads: u64) {
    while engine.counts().threads != threads {
        std::thread::yield_now();
    }
}

#[test]
fn blocking_needs_no_runtime() {
    let engine = FakeEngine::default();
    let executor = builder(&engine).host(Echo).build().expect("it builds");
    let report = executor.execute_blocking(execution("call echo.first [1]; output reply"));
    assert_eq!(output(&report), "1");
    assert_eq!(executor.check_blocking(&source("output 1"), &tenant("acme")), Ok(()));
    let error = executor.check_blocking(&source("syntax!"), &tenant("acme")).expect_err("it is wrong");
    assert_eq!((error.kind, error.line, error.column), (Status::SyntaxError, Some(1), Some(1)));
    drop(executor);
    wait_for_threads(&engine, 0);
}

#[test]
fn a_runtime_without_timer_is_refused() {
    let bare = runtime::Builder::new_current_thread().build().expect("a runtime");
    let built = builder(&FakeEngine::default()).runtime(bare.handle().clone()).build();
    assert_eq!(built.err(), Some(BuildError::RuntimeWithoutTimer));
}

#[test]
fn any_runtime_may_await() {
    let executor = executor(&FakeEngine::default());
    for _ in 0..2 {
        assert_eq!(output(&current_thread().block_on(executor.execute(execution("output 1")))), "1");
    }
    // No runtime at all: a thread that polls.
    let mut future = Box::pin(executor.execute(execution("output 2")));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let report = loop {
        if let std::task::Poll::Ready(report) = future.as_mut().poll(&mut context) {
            break report;
        }
        std::thread::yield_now();
    };
    assert_eq!(output(&report), "2");
}

#[test]
fn the_last_executor_may_be_dropped_in_an_async_context() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    current_thread().block_on(async move {
        assert!(executor.execute(execution("output 1")).await.is_ok());
        drop(executor);
    });
    wait_for_threads(&engine, 0);
    while engine.counts().vms() > 0 {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn shutdown_ends_vms_and_workers() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    assert!(executor.execute(execution("output 1")).await.is_ok());
    executor.shutdown(Duration::from_secs(60)).await;
    assert_eq!((engine.counts().threads, engine.counts().vms()), (0, 0));
    executor.shutdown(Duration::from_secs(60)).await;
    assert_eq!(executor.execute(execution("output 1")).await.status, Status::Rejected);
    let error = executor.check(&source("output 2"), &tenant("acme")).await.expect_err("it is shut down");
    assert_eq!(error.kind, Status::Rejected);
}

#[tokio::test]
async fn draining_waits_for_those_in_flight() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
    let run = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution("call slow.wait [1]; output reply")).await }
    });
    slow.wait_until_waiting(1).await;
    tokio::select! {
        biased;
        () = executor.drain() => panic!("one is in flight"),
        () = until(|| executor.metrics().in_flight == 1) => {}
    }
    slow.release(1);
    assert_eq!(output(&run.await.expect("a report")), "1");
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn two_executors_do_not_see_each_other() {
    let engines = [FakeEngine::default(), FakeEngine::default()];
    let executors = engines.each_ref().map(executor);
    for (executor, engine) in executors.iter().zip(&engines) {
        assert!(executor.execute(execution("remember 1; output 1")).await.is_ok());
        assert_eq!(engine.counts().compiles, 1);
    }
    let [first, second] = executors;
    first.shutdown(Duration::from_secs(60)).await;
    assert_eq!(output(&second.execute(execution("output remembered")).await), "null");
    check_clean(&second, &engines[1]).await;
}

#[test]
fn a_runtime_that_ends_leaves_reports() {
    let (engine, slow, journal) = (FakeEngine::default(), Slow::default(), Journal::default());
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let host = Journaled::new(slow.clone(), &journal);
    let executor = builder(&engine).runtime(runtime.handle().clone()).host(host).build().expect("it builds");
    let (sender, reports) = mpsc::channel();
    let waiting = std::thread::spawn({
        let executor = executor.clone();
        move || sender.send(executor.execute_blocking(execution("call slow.wait"))).expect("someone waits")
    });
    runtime.block_on(slow.wait_until_waiting(1));
    drop(runtime);
    let report = reports.recv().expect("a report");
    assert_eq!(told(&report), "host_error: HostError: the host lost the execution");
    waiting.join().expect("it has sent the report");
    let after = executor.execute_blocking(execution("output 1"));
    assert_eq!(after.status, Status::HostError);
    assert!(executor.prepare_blocking(&source("output 1"), &tenant("acme")).is_err());
    assert_eq!((executor.metrics().in_flight, executor.metrics().executions.total()), (0, 2));
    drop(executor);
    wait_for_threads(&engine, 0);
}

/// Each that is given up lets the next one in, which has no runtime either.
#[tokio::test]
async fn a_runtime_that_ends_gives_up_ten_thousand_who_wait() {
    const WAITING: usize = 10_000;
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let runtime = runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().expect("a runtime");
    let pool =
        PoolConfig { vms_initial: 1, vms_max: 1, parked_bytes_max: 0, queue_max: WAITING, ..PoolConfig::default() };
    let limits = Limits { runs_per_tenant: WAITING, runs_per_script: WAITING, ..Limits::default() };
    let builder = builder(&engine).runtime(runtime.handle().clone()).host(slow.clone()).pool(pool).limits(limits);
    let executor = builder.clock(Arc::new(ManualClock::new())).build().expect("it builds");
    let script = "call slow.wait";
    let acme = tenant("acme");
    executor.check(&source(script), &acme).await.expect("it compiles");
    let mut reports = JoinSet::new();
    for _ in 0..=WAITING {
        let executor = executor.clone();
        reports.spawn(async move { executor.execute(execution(script)).await });
    }
    until(|| executor.metrics().pool.waiting == WAITING && slow.waiting() == 1).await;
    runtime.shutdown_background();
    for report in reports.join_all().await {
        assert_eq!(told(&report), "host_error: HostError: the host lost the execution");
    }
    assert_eq!((executor.metrics().in_flight, executor.metrics().pool.leases), (0, 0));
}

#[tokio::test]
async fn prepared_sources_are_not_compiled_again() {
    let engine = FakeEngine::default();
    let executor = builder(&engine).cache_entries(0).build().expect("it builds");
    let prepared = executor.prepare(&source("output 7"), &tenant("acme")).await.expect("it compiles");
    for _ in 0..3 {
        let report = executor.execute(Execution::prepared(&prepared, tenant("other"))).await;
        assert_eq!((output(&report), report.metrics.cache), ("7", Some(ProgramOrigin::Hit)));
    }
    assert_eq!(engine.counts().compiles, 1);

    let other = FakeEngine::new(FakeOptions { id: EngineId::new("fake/2"), ..FakeOptions::default() });
    let foreign: Executor<FakeEngine> = crate::setup::executor(&other);
    let report = foreign.execute(Execution::prepared(&prepared, tenant("acme"))).await;
    assert_eq!((output(&report), report.metrics.cache), ("7", Some(ProgramOrigin::Miss)));
}

#[tokio::test]
async fn a_preparation_that_is_dropped_ends() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    let (endless, acme) = (source("compile spin"), tenant("acme"));
    tokio::select! {
        result = executor.prepare(&endless, &acme) => panic!("it never ends: {result:?}"),
        () = until(|| engine.counts().compiles == 1) => {}
    }
    check_clean(&executor, &engine).await;
}

#[test]
fn a_service_can_be_shared() {
    let echo: Arc<dyn isolet_core_traits::HostService> = Arc::new(Echo);
    for _ in 0..2 {
        let executor = builder(&FakeEngine::default()).host_arc(echo.clone()).build().expect("it builds");
        let report = executor.execute_blocking(execution("call echo.first [3]; output reply"));
        assert_eq!(output(&report), "3");
    }
}
