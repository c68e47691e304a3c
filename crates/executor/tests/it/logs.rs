//! Console lines: in the report, as they come, and in the log.

use std::sync::{Arc, Mutex};

use isolet_core_traits::{LogLevel, Status};
use isolet_testkit::services::Slow;
use isolet_testkit::{FakeEngine, FakeOptions};

use crate::events::captured;
use crate::setup::{builder, execution, executor, until};

type Seen = Arc<Mutex<Vec<String>>>;

fn seen(lines: &Seen) -> Vec<String> {
    lines.lock().expect("nobody panics with it").clone()
}

#[tokio::test]
async fn lines_come_while_the_script_runs() {
    let (slow, lines) = (Slow::default(), Seen::default());
    let executor = builder(&FakeEngine::default()).host(slow.clone()).build().expect("it builds");
    let execution = execution("log info one; log warn two; call slow.wait; log error three").on_log({
        let lines = lines.clone();
        move |line| lines.lock().expect("nobody panics with it").push(line.message.clone())
    });
    let run = tokio::spawn(async move { executor.execute(execution).await });
    slow.wait_until_waiting(1).await;
    assert_eq!(seen(&lines), ["one", "two"]);
    slow.release(1);
    let report = run.await.expect("a report");
    assert_eq!(seen(&lines), ["one", "two", "three"]);
    let levels: Vec<_> = report.logs.iter().map(|line| line.level).collect();
    assert_eq!(levels, [LogLevel::Info, LogLevel::Warn, LogLevel::Error]);
}

#[tokio::test]
async fn lines_of_a_run_that_never_waits_come_with_its_slices() {
    let engine = FakeEngine::new(FakeOptions { polls_per_slice: Some(2), ..FakeOptions::default() });
    let (executor, lines) = (executor(&engine), Seen::default());
    let execution = execution("log info one; spin").on_log({
        let lines = lines.clone();
        move |line| lines.lock().expect("nobody panics with it").push(line.message.clone())
    });
    tokio::select! {
        report = executor.execute(execution) => panic!("it never ends: {report:?}"),
        () = until(|| seen(&lines) == ["one"]) => {}
    }
    until(|| executor.metrics().executions.of(Status::Cancelled) == 1).await;
}

#[tokio::test]
async fn lines_before_a_panic_are_kept() {
    let executor = executor(&FakeEngine::default());
    let report = executor.execute(execution("log info one; preempt 1; panic")).await;
    assert_eq!((report.status, report.logs.len()), (Status::HostError, 1));
}

#[tokio::test]
async fn a_callback_that_panics_is_not_called_again() {
    let (executor, lines) = (executor(&FakeEngine::default()), Seen::default());
    let execution = execution("log info one; log info two; output 1").on_log({
        let lines = lines.clone();
        move |line| {
            lines.lock().expect("nobody panics with it").push(line.message.clone());
            std::panic::resume_unwind(Box::new(()));
        }
    });
    let report = executor.execute(execution).await;
    assert_eq!((report.status, report.logs.len()), (Status::Ok, 2));
    assert_eq!(seen(&lines), ["one"]);
}

#[test]
fn lines_go_to_the_log_if_that_is_wanted() {
    for (on, expected) in [(true, vec!["INFO isolet::console a\\nb", "ERROR isolet::console c"]), (false, vec![])] {
        let events = captured(async {
            let executor = builder(&FakeEngine::default()).console_to_tracing(on).build().expect("it builds");
            let mut source = "log error c; output 1".to_owned();
            source.insert_str(0, "log info a\u{b}b;");
            assert!(executor.execute(execution(&source.replace('\u{b}', "\u{85}"))).await.is_ok());
        });
        let lines: Vec<_> = events.iter().map(|event| event.line()).collect();
        assert_eq!(lines, expected.iter().map(|line| line.replace("\\n", "\\u{85}")).collect::<Vec<_>>());
    }
}
