//! With and without a runtime, many at once, and the end.

use std::time::Duration;

use isolet::{BuildError, Execution, Isolet, Status};
use isolet_testkit::services::{Echo, Slow};
use tokio::task::JoinSet;

use crate::setup::{builder, execution, isolet, output, source, tenant};

#[test]
fn blocking_needs_no_runtime() {
    let isolet = builder().host(Echo).build().expect("it builds");
    assert_eq!(output(&isolet.execute_blocking(execution("await echo.first(1)"))), "1");
    assert_eq!(isolet.check_blocking(&source("1"), &tenant("acme")), Ok(()));
    let prepared = isolet.prepare_blocking(&source("3"), &tenant("acme")).expect("it compiles");
    assert_eq!(output(&isolet.execute_blocking(Execution::prepared(&prepared, tenant("acme")))), "3");
}

#[test]
fn what_cannot_be_built_says_why() {
    assert_eq!(Isolet::builder().workers(0).build().err(), Some(BuildError::NoWorkers));
    assert!(matches!(Isolet::builder().vms_max(0).build(), Err(BuildError::Pool(_))));
    assert!(matches!(Isolet::builder().host(Echo).host(Echo).build(), Err(BuildError::Interface(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_at_once() {
    let isolet = builder().host(Echo).build().expect("it builds");
    let scripts = [
        ("1 + 1", Status::Ok),
        ("await echo.first(1)", Status::Ok),
        ("null.x", Status::RuntimeError),
        ("let = ;", Status::SyntaxError),
        ("'x'.repeat(2 ** 29)", Status::MemoryExceeded),
    ];
    let mut reports = JoinSet::new();
    for number in 0..1_000 {
        let (script, status) = scripts[number % scripts.len()];
        let execution = Execution::new(source(script), tenant(&format!("t{}", number % 50)));
        let isolet = isolet.clone();
        reports.spawn(async move { (isolet.execute(execution).await, status) });
    }
    for (report, status) in reports.join_all().await {
        assert_eq!(report.status, status, "{report:?}");
    }
    isolet.shutdown(Duration::from_secs(60)).await;
    assert_eq!(isolet.metrics().executions.total(), 1_000);
}

#[tokio::test]
async fn dropping_the_future_cancels() {
    let slow = Slow::default();
    let isolet = builder().host(slow.clone()).build().expect("it builds");
    tokio::select! {
        report = isolet.execute(execution("await slow.wait()")) => panic!("it waits: {report:?}"),
        () = slow.wait_until_waiting(1) => {}
    }
    isolet.drain().await;
    assert_eq!((isolet.metrics().executions.of(Status::Cancelled), slow.waiting()), (1, 0));
}

#[tokio::test]
async fn shutdown_ends_everything() {
    let isolet = isolet();
    assert_eq!(output(&isolet.execute(execution("1")).await), "1");
    isolet.shutdown(Duration::from_secs(60)).await;
    assert_eq!(isolet.execute(execution("1")).await.status, Status::Rejected);
}
