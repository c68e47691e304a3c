//! What the console writes: the cases of the sandbox, run for real.

use std::sync::Arc;
use std::time::Duration;

use isolet::{Execution, Report, Source, SourceKind};
use isolet_core_traits::{
    Engine, Environment, HostInterface, Interrupt, Invocation, JsonText, MonotonicClock, Purpose, Resume, RunLimits,
    Seed, Step, Vm, VmConfig,
};
use isolet_engine_quickjs::QuickJs;
use isolet_sandbox::{Policy, timers_namespace};
use serde_json::{Value, json};

use crate::setup::{isolet, tenant, told};

#[tokio::test]
async fn the_console_writes_what_its_cases_say() {
    let cases: Value = serde_json::from_str(include_str!("../../../sandbox/tests/console.json")).expect("JSON");
    let isolet = isolet();
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().expect("cases") {
        let call = case["call"].as_str().expect("a script");
        let source = Source::new("test.js", call, SourceKind::Script).expect("a name");
        let report = isolet.execute(Execution::new(source, tenant("acme"))).await;
        let expected = case["lines"].as_array().expect("lines");
        if !report.is_ok() || !logs_are(&report, expected) {
            wrong.push(format!("{call}\n{}\nexpected {expected:#?}\nlogged {:#?}", told(&report), report.logs));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// Long lines are told by how they start and how long they are.
fn logs_are(report: &Report, expected: &[Value]) -> bool {
    let is = |line: &isolet::LogLine, expected: &Value| {
        let message = match (expected["message"].as_str(), expected["starts"].as_str()) {
            (Some(message), _) => line.message == message,
            (None, Some(starts)) => {
                line.message.starts_with(starts) && json!(line.message.chars().count()) == expected["characters"]
            }
            (None, None) => false,
        };
        message && expected["level"] == line.level.as_str()
    };
    report.logs.len() == expected.len() && report.logs.iter().zip(expected).all(|(line, expected)| is(line, expected))
}

/// Every VM pays for the standing environment, and twice.
#[test]
fn the_environment_takes_little_of_a_vm() {
    let engine = QuickJs::new().expect("an engine");
    let bare = memory_bytes(&engine, Arc::default());
    let host = HostInterface::new(vec![timers_namespace()]).expect("valid names");
    let furnished = memory_bytes(&engine, Policy::new().environment(host));
    let taken = furnished.saturating_sub(bare);
    assert!(taken > 1 << 10, "{taken} bytes: nothing was measured");
    // 11 KiB for the console, 3 for builtins that lazy scripts need, 3 for the accessors of their globals, and 4 for the
    // methods that know of locales, in whole pages.
    assert!(taken <= 24 << 10, "{taken} bytes");
}

/// What a VM holds in a run of nothing.
fn memory_bytes(engine: &QuickJs, environment: Arc<Environment>) -> u64 {
    let _thread = engine.attach_thread().expect("a thread");
    let interrupt = Arc::new(Interrupt::new(Arc::new(MonotonicClock::new())));
    interrupt.start(Duration::from_secs(30));
    let vm = |purpose| engine.create_vm(&VmConfig::new(purpose, environment.clone())).expect("a VM");
    let source = Source::new("test.js", "1", SourceKind::Script).expect("a name");
    let program = vm(Purpose::Compile).compile_to_end(&source, &RunLimits::default(), &interrupt);
    let program = program.expect("it compiles");
    let json = || JsonText::parse("{}").expect("JSON");
    let source_name = source.name().clone();
    let (input, context) = (json(), json());
    let invocation = Invocation { source_name, input, context, random_seed: Seed::Drawn(1), now: None };
    let mut vm = vm(Purpose::Run);
    let mut step = vm.start(&program, invocation, RunLimits::default(), interrupt);
    while let Step::Preempted = step {
        step = vm.resume(Resume::Go);
    }
    let Step::Done(outcome) = step else { panic!("{step:?}") };
    outcome.memory_peak_bytes
}
