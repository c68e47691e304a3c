//! What the console writes: the cases of the sandbox, run for real.

use isolet::{Execution, Report, Source, SourceKind};
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
