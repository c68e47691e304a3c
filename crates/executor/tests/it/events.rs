//! What the log is told: exactly one event for each execution that is not ok, and a span for each host call.

use std::cell::RefCell;
use std::fmt::{Debug, Write};
use std::sync::Once;

use expect_test::expect;
use isolet_core_traits::{ExecutionId, Status};
use isolet_executor::Traceparent;
use isolet_limits::{LimitOverrides, Limits};
use isolet_testkit::services::{Echo, Failing, Panicking, PanicsIn, Slow};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::setup::{builder, execution, spinning_engine, until};

/// An event at level debug or above, of isolet's.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    level: Level,
    target: String,
    message: String,
    fields: String,
}

impl Seen {
    pub(crate) fn line(&self) -> String {
        format!("{} {} {}", self.level, self.target, self.message)
    }
}

thread_local! {
    /// The events of this thread, while it is being captured.
    static CAPTURED: RefCell<Option<Vec<Seen>>> = const { RefCell::new(None) };
    /// The spans of host calls that began on this thread meanwhile. They are numbered from 1.
    static HOST_CALLS: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

/// The number of every span of a thread that is not captured: it may end on another one.
const ELSEWHERE: u64 = u64::MAX;

/// The one subscriber of the process: `tracing` remembers for each place in the code whether anyone listens, and
/// subscribers of single threads do not always count.
struct Capture;

/// Listens from now on. Each test comes here before anything is logged.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::subscriber::set_global_default(Capture).expect("nobody else sets one"));
}

/// The fields of a span, as they come.
#[derive(Default)]
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            let _ = write!(self.fields, "{}={value:?} ", field.name());
        }
    }
}

impl Subscriber for Capture {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("isolet") && (metadata.is_event() || metadata.name() == "host_call")
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        if CAPTURED.with_borrow(Option::is_none) {
            return Id::from_u64(ELSEWHERE);
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        HOST_CALLS.with_borrow_mut(|calls| {
            calls.push(fields);
            Id::from_u64(calls.len() as u64)
        })
    }
    fn record(&self, id: &Id, values: &Record<'_>) {
        if id.into_u64() != ELSEWHERE {
            HOST_CALLS.with_borrow_mut(|calls| values.record(&mut calls[id.into_u64() as usize - 1]));
        }
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let (level, target) = (*metadata.level(), metadata.target().to_owned());
        let mut seen = Seen { level, target, message: String::new(), fields: String::new() };
        event.record(&mut seen);
        CAPTURED.with_borrow_mut(|captured| captured.iter_mut().for_each(|events| events.push(seen.clone())));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The events of `work`, which is done on a runtime of this thread.
pub(crate) fn captured(work: impl Future<Output = ()>) -> Vec<Seen> {
    listen();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    CAPTURED.set(Some(Vec::new()));
    runtime.block_on(work);
    CAPTURED.take().expect("it was set")
}

/// The events of one execution of `script`.
fn events_of(script: &str, limits: Limits, overrides: LimitOverrides) -> Vec<Seen> {
    let (engine, clock) = spinning_engine(None);
    captured(async {
        let builder =
            builder(&engine).clock(clock).limits(limits).host(Echo).host(Failing).host(Panicking(PanicsIn::Call));
        let executor = builder.build().expect("it builds");
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let execution = execution(script)
            .limits(overrides)
            .id(ExecutionId::new("e1").expect("an id"))
            .traceparent(Traceparent::parse(trace).expect("valid"));
        executor.execute(execution).await;
    })
}

#[test]
fn one_event_for_each_execution_that_is_not_ok() {
    for (script, status, level) in [
        ("syntax!", Status::SyntaxError, Level::WARN),
        ("throw TypeError m", Status::RuntimeError, Level::WARN),
        ("fail sandbox E m", Status::SandboxViolation, Level::WARN),
        ("call failing.rateLimited", Status::RateLimited, Level::WARN),
        ("output function", Status::OutputError, Level::WARN),
        ("call failing.failed", Status::HostError, Level::ERROR),
        ("call panicking.call", Status::HostError, Level::ERROR),
        ("panic", Status::HostError, Level::ERROR),
        ("compile panic", Status::HostError, Level::ERROR),
        ("spin", Status::Timeout, Level::WARN),
        ("alloc 1GiB", Status::MemoryExceeded, Level::WARN),
        ("fault", Status::EngineFault, Level::ERROR),
    ] {
        let events = events_of(script, Limits::default(), LimitOverrides::default());
        let [event] = &events[..] else { panic!("{script}: {events:?}") };
        assert_eq!((event.level, event.target.as_str()), (level, "isolet"), "{script}");
        for part in ["id=e1 ", "tenant=acme ", "script=test.js ", &format!("status={status} "), "traceparent=\"00-4bf"]
        {
            assert!(event.fields.contains(part), "{script}: {}", event.fields);
        }
    }
    let overrides = LimitOverrides { memory_bytes: Some(1 << 40), ..LimitOverrides::default() };
    let events = events_of("output 1", Limits::default(), overrides);
    assert!(events.len() == 1 && events[0].fields.contains("status=rejected"), "{events:?}");
}

#[test]
fn a_span_tells_what_came_of_a_host_call() {
    let script = "try call failing.denied [1,2]; call echo.first [123]; output 1";
    assert!(events_of(script, Limits::default(), LimitOverrides::default()).is_empty());
    let calls: Vec<_> = HOST_CALLS.take().into_iter().map(|fields| fields.0.trim_end().to_owned()).collect();
    expect![[r#"
        execution=e1 tenant=acme namespace="failing" operation="denied" bytes_out=5 error="SandboxViolation"
        execution=e1 tenant=acme namespace="echo" operation="first" bytes_out=5 bytes_in=3"#]]
    .assert_eq(&calls.join("\n"));
}

#[test]
fn none_for_one_that_is() {
    for script in ["output 1", "big 2MiB", "try call panicking.call; output 1"] {
        let events = events_of(script, Limits::default(), LimitOverrides::default());
        assert!(events.is_empty(), "{events:?}");
    }
}

#[test]
fn one_for_one_that_is_cancelled() {
    let slow = Slow::default();
    let events = captured(async {
        let (engine, _) = spinning_engine(None);
        let executor = builder(&engine).host(slow.clone()).build().expect("it builds");
        tokio::select! {
            report = executor.execute(execution("call slow.wait")) => panic!("it waits: {report:?}"),
            () = slow.wait_until_waiting(1) => {}
        }
        until(|| executor.metrics().executions.of(Status::Cancelled) == 1).await;
    });
    assert!(events.len() == 1 && events[0].fields.contains("status=cancelled"), "{events:?}");
}

#[test]
fn panics_of_the_host_are_told_to_the_log_alone() {
    let events = events_of("call panicking.call", Limits::default(), LimitOverrides::default());
    assert!(events[0].fields.contains(&format!("panic={}", Panicking::SECRET)), "{}", events[0].fields);
    assert!(events[0].fields.contains("services.rs:"), "{}", events[0].fields);
    assert!(!events[0].message.contains(Panicking::SECRET));
}

#[test]
fn a_script_cannot_forge_a_line() {
    let events = events_of("throw E a\u{85}b\u{1b}[31m", Limits::default(), LimitOverrides::default());
    assert_eq!(events[0].message, "a\\u{85}b\\u{1b}[31m");
}
