//! What scripts give and see.

use expect_test::{Expect, expect};
use isolet::{Execution, ExecutionId, LogLevel, ProgramOrigin, Source, SourceKind, Status, UserId};

use crate::setup::{builder, execution, isolet, output, source, tenant, told};

async fn check(kind: SourceKind, script: &str, expected: Expect) {
    let source = Source::new("test.js", script, kind).expect("a name");
    let execution = Execution::new(source, tenant("acme")).input(&serde_json::json!({"n": 20})).expect("JSON");
    let report = isolet().execute(execution).await;
    let told = if report.is_ok() { output(&report).to_owned() } else { told(&report) };
    expected.assert_eq(&told);
}

#[tokio::test]
async fn all_kinds_of_sources() {
    check(SourceKind::Auto, "input.n + 1", expect!["21"]).await;
    check(SourceKind::Auto, "await Promise.resolve(input.n)", expect!["20"]).await;
    check(SourceKind::Auto, "export default { n: input.n }", expect![[r#"{"n":20}"#]]).await;
    check(
        SourceKind::Module,
        "export default async (input, context) => [input.n, context.tenant]",
        expect![[r#"[20,"acme"]"#]],
    )
    .await;
    check(SourceKind::Body, "if (input.n > 3) return 'much'", expect![[r#""much""#]]).await;
    check(SourceKind::Script, "undefined", expect![""]).await;
}

#[tokio::test]
async fn failures_have_names_and_places() {
    check(
        SourceKind::Auto,
        "let x = ;",
        expect!["syntax_error: SyntaxError: unexpected token in expression: ';' at 1:9"],
    )
    .await;
    check(
        SourceKind::Auto,
        "const a = 1\nnothing.there",
        expect!["runtime_error: ReferenceError: nothing is not defined at 2:1"],
    )
    .await;
    check(
        SourceKind::Auto,
        "function f() {\n  throw new RangeError('no')\n}\nf()",
        expect!["runtime_error: RangeError: no at 2:13"],
    )
    .await;
    check(
        SourceKind::Auto,
        "await new Promise(() => {})",
        expect!["runtime_error: NeverSettled: the script awaits a promise that nothing can settle any more"],
    )
    .await;
    check(
        SourceKind::Auto,
        "(() => 1)",
        expect!["output_error: OutputError: the output is a function, which has no JSON"],
    )
    .await;
    check(
        SourceKind::Auto,
        "({ a: 1n })",
        expect!["output_error: OutputError: output.a is a BigInt, which has no JSON"],
    )
    .await;
    check(SourceKind::Auto, "eval('1')", expect!["sandbox_violation: TypeError: eval is not supported at 1:1"]).await;
}

#[tokio::test]
async fn eval_can_be_allowed() {
    let isolet = builder().allow_eval(true).build().expect("it builds");
    assert_eq!(output(&isolet.execute(execution("eval('1 + 1')")).await), "2");
}

#[tokio::test]
async fn the_context_tells_whose_run_it_is() {
    let execution = execution("[context, Object.isFrozen(context.plan)]")
        .user(UserId::new("u1").expect("an id"))
        .id(ExecutionId::new("e1").expect("an id"))
        .context(&serde_json::json!({"plan": {"name": "gold"}}))
        .expect("an object");
    let report = isolet().execute(execution).await;
    let context = r#"{"tenant":"acme","user":"u1","organization":null,"script":"test.js","execution":"e1","plan":{"name":"gold"}}"#;
    assert_eq!(output(&report), format!("[{context},true]"));
}

#[tokio::test]
async fn the_console_is_in_the_report() {
    let report = isolet().execute(execution("console.log('a', 1, {b: [2]}); console.error('c')")).await;
    let lines: Vec<_> = report.logs.iter().map(|line| (line.level, line.message.as_str())).collect();
    assert_eq!(lines, [(LogLevel::Info, "a 1 { b: [ 2 ] }"), (LogLevel::Error, "c")]);
    assert!(report.output_undefined);
}

#[tokio::test]
async fn nothing_is_left_for_the_next_run() {
    let isolet = builder().vms_max(1).build().expect("it builds");
    for _ in 0..3 {
        let report = isolet
            .execute(execution("globalThis.x = (globalThis.x ?? 0) + 1; Array.prototype.y ??= x; [x, [].y]"))
            .await;
        assert_eq!(output(&report), "[1,1]");
    }
    let hostile = "Object.prototype.toJSON = () => 'stolen'; JSON.stringify = null; 1";
    isolet.execute(execution(hostile)).await;
    assert_eq!(output(&isolet.execute(execution("({ a: JSON.stringify([1]) })")).await), r#"{"a":"[1]"}"#);
}

#[tokio::test]
async fn programs_are_kept() {
    let isolet = isolet();
    let first = isolet.execute(execution("1 + 1")).await;
    let second = isolet.execute(execution("1 + 1")).await;
    assert_eq!([first.metrics.cache, second.metrics.cache], [Some(ProgramOrigin::Miss), Some(ProgramOrigin::Hit)]);
    let prepared = isolet.prepare(&source("2 + 2"), &tenant("acme")).await.expect("it compiles");
    let report = isolet.execute(Execution::prepared(&prepared, tenant("other"))).await;
    assert_eq!((output(&report), report.metrics.cache), ("4", Some(ProgramOrigin::Hit)));
}

#[tokio::test]
async fn sources_can_be_checked() {
    let isolet = isolet();
    assert_eq!(isolet.check(&source("let x = 1"), &tenant("acme")).await, Ok(()));
    let error = isolet.check(&source("let x = 1\nlet y = }"), &tenant("acme")).await.expect_err("it is wrong");
    assert_eq!((error.kind, error.line), (Status::SyntaxError, Some(2)));
    assert_eq!(error.snippet.expect("the line").text, "let y = }");
}

#[tokio::test]
async fn random_numbers_differ_between_runs() {
    let isolet = isolet();
    let one = isolet.execute(execution("Math.random()")).await;
    let other = isolet.execute(execution("Math.random()")).await;
    assert_ne!(output(&one), output(&other));
}
