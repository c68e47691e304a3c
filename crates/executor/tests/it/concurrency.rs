//! Many executions at once.

use std::collections::HashSet;

use isolet_core_traits::{ProgramOrigin, Status};
use isolet_executor::Execution;
use isolet_limits::Limits;
use isolet_pool::PoolConfig;
use isolet_testkit::services::Slow;
use isolet_testkit::{FakeEngine, Stage};
use tokio::task::JoinSet;

use crate::setup::{builder, check_clean, execution, executor, source, tenant, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_callers_compile_once() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    let hold = engine.hold(Stage::Compile);
    let mut reports = JoinSet::new();
    for number in 0..1_000 {
        let (executor, execution) =
            (executor.clone(), Execution::new(source("output 1"), tenant(&format!("t{number}"))));
        reports.spawn(async move { executor.execute(execution).await });
    }
    until(|| executor.metrics().in_flight == 1_000).await;
    hold.release();
    let origins: Vec<_> = reports.join_all().await.iter().map(|report| (report.status, report.metrics.cache)).collect();
    let compiled = origins.iter().filter(|(_, origin)| *origin == Some(ProgramOrigin::Miss)).count();
    assert!(origins.iter().all(|(status, _)| *status == Status::Ok));
    assert_eq!((compiled, engine.counts().compiles), (1, 1));
    check_clean(&executor, &engine).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_executions_all_end_in_reports() {
    let engine = FakeEngine::default();
    // VMs for all that may run at once, so that no run is parked by a VM that another one's fault takes away.
    let pool = PoolConfig { vms_initial: 2, vms_max: 37 * 5, first_runs_percent: 0, ..PoolConfig::default() };
    let executor = builder(&engine).pool(pool).host(isolet_testkit::services::Echo).build().expect("it builds");
    let scripts = [
        ("output 1", Status::Ok),
        ("call echo.first [1]; output reply", Status::Ok),
        ("preempt 2; throw E m", Status::RuntimeError),
        ("syntax!", Status::SyntaxError),
        ("fault", Status::EngineFault),
        ("panic", Status::HostError),
        ("alloc 1GiB", Status::MemoryExceeded),
        ("stall", Status::RuntimeError),
    ];
    let mut reports = JoinSet::new();
    for number in 0..1_000 {
        let (script, status) = scripts[number % scripts.len()];
        let execution = Execution::new(source(script), tenant(&format!("t{}", number % 37)));
        let executor = executor.clone();
        reports.spawn(async move { (executor.execute(execution).await, status) });
    }
    let reports = reports.join_all().await;
    let ids: HashSet<_> = reports.iter().map(|(report, _)| report.id.clone()).collect();
    assert_eq!(ids.len(), 1_000);
    for (report, status) in &reports {
        assert_eq!(report.status, *status, "{report:?}");
    }
    assert_eq!((executor.metrics().executions.total(), executor.metrics().pool.parks_total), (1_000, 0));
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn a_tenant_has_five_runs_at_once() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let limits = Limits { api_rate: isolet_limits::ApiCallRate::per_minute(1_000), ..Limits::default() };
    let executor = builder(&engine).limits(limits).host(slow.clone()).build().expect("it builds");
    let mut reports = JoinSet::new();
    for number in 0..20 {
        // Scripts of their own, so that only the tenant's cap counts.
        let execution = execution(&format!("call slow.wait [{number}]; output reply"));
        let script = isolet_core_traits::ScriptId::new(format!("s{number}")).expect("an id");
        let (executor, execution) = (executor.clone(), execution.script(script));
        reports.spawn(async move { executor.execute(execution).await });
    }
    for left in (5..=20).rev() {
        slow.wait_until_waiting(5).await;
        until(|| executor.metrics().pool.waiting == left - 5).await;
        assert_eq!((executor.metrics().pool.leases, executor.metrics().in_flight), (5, left));
        slow.release(1);
        reports.join_next().await;
    }
    slow.release(5);
    assert!(reports.join_all().await.iter().all(|report| report.is_ok()));
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn waiting_is_told() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let limits = Limits { runs_per_tenant: 1, ..Limits::default() };
    let executor = builder(&engine).limits(limits).host(slow.clone()).build().expect("it builds");
    let script = "call slow.wait [1]; output reply";
    executor.check(&source(script), &tenant("acme")).await.expect("it compiles");
    let first = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution(script)).await }
    });
    slow.wait_until_waiting(1).await;
    let second = tokio::spawn({
        let executor = executor.clone();
        async move { executor.execute(execution(script)).await }
    });
    until(|| executor.metrics().pool.waiting == 1).await;
    slow.release(2);
    let (first, second) = (first.await.expect("a report"), second.await.expect("a report"));
    assert_eq!((first.queue.waited_for, first.queue.position), (None, 0));
    assert_eq!(second.queue.waited_for, Some(isolet_core_traits::WaitedFor::TenantCap));
}

/// Polls once, as a caller does that then sees to something else.
fn poll_once<T>(future: &mut (impl Future<Output = T> + Unpin)) {
    let polled = std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()));
    assert!(polled.is_pending());
}

#[tokio::test]
async fn a_caller_that_looks_away_holds_nothing() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
    for script in ["output 1", "throw Error no", "call slow.wait [1]; output reply"] {
        let hold = engine.hold(Stage::Start);
        let mut report = Box::pin(executor.execute(execution(script)));
        executor.check(&source(script), &tenant("acme")).await.expect("it compiles");
        poll_once(&mut report);
        hold.release();
        if script.starts_with("call") {
            slow.wait_until_waiting(1).await;
            slow.release(1);
        }
        until(|| executor.metrics().in_flight == 0).await;
        assert_eq!((executor.metrics().pool.leases, executor.metrics().pool.lost_total), (0, 0), "{script}");
        assert_eq!(report.await.is_ok(), !script.starts_with("throw"), "{script}");
    }
    check_clean(&executor, &engine).await;
}
