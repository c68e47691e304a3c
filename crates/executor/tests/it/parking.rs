//! Runs that wait for the host leave their VMs to others, and nobody sees it.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Report, Status};
use isolet_executor::{Execution, Executor};
use isolet_limits::{ApiCallRate, Limits};
use isolet_pool::PoolConfig;
use isolet_testkit::services::{Journal, Journaled, Slow};
use isolet_testkit::{FakeEngine, FakeOptions, Hold, ManualClock, Stage};
use tokio::task::{JoinHandle, JoinSet};

use crate::setup::{builder, check_clean, execution, output, source, tenant, told, until};

const HOUR: Duration = Duration::from_secs(3_600);

/// Of a run. What waits for the host is timed by tokio, so that it is long enough for a machine that has much else to do.
pub(crate) const WALL_TIME: Duration = Duration::from_secs(600);

/// An executor with few VMs, and a service that answers when it is told to.
pub(crate) struct Scene {
    pub(crate) engine: FakeEngine,
    pub(crate) executor: Executor<FakeEngine>,
    pub(crate) slow: Slow,
    pub(crate) journal: Journal,
    pub(crate) clock: Arc<ManualClock>,
}

impl Scene {
    /// Caps on tenants do not count here.
    pub(crate) fn new(engine: FakeEngine, vms: usize) -> Self {
        let (slow, journal, clock) = (Slow::default(), Journal::default(), Arc::new(ManualClock::new()));
        let limits = Limits {
            runs_per_tenant: 10_000,
            runs_per_script: 10_000,
            api_rate: ApiCallRate::per_minute(100_000),
            wall_time: WALL_TIME,
            ..Limits::default()
        };
        let pool = PoolConfig {
            vms_initial: vms,
            vms_max: vms,
            first_runs_percent: 0,
            queue_max: 10_000,
            queue_wait: HOUR,
            ..PoolConfig::default()
        };
        let host = Journaled::new(slow.clone(), &journal);
        let builder = builder(&engine).limits(limits).pool(pool).clock(clock.clone()).host(host);
        let executor = builder.build().expect("it builds");
        Self { engine, executor, slow, journal, clock }
    }

    /// One VM.
    pub(crate) fn small() -> Self {
        Self::new(FakeEngine::default(), 1)
    }

    pub(crate) fn begin(&self, script: &str) -> JoinHandle<Report> {
        let (executor, execution) = (self.executor.clone(), execution(script));
        tokio::spawn(async move { executor.execute(execution).await })
    }

    pub(crate) async fn execute(&self, script: &str) -> Report {
        self.executor.execute(execution(script)).await
    }

    /// Begins `script`, which makes a call, and has it parked by a second run, which is held before it starts.
    pub(crate) async fn one_parked(&self, script: &str) -> (JoinHandle<Report>, JoinHandle<Report>, Hold) {
        let occupant = "output remembered";
        let acme = tenant("acme");
        self.executor.check(&source(occupant), &acme).await.expect("it compiles");
        let parked = self.begin(script);
        until(|| self.slow.waiting() == 1).await;
        let hold = self.engine.hold(Stage::Start);
        let occupant = self.begin(occupant);
        until(|| hold.waiting() == 1).await;
        assert_eq!(self.executor.metrics().pool.parked, 1);
        (parked, occupant, hold)
    }

    /// Everything ended, and each run that left a VM came back or was ended without it.
    pub(crate) async fn check_clean(&self, ended_while_parked: u64) {
        check_clean(&self.executor, &self.engine).await;
        let (counts, pool) = (self.engine.counts(), self.executor.metrics().pool);
        assert_eq!((pool.parked, pool.parked_returning, pool.parked_bytes), (0, 0, 0));
        assert_eq!((counts.parks, counts.unparks), (pool.parks_total, pool.unparks_total));
        assert_eq!(counts.parks, counts.unparks + ended_while_parked);
        assert_eq!(self.slow.waiting(), 0);
    }
}

