//! Many tenants at once, under the limits that everybody has.

use std::time::Duration;

use async_trait::async_trait;
use isolet::{
    ApiCallRate, Execution, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Limits, Payload,
    PoolConfig, RunInfo, Status,
};
use isolet_testkit::services::Echo;
use tokio::task::JoinSet;

use crate::setup::{builder, execution, output, source, tenant, told};

/// `pause.briefly()` takes 50 ms.
struct Pause;

#[async_trait]
impl HostService for Pause {
    fn namespace(&self) -> HostNamespace {
        HostNamespace { name: "pause".into(), exposed: true, operations: vec![HostOperation::new("briefly")] }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Pause {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_executions_of_200_tenants_under_default_limits() {
    let isolet =
        isolet::Isolet::builder().host(Echo).permissions(isolet::Permissions::all()).build().expect("it builds");
    let scripts = ["input * 2", "await echo.first(input * 2)", "[input].map(n => n + n)[0]"];
    let mut reports = JoinSet::new();
    for number in 0..1_000_usize {
        let execution = Execution::new(source(scripts[number % 3]), tenant(&format!("t{}", number % 200)));
        let (isolet, execution) = (isolet.clone(), execution.input(&number).expect("JSON"));
        reports.spawn(async move { (number, isolet.execute(execution).await) });
    }
    for (number, report) in reports.join_all().await {
        assert_eq!(output(&report), (number * 2).to_string());
    }
    let shutdown = isolet.shutdown(Duration::from_secs(60)).await;
    assert_eq!((shutdown.executions.killed, shutdown.workers_stuck.len()), (0, 0));
    let metrics = isolet.metrics();
    assert_eq!((metrics.executions.of(Status::Ok), metrics.executions.total()), (1_000, 1_000));
    assert_eq!((metrics.pool.leases, metrics.pool.total), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_runs_wait_for_the_host_at_once() {
    let limits = Limits { api_rate: ApiCallRate::per_minute(100_000), ..Limits::default() };
    let pool = PoolConfig { vms_initial: 2, vms_max: 4, first_runs_percent: 0, ..PoolConfig::default() };
    let isolet = builder().limits(limits).pool(pool).host(Pause).build().expect("it builds");
    let mut reports = JoinSet::new();
    for number in 0..1_000 {
        let execution = Execution::new(source("await pause.briefly(); input"), tenant(&format!("t{}", number / 5)));
        let (isolet, execution) = (isolet.clone(), execution.input(&number).expect("JSON"));
        reports.spawn(async move { (number, isolet.execute(execution).await) });
    }
    for (number, report) in reports.join_all().await {
        assert_eq!(output(&report), number.to_string());
    }
    let pool = isolet.metrics().pool;
    assert_eq!((pool.parked, pool.parks_total), (0, pool.unparks_total));
    assert!(pool.parks_total > 0 && pool.created_total <= 4, "{pool:?}");
}

/// Wherever a run is, it is ended, and its caller told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_ends_whatever_goes_on() {
    let scripts = [
        "for (;;);",
        "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        "try { for (;;); } catch {} finally { for (;;); }",
        "await new Promise(done => setTimeout(done, 1e6))",
        "await pause.briefly(); for (;;);",
        "const all = []; for (;;) all[0] = 'x'.repeat(1e5)",
    ];
    let pool = PoolConfig { vms_initial: 2, vms_max: 4, first_runs_percent: 0, ..PoolConfig::default() };
    let isolet = builder().pool(pool).host(Pause).build().expect("it builds");
    let runs: Vec<_> = scripts
        .map(|script| {
            let (isolet, execution) = (isolet.clone(), Execution::new(source(script), tenant(script)));
            tokio::spawn(async move { isolet.execute(execution).await })
        })
        .into();
    let shutdown = isolet.shutdown(Duration::from_millis(300)).await;
    assert_eq!((shutdown.workers_ended, shutdown.workers_stuck.len(), shutdown.vms_leaked), (2, 0, 0));
    let mut killed = 0;
    for run in runs {
        let report = run.await.expect("a report");
        // A slow machine may not have let it in.
        assert!(matches!(report.status, Status::Cancelled | Status::Rejected), "{}", told(&report));
        killed += u64::from(report.status == Status::Cancelled);
    }
    assert_eq!(shutdown.executions.killed, killed);
    assert_eq!(isolet.execute(execution("1")).await.status, Status::Rejected);
}

#[tokio::test]
async fn the_pool_knows_what_a_vm_holds() {
    let isolet = builder().vms_warm(1).vms_max(1).build().expect("it builds");
    isolet.execute(execution("'x'.repeat(1e6).length")).await;
    let bytes = isolet.metrics().pool.vm_bytes;
    assert!((100_000..1 << 20).contains(&bytes), "{bytes}: image, its copy and a margin, and not the estimate");
}
