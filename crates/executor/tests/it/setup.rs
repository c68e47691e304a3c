//! What the tests share.

use std::sync::Arc;
use std::time::{Duration, Instant};

use isolet_core_traits::{Permissions, Report, Source, SourceKind, Status, TenantId};
use isolet_executor::{Execution, Executor, ExecutorBuilder};
use isolet_pool::PoolConfig;
use isolet_testkit::{FakeEngine, FakeOptions, ManualClock};

/// An executor with two workers and two VMs.
pub(crate) fn builder(engine: &FakeEngine) -> ExecutorBuilder<FakeEngine> {
    crate::events::listen();
    let pool = PoolConfig { vms_initial: 2, ..PoolConfig::default() };
    Executor::builder(engine.clone()).workers(2).pool(pool).permissions(Permissions::all())
}

pub(crate) fn executor(engine: &FakeEngine) -> Executor<FakeEngine> {
    builder(engine).build().expect("it builds")
}

/// An engine whose endless loops run into their deadline: each of their polls takes a second of `clock`.
pub(crate) fn spinning_engine(polls_per_slice: Option<u32>) -> (FakeEngine, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    let spin_clock = Some((clock.clone(), Duration::from_secs(1)));
    (FakeEngine::new(FakeOptions { spin_clock, polls_per_slice, ..FakeOptions::default() }), clock)
}

pub(crate) fn source(text: &str) -> Source {
    Source::new("test.js", text, SourceKind::Auto).expect("a name")
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).expect("an id")
}

/// An execution of `text` for the tenant acme.
pub(crate) fn execution(text: &str) -> Execution {
    Execution::new(source(text), tenant("acme"))
}

/// The report's status, name and message in one line.
pub(crate) fn told(report: &Report) -> String {
    match &report.error {
        None => report.status.to_string(),
        Some(error) => format!("{}: {}: {}", report.status, error.name, error.message),
    }
}

/// The output as JSON.
pub(crate) fn output(report: &Report) -> &str {
    assert_eq!(report.status, Status::Ok, "{}", told(report));
    report.output.as_ref().map_or("", |output| output.get())
}

/// Waits for what other threads are about to do. What takes this long will never be: a test must not wait for ever.
pub(crate) async fn until(mut condition: impl FnMut() -> bool) {
    const ENOUGH: Duration = Duration::from_secs(300);
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < ENOUGH, "what was waited for did not come");
        // Leaves the core to who must do it, which tokio's own sleep does not if its time is paused.
        std::thread::sleep(Duration::from_micros(20));
        tokio::task::yield_now().await;
    }
}

/// Drains, then checks that nothing was leaked and no VM was used against its rules.
pub(crate) async fn check_clean(executor: &Executor<FakeEngine>, engine: &FakeEngine) {
    executor.drain().await;
    let metrics = executor.metrics();
    assert_eq!((metrics.in_flight, metrics.pool.leases, metrics.pool.in_use, metrics.pool.waiting), (0, 0, 0, 0));
    assert_eq!(metrics.cache.in_flight, 0);
    assert_eq!(engine.counts().misuses, 0);
}
