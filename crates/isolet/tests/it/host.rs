//! Host services from real scripts.

use std::sync::Arc;
use std::time::Duration;

use isolet::{HostService, KilledIn, Status};
use isolet_testkit::ManualClock;
use isolet_testkit::services::{Blocking, Echo, Failing, Journal, Journaled, Panicking, PanicsIn, Slow};

use crate::setup::{builder, execution, output, told};

async fn check(service: impl HostService, script: &str, expected: &str) {
    let isolet = builder().host(service).build().expect("it builds");
    let report = isolet.execute(execution(script)).await;
    let told = if report.is_ok() { output(&report).to_owned() } else { told(&report) };
    assert!(told.starts_with(expected), "{script}: {told}");
}

#[tokio::test]
async fn calls_are_promises() {
    check(Echo, "await echo.first({ a: [1, 'ä'] })", r#"{"a":[1,"ä"]}"#).await;
    check(Echo, "(await Promise.all([1, 2, 3].map(n => echo.first(n)))).join()", r#""1,2,3""#).await;
    check(Echo, "String(await echo.first(12n))", r#""12""#).await;
    check(Echo, "(await echo.bytes(new Uint8Array([1, 2, 3])))[0][2]", "3").await;
    check(Blocking::default(), "await blocking.wait('b')", r#""b""#).await;
}

#[tokio::test]
async fn failures_can_be_caught() {
    let caught = "try { await failing.failed() } catch (e) { [e instanceof Error, e.name, e.code, e.message] }";
    check(Failing, caught, r#"[true,"HostError","E_TEST","told to fail"]"#).await;
    check(Failing, "await failing.failed()", "host_error: HostError: told to fail").await;
    check(Failing, "await failing.badArguments()", "runtime_error: TypeError: told to fail").await;
    check(Failing, "await failing.denied()", "sandbox_violation: SandboxViolation: told to fail").await;
    let panics = "host_error: HostError: the host failed while it made the call";
    check(Panicking(PanicsIn::Call), "await panicking.call()", panics).await;
}

#[tokio::test]
async fn a_wait_that_is_too_long_is_ended() {
    let (slow, journal, clock) = (Slow::default(), Journal::default(), Arc::new(ManualClock::new()));
    let host = Journaled::new(slow.clone(), &journal);
    let isolet = builder().clock(clock.clone()).host(host).build().expect("it builds");
    let run = tokio::spawn(async move { isolet.execute(execution("await slow.wait()")).await });
    slow.wait_until_waiting(1).await;
    clock.advance(Duration::from_secs(30));
    // From here on tokio's time runs ahead to the next timer.
    tokio::time::pause();
    let report = run.await.expect("a report");
    assert_eq!((report.status, report.killed.expect("figures").place), (Status::Timeout, KilledIn::Host));
    assert_eq!(journal.entries().last(), Some(&format!("close slow {} Failed", report.id)));
}

#[tokio::test]
async fn lines_come_while_the_script_waits() {
    let slow = Slow::default();
    let isolet = builder().host(slow.clone()).build().expect("it builds");
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let execution = execution("console.log('before'); await slow.wait(); console.log('after')").on_log(move |line| {
        // The test is over once nobody receives.
        let _ = sender.send(line.message.clone());
    });
    let run = tokio::spawn(async move { isolet.execute(execution).await });
    assert_eq!(lines.recv().await.as_deref(), Some("before"));
    slow.wait_until_waiting(1).await;
    slow.release(1);
    assert_eq!(lines.recv().await.as_deref(), Some("after"));
    assert_eq!(run.await.expect("a report").logs.len(), 2);
}