/// Begins 10,000 executions, each of which makes `calls` calls one after the other. No call is answered before all
/// executions have made theirs.
async fn ten_thousand(vms: usize, calls: u64) {
    const RUNS: usize = 10_000;
    let scene = Scene::new(FakeEngine::default(), vms);
    let script = "call slow.wait [1]\n".repeat(calls as usize) + "output input";
    scene.executor.check(&source(&script), &tenant("acme")).await.expect("it compiles");
    let mut reports = JoinSet::new();
    for number in 0..RUNS {
        let execution = Execution::new(source(&script), tenant(&format!("t{}", number % 100)));
        let execution = execution.input(&number).expect("JSON");
        let executor = scene.executor.clone();
        reports.spawn(async move { (number, executor.execute(execution).await) });
    }
    for call in 0..calls {
        // Before a call is made, all calls before it were answered.
        until(|| scene.engine.counts().resumes == call * RUNS as u64).await;
        scene.slow.wait_until_waiting(RUNS).await;
        let pool = scene.executor.metrics().pool;
        assert!(pool.parked >= RUNS - vms && pool.in_use <= vms, "{pool:?}");
        scene.slow.release(RUNS);
    }
    for (number, report) in reports.join_all().await {
        assert_eq!(output(&report), number.to_string());
        assert_eq!((report.metrics.host_calls, report.logs.len()), (calls, 0));
    }
    scene.check_clean(0).await;
    let counts = scene.engine.counts();
    assert!(counts.parks >= (RUNS - vms) as u64 * calls, "{counts:?}");
    assert_eq!((counts.starts, counts.resumes), (RUNS as u64, RUNS as u64 * calls));
    assert_eq!(scene.executor.metrics().pool.created_total, vms as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_runs_wait_on_four_vms() {
    ten_thousand(4, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_runs_wait_on_a_hundred_vms() {
    ten_thousand(100, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_runs_wait_twice() {
    ten_thousand(4, 2).await;
}

#[tokio::test]
async fn a_second_script_gets_in_while_the_first_waits() {
    let scene = Scene::small();
    let first = scene.begin("log info before; remember 5; call slow.wait [7]; log info after; output remembered");
    until(|| scene.slow.waiting() == 1).await;
    let second = scene.execute("output remembered").await;
    assert_eq!((output(&second), second.queue.waited_for), ("null", Some(isolet_core_traits::WaitedFor::Vm)));
    scene.slow.release(1);
    let first = first.await.expect("a report");
    assert_eq!(output(&first), "5");
    let lines: Vec<_> = first.logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(lines, ["before", "after"]);
    assert_eq!((first.metrics.host_calls, first.metrics.preemptions), (1, 0));
    let entries = scene.journal.entries();
    let sessions = entries.iter().filter(|entry| entry.starts_with("open ") || entry.starts_with("close "));
    assert_eq!(sessions.count(), 2, "{entries:?}");
    scene.check_clean(0).await;
    assert_eq!((scene.engine.counts().parks, scene.engine.counts().resets), (1, 2 + 2 + 1));
}

#[tokio::test]
async fn nobody_leaves_while_vms_suffice() {
    let scene = Scene::new(FakeEngine::default(), 20);
    let runs: Vec<_> = (0..20).map(|_| scene.begin("call slow.wait [1]; output reply")).collect();
    until(|| scene.slow.waiting() == 20).await;
    // A compilation needs no VM of the pool.
    scene.executor.check(&source("output 9"), &tenant("acme")).await.expect("it compiles");
    assert_eq!((scene.executor.metrics().pool.parked, scene.executor.metrics().pool.in_use), (0, 20));
    scene.slow.release(20);
    for run in runs {
        assert_eq!(output(&run.await.expect("a report")), "1");
    }
    scene.check_clean(0).await;
    assert_eq!(scene.engine.counts().parks, 0);
}

#[tokio::test]
async fn an_engine_that_cannot_keeps_its_runs_on_their_vms() {
    for options in
        [FakeOptions { park: false, ..FakeOptions::default() }, FakeOptions { reuse: false, ..FakeOptions::default() }]
    {
        let scene = Scene::new(FakeEngine::new(options), 1);
        let first = scene.begin("call slow.wait [7]; output reply");
        until(|| scene.slow.waiting() == 1).await;
        let second = scene.begin("output 1");
        until(|| scene.executor.metrics().pool.waiting == 1).await;
        assert_eq!((scene.engine.counts().starts, scene.executor.metrics().pool.parked), (1, 0));
        scene.slow.release(1);
        assert_eq!(output(&first.await.expect("a report")), "7");
        assert_eq!(output(&second.await.expect("a report")), "1");
        scene.check_clean(0).await;
        assert_eq!(scene.engine.counts().parks, 0);
    }
}

#[tokio::test]
async fn the_wait_for_the_host_is_not_that_for_the_vm() {
    let scene = Scene::small();
    let (parked, occupant, hold) = scene.one_parked("call slow.wait [7]; output reply").await;
    scene.clock.advance(Duration::from_secs(5));
    scene.slow.release(1);
    until(|| scene.executor.metrics().pool.parked_returning == 1).await;
    scene.clock.advance(Duration::from_secs(3));
    hold.release();
    let (parked, occupant) = (parked.await.expect("a report"), occupant.await.expect("a report"));
    assert_eq!((output(&parked), output(&occupant)), ("7", "null"));
    assert_eq!((parked.metrics.host_wait_us, parked.metrics.run_us), (5_000_000, 8_000_000));
    assert_eq!((parked.metrics.reset_us, occupant.metrics.host_wait_us), (0, 0));
    scene.check_clean(0).await;
}

#[tokio::test]
async fn replies_that_come_while_it_waits_for_its_vm_go_with_it() {
    let scene = Scene::small();
    let script = "spawn slow.wait [1]; spawn slow.wait [2]; spawn slow.wait [3]; await all; output replies";
    let occupant = "output 1";
    scene.executor.check(&source(occupant), &tenant("acme")).await.expect("it compiles");
    let parked = scene.begin(script);
    until(|| scene.slow.waiting() == 3).await;
    let hold = scene.engine.hold(Stage::Start);
    let occupant = scene.begin(occupant);
    until(|| hold.waiting() == 1).await;
    scene.slow.release(1);
    until(|| scene.executor.metrics().pool.parked_returning == 1).await;
    scene.slow.release(2);
    until(|| scene.slow.waiting() == 0).await;
    hold.release();
    assert_eq!(output(&parked.await.expect("a report")), "[1,2,3]");
    assert_eq!(output(&occupant.await.expect("a report")), "1");
    scene.check_clean(0).await;
}

#[tokio::test]
async fn two_runs_take_turns_on_one_vm() {
    let scene = Scene::small();
    let script = |number| format!("{}output {number}", "call slow.wait [0]; ".repeat(50));
    let runs = [scene.begin(&script(1)), scene.begin(&script(2))];
    scene.slow.release(100);
    for (run, number) in runs.into_iter().zip(["1", "2"]) {
        let report = run.await.expect("a report");
        assert_eq!((output(&report), report.metrics.host_calls), (number, 50));
    }
    scene.check_clean(0).await;
}

#[tokio::test]
async fn draining_waits_for_parked_runs() {
    let scene = Scene::small();
    let (parked, occupant, hold) = scene.one_parked("call slow.wait [7]; output reply").await;
    tokio::select! {
        biased;
        () = scene.executor.drain() => panic!("two are in flight"),
        () = until(|| scene.executor.metrics().in_flight == 2) => {}
    }
    hold.release();
    assert_eq!(output(&occupant.await.expect("a report")), "null");
    assert_eq!(scene.executor.metrics().pool.ready, 1, "a parked run needs it");
    scene.slow.release(1);
    assert_eq!(output(&parked.await.expect("a report")), "7");
    scene.check_clean(0).await;
    assert_eq!(scene.executor.metrics().pool.ready, 0);
}

/// Whatever happens to runs that take turns on two VMs, nothing is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_end_at_any_time() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(5), ..FakeOptions::default() });
    let scene = Scene::new(engine, 2);
    let scripts = [
        ("call slow.wait [1]; output reply", Status::Ok),
        ("call slow.wait [1]; spin 20; call slow.wait [2]; output reply", Status::Ok),
        ("spin 20; output 3", Status::Ok),
        ("spawn slow.wait [1]; spawn slow.wait [2]; await any; output 4", Status::Ok),
        ("call slow.wait [1]; throw E m", Status::RuntimeError),
        ("call slow.wait [1]; stall", Status::RuntimeError),
    ];
    scene.slow.release(1_000_000);
    let mut reports = JoinSet::new();
    for number in 0..2_000_usize {
        let (script, status) = scripts[number % scripts.len()];
        let executor = scene.executor.clone();
        reports.spawn(async move {
            let execution = executor.execute(Execution::new(source(script), tenant(&format!("t{}", number % 7))));
            if number % 3 > 0 {
                let report = execution.await;
                return assert_eq!(report.status, status, "{}", told(&report));
            }
            let (patience, mut polls) = (number % 41, 0);
            tokio::select! {
                biased;
                () = until(|| { polls += 1; polls > patience }) => {}
                _ = execution => {}
            }
        });
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    while let Some(ended) = reports.join_next().await {
        ended.expect("as expected");
    }
    until(|| scene.executor.metrics().in_flight == 0).await;
    check_clean(&scene.executor, &scene.engine).await;
    let (counts, pool) = (scene.engine.counts(), scene.executor.metrics().pool);
    assert_eq!((pool.parked, pool.parked_bytes, pool.lost_total), (0, 0, 0));
    assert!(counts.parks > 0 && counts.parks <= counts.unparks + counts.aborts, "{counts:?}");
}
