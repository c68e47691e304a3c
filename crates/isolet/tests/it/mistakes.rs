//! What authors do wrong, and what they are told: the rows of `tests/mistakes.json`.

use std::sync::Arc;

use isolet::{Cause, LimitOverrides, Report, Status};
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
        "throw Object.defineProperty(new Error('a'), 'cause', { get() { for (;;); } })",
        "throw new Error('a', { cause: new Error('b', { cause: new Proxy({}, { get() { for (;;); } }) }) })",
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

/// Each as `NAME: MESSAGE at LINE:COLUMN`.
async fn causes(script: &str) -> Vec<String> {
    let report = isolet().execute(execution(script)).await;
    let error = report.error.unwrap_or_else(|| panic!("it throws: {script}"));
    let place = |cause: &Cause| Some(format!(" at {}:{}", cause.line?, cause.column?));
    let causes = error.causes.iter();
    causes.map(|cause| format!("{}: {}{}", cause.name, cause.message, place(cause).unwrap_or_default())).collect()
}

#[tokio::test]
async fn what_led_to_a_failure_is_told() {
    let chain = "class PriceError extends Error {}\n\
                 try {\n  try { null.x } catch (cause) { throw new PriceError('no price', { cause }) }\n\
                 } catch (cause) { throw new Error('no order', { cause }) }";
    let expected = ["PriceError: no price at 3:44", "TypeError: cannot read property 'x' of null at 3:9"];
    assert_eq!(causes(chain).await, expected);
    let all = "Promise.any([Promise.reject(new RangeError('one')), Promise.reject('two'), Promise.reject(\n\
               new Error('three', { cause: { code: 3 } }))])";
    let expected = ["RangeError: one at 1:33", "NonError: two", "Error: three at 2:5", r#"NonError: {"code":3}"#];
    assert_eq!(causes(all).await, expected);
    for (script, expected) in [
        ("throw new Error('none')", &[][..]),
        ("throw new Error('none', { cause: undefined })", &[]),
        ("throw { cause: 'no error has it' }", &[]),
        ("const error = new Error('its own'); error.cause = error; throw error", &[]),
        ("throw Object.defineProperty(new Error('a'), 'cause', { get() { throw 1 } })", &[]),
        ("throw new Error('a', { cause: Symbol('b') })", &["NonError: Symbol(b)"]),
        ("const e = new AggregateError([]); Object.defineProperty(e, 'errors', { get() { throw 1 } }); throw e", &[]),
        ("const e = new AggregateError([]); e.errors = { length: 1e9, 0: 1 }; throw e", &[]),
    ] {
        assert_eq!(causes(script).await, expected, "{script}");
    }
    // As many as there may be, of long chains and of wide ones.
    let long = "let e = new Error('last'); for (let n = 0; n < 1e5; n++) e = new Error('' + n, { cause: e }); throw e";
    let told = causes(long).await;
    assert_eq!((told.len(), told[0].starts_with("Error: 99998")), (8, true), "{told:?}");
    let wide = "throw new AggregateError(Array.from({ length: 1e5 }, (_, n) => new AggregateError([n, n])))";
    assert!(causes(wide).await.iter().all(|cause| cause.starts_with("AggregateError")));
    let circle = "const a = new Error('a'), b = new Error('b', { cause: a }); a.cause = b; throw a";
    assert_eq!(causes(circle).await.len(), 1);
    let large = "throw new Error('a', { cause: new Error('x'.repeat(1e6)) })";
    assert!(causes(large).await[0].len() < 5_000);
}
