//! What authors do wrong, and what they are told: the rows of `tests/mistakes.json`.

use std::sync::Arc;

use isolet::{LimitOverrides, Report, Status};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::setup::{execution, isolet, output, tenant, told};

const ROWS: &str = include_str!("../mistakes.json");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authors_are_told_what_the_rows_say() {
    let rows: Value = serde_json::from_str(ROWS).expect("JSON");
    let isolet = Arc::new(isolet());
    let (mut runs, mut wrong, mut count) = (JoinSet::new(), Vec::new(), 0);
    for (kind, rows) in rows["rows"].as_object().expect("kinds of mistakes") {
        for row in rows.as_array().expect("rows") {
            let (isolet, kind, row) = (isolet.clone(), kind.clone(), row.clone());
            runs.spawn(async move {
                let text = row[0].as_str().expect("a script");
                let execution = isolet::Execution::new(crate::setup::source(text), tenant(&kind));
                let report = isolet.execute(execution).await;
                let got = [in_one_line(&report), advice(&report)];
                let is_as_said = row[1] == got[0].as_str() && row[2] == got[1].as_str();
                (!is_as_said).then(|| format!("{kind}: {text}\nexpected {} {}\ngot {got:?}", row[1], row[2]))
            });
            count += 1;
        }
    }
    while let Some(row) = runs.join_next().await {
        wrong.extend(row.expect("no panic"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(count >= 90, "{count} rows");
}

fn in_one_line(report: &Report) -> String {
    if report.is_ok() { format!("ok: {}", output(report)) } else { told(report) }
}

/// The hint, or the warnings.
fn advice(report: &Report) -> String {
    let hint = report.error.as_ref().and_then(|error| error.hint.clone());
    let warnings = report.warnings.iter().map(|warning| format!("{}: {}", warning.code, warning.message));
    hint.into_iter().chain(warnings).collect::<Vec<_>>().join("; ")
}

/// Whatever reading the output or the error runs into, the limits hold.
#[tokio::test]
async fn outputs_without_end_are_ended() {
    let overrides = LimitOverrides { wall_time: Some(std::time::Duration::from_millis(200)), ..Default::default() };
    for script in [
        "new Proxy([], { get(t, k) { return k === 'length' ? 1e9 : t[k] } })",
        "const t = { then(resolve) { resolve(t) } }; t",
        "({ toJSON() { for (;;); } })",
        "({ get a() { for (;;); } })",
        "({ a: {}, get b() { for (;;); } })",
        "throw { get message() { for (;;); } }",
        "throw new Proxy({}, { getPrototypeOf() { for (;;); }, get() { for (;;); } })",
        "let n = 0; ({ get a() { if (n++ > 0) for (;;); }, b: Promise.resolve(1) })",
    ] {
        let report = isolet().execute(execution(script).limits(overrides.clone())).await;
        assert_eq!(report.status, Status::Timeout, "{script}: {}", told(&report));
    }
}

#[tokio::test]
async fn what_stands_around_a_failure_is_told() {
    let script = "function inner() {\n  const r = /(abc/;\n}";
    let report = isolet().execute(execution(script)).await;
    let error = report.error.expect("it does not compile");
    let snippet = error.snippet.expect("the line");
    assert_eq!(
        (error.line, error.column, &*snippet.text, snippet.caret),
        (Some(2), Some(13), "  const r = /(abc/;", 13)
    );
    let script = "const deep = (n) => { if (n === 0) null.x; deep(n - 1); };\nfunction outer() { deep(2); }\nouter()";
    let report = isolet().execute(execution(script)).await;
    let stack = report.error.expect("it throws").stack;
    assert_eq!((stack[0].line, stack[0].column), (1, 36));
    let stack: Vec<_> = stack.iter().map(|frame| (frame.function.as_deref(), frame.line)).collect();
    let deep = (Some("deep"), 1);
    assert_eq!(stack, [deep, deep, deep, (Some("outer"), 2), (None, 3)]);
}
