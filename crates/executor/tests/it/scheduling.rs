//! Workers: what becomes of those that are stuck, and of runs that use up their CPU time.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{KilledIn, KilledReport, LimitName, Status};
use isolet_limits::{LimitOverrides, Limits};
use isolet_pool::PoolConfig;
use isolet_testkit::{FakeEngine, FakeOptions, ManualClock, Stage};

use crate::setup::{builder, check_clean, execution, executor, output, told, until};

#[tokio::test]
async fn a_worker_that_is_stuck_is_replaced() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(1), ..FakeOptions::default() });
    let clock = Arc::new(ManualClock::new());
    let pool = PoolConfig { vms_initial: 3, ..PoolConfig::default() };
    let executor = builder(&engine).pool(pool).workers(1).clock(clock.clone()).build().expect("it builds");
    until(|| executor.metrics().pool.ready == 3).await;
    output(&executor.execute(execution("output 1")).await);
    let begin = |script: &'static str| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    };
    let begun = begin("spin");
    until(|| engine.counts().starts == 2).await;
    let hold = engine.hold(Stage::Start);
    let stuck = begin("output 2");
    until(|| hold.waiting() == 1).await;
    let fresh = begin("output 2");
    until(|| executor.metrics().pool.in_use == 3).await;

    clock.advance(Limits::default().wall_time);
    assert!(!stuck.is_finished() && executor.metrics().workers_replaced == 0, "it may come back yet");
    clock.advance(Duration::from_secs(1));
    let report = stuck.await.expect("a report");
    let killed = KilledReport { limit: LimitName::WallMs, place: KilledIn::Native, used: 31_000, max: 30_000 };
    assert_eq!((report.status, report.killed), (Status::Timeout, Some(killed)));
    let report = begun.await.expect("a report");
    assert_eq!(told(&report), "host_error: HostError: the host lost the execution");
    assert!(report.error.is_some_and(|error| error.retryable));
    assert_eq!(executor.metrics().workers_replaced, 1);

    hold.release();
    let report = fresh.await.expect("a report");
    assert!(matches!(report.status, Status::Ok | Status::Timeout), "{}", told(&report));
    assert_eq!(output(&executor.execute(execution("output 4")).await), "4");
    until(|| engine.counts().threads == 1).await;
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn cpu_time_is_limited() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(1_000), ..FakeOptions::default() });
    let limits = Limits { cpu_time: Some(Duration::from_secs(1)), ..Limits::default() };
    let executor = builder(&engine).limits(limits).build().expect("it builds");
    let overrides = LimitOverrides { cpu_time: Some(Duration::from_millis(5)), ..LimitOverrides::default() };
    let report = executor.execute(execution("spin").limits(overrides)).await;
    assert_eq!(told(&report), "timeout: TimeoutError: the script used all of its CPU time, 5 ms");
    let killed = report.killed.expect("it was killed");
    assert_eq!((killed.limit, killed.max), (LimitName::CpuMs, 5));
    assert!(killed.used >= 5 && report.metrics.preemptions > 0, "{report:?}");
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn the_cpu_time_of_tenants_is_limited_by_the_minute() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(1_000), ..FakeOptions::default() });
    let clock = Arc::new(ManualClock::new());
    let budget = Some(Duration::from_millis(20));
    let limits = Limits { cpu_time_per_minute: budget, ..Limits::default() };
    let executor = builder(&engine).limits(limits).clock(clock.clone()).build().expect("it builds");
    assert_eq!(output(&executor.execute(execution("output 1")).await), "1");
    // Two of them use it up together.
    let runs = ["spin", "spin "].map(|script| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    });
    for run in runs {
        let report = run.await.expect("a report");
        let killed = report.killed.expect("it was killed");
        assert_eq!(
            told(&report),
            "timeout: TimeoutError: the tenant's scripts used all of its CPU time of a minute, 20 ms"
        );
        assert_eq!((killed.limit, killed.max), (LimitName::TenantCpuMs, 20));
        assert!(killed.used >= 20 && report.error.is_some_and(|error| error.retryable));
    }
    let rejected = executor.execute(execution("output 1")).await;
    assert!(told(&rejected).starts_with("rejected: CpuBudget: the tenant has used "), "{}", told(&rejected));
    assert!(executor.check(&crate::setup::source("output 5"), &crate::setup::tenant("acme")).await.is_err());
    let others = isolet_executor::Execution::new(crate::setup::source("output 1"), crate::setup::tenant("other"));
    assert_eq!(output(&executor.execute(others).await), "1");
    clock.advance(Duration::from_secs(3_600));
    assert_eq!(output(&executor.execute(execution("output 1")).await), "1");
    assert_eq!(executor.metrics().kills.tenant_cpu_time, 2);
    check_clean(&executor, &engine).await;
}

/// Whoever waits is served before runs that never end, whose tenants have been served before.
#[tokio::test]
async fn new_tenants_do_not_wait_for_runs_that_never_end() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(100), ..FakeOptions::default() });
    let executor = executor(&engine);
    let runaways: Vec<_> = (0..20)
        .map(|_| {
            let executor = executor.clone();
            tokio::spawn(async move { executor.execute(execution("spin")).await })
        })
        .collect();
    until(|| engine.counts().starts >= 5).await;
    for number in 0..50 {
        let tenant = crate::setup::tenant(&format!("tenant-{number}"));
        let one = isolet_executor::Execution::new(crate::setup::source("output 1"), tenant);
        assert_eq!(output(&executor.execute(one).await), "1");
    }
    runaways.iter().for_each(tokio::task::JoinHandle::abort);
    check_clean(&executor, &engine).await;
}
