//! Scripts by name, and reports for a sink.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{
    JsonText, LimitOverrides, Permissions, Report, ReportSink, ScriptId, ScriptSource, ScriptSourceError, Source,
    SourceKind, Status, StoredScript, TenantId,
};
use isolet_executor::{Execution, ExecutorBuilder};
use isolet_limits::Limits;
use isolet_testkit::FakeEngine;
use isolet_testkit::services::{Echo, Slow};

use crate::setup::{builder, check_clean, execution, output, tenant, told, until};

/// Scripts of acme, by name; some names do something else.
struct Scripts(HashMap<&'static str, StoredScript>);

#[async_trait]
impl ScriptSource for Scripts {
    async fn script(&self, tenant: &TenantId, script: &ScriptId) -> Result<Option<StoredScript>, ScriptSourceError> {
        match script.as_str() {
            "down" => Err(ScriptSourceError { message: "the database does not answer".into() }),
            "panics" => panic!("of the source"),
            "never" => std::future::pending().await,
            name => Ok(self.0.get(name).filter(|_| tenant.as_str() == "acme").cloned()),
        }
    }
}

fn stored(name: &str, text: &str) -> StoredScript {
    let source = Source::new(name, text, SourceKind::Auto).expect("a name");
    StoredScript { source, revision: "r1".into(), limits: LimitOverrides::default(), permissions: None, policy: None }
}

fn with_scripts(engine: &FakeEngine) -> ExecutorBuilder<FakeEngine> {
    let capped = LimitOverrides { memory_bytes: Some(8 << 20), wall_time: Some(Duration::MAX), ..Default::default() };
    let scripts = [
        ("plain", stored("plain", "output input")),
        ("broken", stored("broken", "output 1\nno statement")),
        ("calls", stored("calls", "call echo.first [1]; output reply")),
        (
            "denied",
            StoredScript { permissions: Some(Arc::default()), ..stored("d", "call echo.first [1]; output reply") },
        ),
        ("small", StoredScript { limits: capped, ..stored("small", "alloc 16MiB; output 1") }),
        ("strict", StoredScript { policy: Some("strict".into()), ..stored("strict", "output 1") }),
        ("standard", StoredScript { policy: Some("standard".into()), ..stored("standard", "output 1") }),
    ];
    builder(engine).host(Echo).scripts(Arc::new(Scripts(scripts.into())))
}

fn execution_of(name: &str) -> Execution {
    Execution::stored(ScriptId::new(name).expect("an id"), tenant("acme"))
}

#[tokio::test]
async fn scripts_run_by_name() {
    let engine = FakeEngine::default();
    let executor = with_scripts(&engine).build().expect("it builds");
    let report = executor.execute(execution_of("plain").input(&7).expect("JSON")).await;
    assert_eq!(output(&report), "7");
    assert_eq!((report.context.script.as_str(), report.context.revision.as_deref()), ("plain", Some("r1")));
    for (name, expected) in [
        ("nothing", "rejected: UnknownScript: the tenant has no script \"nothing\""),
        ("down", "rejected: StoreUnavailable: the script could not be looked up: the database does not answer"),
        ("panics", "host_error: HostError: the host lost the execution"),
        ("small", "memory_exceeded: MemoryError: the script asked for 16777216 bytes with 0 of 8388608 in use"),
        ("strict", "rejected: OtherPolicy: the script is for the policy strict, this executor's is standard"),
        ("standard", "ok"),
        ("calls", "ok"),
    ] {
        assert_eq!(told(&executor.execute(execution_of(name)).await), expected);
    }
    let denied = executor.execute(execution_of("denied")).await;
    assert_eq!(denied.status, Status::SandboxViolation);
    let broken = executor.execute(execution_of("broken")).await;
    let error = broken.error.expect("it is broken");
    assert_eq!((broken.status, error.line), (Status::SyntaxError, Some(2)));
    assert!(error.snippet.is_some(), "the source that was looked up is shown");
    let others = Execution::stored(ScriptId::new("plain").expect("an id"), tenant("other"));
    assert_eq!(executor.execute(others).await.status, Status::Rejected);
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn who_waits_for_the_source_can_be_cancelled() {
    let engine = FakeEngine::default();
    let executor = with_scripts(&engine).build().expect("it builds");
    tokio::select! {
        report = executor.execute(execution_of("never")) => panic!("{report:?}"),
        () = until(|| executor.metrics().in_flight == 1) => {}
    }
    until(|| executor.metrics().executions.of(Status::Cancelled) == 1).await;
    let without = builder(&engine).build().expect("it builds");
    let told = told(&without.execute(execution_of("plain")).await);
    assert_eq!(told, "rejected: UnknownScript: this executor has no store of scripts");
    check_clean(&executor, &engine).await;
}

/// Keeps what it is told.
#[derive(Default)]
struct Kept {
    reports: Mutex<Vec<(Status, String)>>,
    flushed: Mutex<usize>,
    is_instant: bool,
    panics: bool,
    hangs: bool,
}

#[async_trait]
impl ReportSink for Kept {
    fn is_instant(&self) -> bool {
        self.is_instant
    }

    async fn record(&self, report: &Report, input: &JsonText) {
        let entry = (report.status, input.as_str().to_owned());
        self.reports.lock().expect("no panic").push(entry);
        assert!(!self.panics, "of the sink");
        if self.hangs {
            std::future::pending().await
        }
    }

    async fn flush(&self) {
        let reports = self.reports.lock().expect("no panic").len();
        *self.flushed.lock().expect("no panic") = reports;
    }
}

#[tokio::test]
async fn every_report_is_recorded_before_its_caller_has_it() {
    for is_instant in [false, true] {
        let (engine, slow) = (FakeEngine::default(), Slow::default());
        let sink = Arc::new(Kept { is_instant, ..Kept::default() });
        let limits = Limits { source_bytes: 100, ..Limits::default() };
        let builder = builder(&engine).limits(limits).host(slow.clone()).reports(sink.clone());
        let executor = builder.build().expect("it builds");
        let long = " ".repeat(101);
        for (number, (script, status)) in [
            ("output 1", Status::Ok),
            ("throw Error no", Status::RuntimeError),
            ("no statement", Status::SyntaxError),
            (long.as_str(), Status::Rejected),
        ]
        .into_iter()
        .enumerate()
        {
            let execution = execution(script).input(&number).expect("JSON");
            assert_eq!(executor.execute(execution).await.status, status);
            let reports = sink.reports.lock().expect("no panic");
            assert_eq!((reports.len(), reports.last()), (number + 1, Some(&(status, number.to_string()))));
        }
        tokio::select! {
            report = executor.execute(execution("call slow.wait")) => panic!("{report:?}"),
            () = slow.wait_until_waiting(1) => {}
        }
        check_clean(&executor, &engine).await;
        assert_eq!(sink.reports.lock().expect("no panic")[4].0, Status::Cancelled);
        assert_eq!(*sink.flushed.lock().expect("no panic"), 5);
        let refused = executor.execute(execution("output 1")).await;
        assert_eq!(refused.status, Status::Rejected, "it has drained");
        assert_eq!(sink.reports.lock().expect("no panic").len(), 6);
    }
}

#[tokio::test]
async fn a_sink_that_fails_changes_no_report() {
    for sink in [Kept { panics: true, ..Kept::default() }, Kept { hangs: true, ..Kept::default() }] {
        let (engine, sink) = (FakeEngine::default(), Arc::new(sink));
        let executor = builder(&engine).reports(sink.clone()).build().expect("it builds");
        let report = tokio::spawn(async move { executor.execute(execution("output 1")).await });
        until(|| !sink.reports.lock().expect("no panic").is_empty()).await;
        // From here on only the sink is waited for.
        tokio::time::pause();
        assert_eq!(output(&report.await.expect("a report")), "1");
        tokio::time::resume();
    }
}

#[test]
fn a_runtime_that_ends_owes_nobody() {
    let (engine, slow, sink) = (FakeEngine::default(), Slow::default(), Arc::new(Kept::default()));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let executor = builder(&engine).runtime(runtime.handle().clone()).host(slow.clone()).reports(sink.clone());
    let executor = executor.permissions(Permissions::all()).build().expect("it builds");
    let waiting = std::thread::spawn(move || executor.execute_blocking(execution("call slow.wait")));
    while slow.waiting() == 0 {
        std::thread::yield_now();
    }
    runtime.shutdown_background();
    assert_eq!(waiting.join().expect("a report").status, Status::HostError);
}
