//! Every status that a script can bring about, and what its report says.

use expect_test::{Expect, expect};
use isolet_core_traits::{ProgramOrigin, Report, Status, UserId, VmOrigin};
use isolet_limits::Limits;

use crate::setup::{builder, check_clean, execution, executor, output, spinning_engine, told};

/// Everything of a report that does not depend on the machine.
async fn check(script: &str, expected: Expect) {
    let (engine, clock) = spinning_engine(None);
    let executor = builder(&engine).clock(clock).build().expect("it builds");
    let report = executor.execute(execution(script)).await;
    expected.assert_eq(&figures(&report));
    check_clean(&executor, &engine).await;
    assert_eq!(executor.metrics().executions.of(report.status), 1);
}

fn figures(report: &Report) -> String {
    let mut text = told(report);
    if let Some(error) = &report.error {
        let place = error.line.zip(error.column).map_or(String::new(), |(line, column)| format!(" at {line}:{column}"));
        let snippet = error.snippet.as_ref().map_or(String::new(), |snippet| format!(" {:?}", snippet.text));
        let hint = error.hint.as_ref().map_or(String::new(), |hint| format!("\nhint: {hint}"));
        let retryable = if error.retryable { "\nretryable" } else { "" };
        text += &format!("{place}{snippet}{hint}{retryable}");
    }
    if let Some(killed) = report.killed {
        text += &format!("\nkilled: {:?} in {:?}, {} of {}", killed.limit, killed.place, killed.used, killed.max);
    }
    if let Some(cut) = &report.truncated.output {
        text += &format!("\ntruncated: {} of {} bytes, preview of {}", cut.bytes, cut.limit, cut.preview.len());
    }
    if let Some(json) = &report.output {
        text += &format!("\noutput: {}", json.get());
    }
    if report.output_undefined {
        text += "\nundefined";
    }
    text
}

#[tokio::test]
async fn outputs() {
    check(
        "output {\"a\": 1}",
        expect![[r#"
        ok
        output: {"a": 1}"#]],
    )
    .await;
    check(
        "log info x",
        expect![[r#"
        ok
        undefined"#]],
    )
    .await;
    check(
        "big 2MiB",
        expect![[r#"
        ok
        truncated: 2097152 of 1048576 bytes, preview of 1024"#]],
    )
    .await;
}

#[tokio::test]
async fn faults_of_the_script() {
    check("output 1\nsyntax!", expect![[r#"syntax_error: SyntaxError: unexpected "syntax!" at 2:1 "syntax!""#]]).await;
    check(
        "log info x\n  throw TypeError no such thing",
        expect![[r#"runtime_error: TypeError: no such thing at 2:3 "  throw TypeError no such thing""#]],
    )
    .await;
    check(
        "stall",
        expect![[r#"
        runtime_error: NeverSettled: the script awaits a promise that nothing can settle any more
        hint: a promise was created whose resolve function is never called, or a call was awaited that never ends"#]],
    )
    .await;
    check("fail sandbox SandboxViolation eval is not there", expect![[r#"sandbox_violation: SandboxViolation: eval is not there at 1:1 "fail sandbox SandboxViolation eval is not there""#]]).await;
    check(
        "fail rate RateLimitError too many",
        expect![[r#"rate_limited: RateLimitError: too many at 1:1 "fail rate RateLimitError too many""#]],
    )
    .await;
    check("fail host HostError down", expect![[r#"host_error: HostError: down at 1:1 "fail host HostError down""#]])
        .await;
    check(
        "output function",
        expect![[r#"
        output_error: TypeError: the output is a function at 1:1 "output function"
        hint: call the function, or output what it returns"#]],
    )
    .await;
}

#[tokio::test]
async fn limits() {
    check(
        "spin",
        expect![[r#"
        timeout: TimeoutError: the script ran longer than its limit of 30 s
        hint: the script was running: look for a loop that does not end
        killed: WallMs in Script, 30000 of 30000"#]],
    )
    .await;
    check(
        "spin native",
        expect![[r#"
        timeout: TimeoutError: the script ran longer than its limit of 30 s
        hint: the script was inside a builtin function: give it less to work on
        killed: WallMs in Native, 30000 of 30000"#]],
    )
    .await;
    check(
        "compile spin",
        expect![[r#"
        timeout: TimeoutError: compiling the script took longer than its limit of 10 s
        killed: WallMs in Native, 10000 of 10000"#]],
    )
    .await;
    check(
        "alloc 100MiB",
        expect![[r#"
        memory_exceeded: MemoryError: the script asked for 104857600 bytes with 0 of 67108864 in use
        hint: hold less at once: work through the data in parts
        killed: MemoryBytes in Script, 104857600 of 67108864"#]],
    )
    .await;
    check(
        "compile alloc 100MiB",
        expect![[r#"
        memory_exceeded: MemoryError: compiling the script asked for 104857600 bytes with 0 of 67108864 in use
        hint: the source is too large or too deeply nested to be compiled
        killed: MemoryBytes in Script, 104857600 of 67108864"#]],
    )
    .await;
    check(
        "big 80MiB",
        expect![[r#"
        memory_exceeded: MemoryError: the script asked for 83886080 bytes with 0 of 67108864 in use
        hint: output too large: return less, or in parts
        killed: MemoryBytes in Script, 83886080 of 67108864"#]],
    )
    .await;
}

#[tokio::test]
async fn faults_of_host_and_engine() {
    check(
        "panic",
        expect![[r#"
        host_error: HostError: the host lost the execution
        hint: try again
        retryable"#]],
    )
    .await;
    check(
        "compile panic",
        expect![[r#"
        host_error: HostError: the host lost the execution
        hint: try again
        retryable"#]],
    )
    .await;
    check("fault", expect!["engine_fault: EngineFault: the engine failed on this script, and its VM was discarded"])
        .await;
    check(
        "compile fault",
        expect!["engine_fault: EngineFault: the engine failed on this script, and its VM was discarded"],
    )
    .await;
}

#[tokio::test]
async fn slices_end_at_the_deadline_too() {
    for script in ["spin", "compile spin"] {
        let (engine, clock) = spinning_engine(Some(3));
        let executor = builder(&engine).clock(clock).build().expect("it builds");
        let report = executor.execute(execution(script)).await;
        assert_eq!(report.status, Status::Timeout, "{}", told(&report));
        assert_eq!(report.metrics.preemptions > 0, script == "spin");
        check_clean(&executor, &engine).await;
    }
}

#[tokio::test]
async fn what_a_run_used_is_told() {
    let engine = isolet_testkit::FakeEngine::default();
    let executor = executor(&engine);
    let script = "preempt 3; alloc 1MiB; warn careful slowly; output [1]";
    let first = executor.execute(execution(script)).await;
    let second = executor.execute(execution(script)).await;
    assert_eq!([first.metrics.cache, second.metrics.cache], [Some(ProgramOrigin::Miss), Some(ProgramOrigin::Hit)]);
    for report in [first, second] {
        assert!(report.metrics.memory_peak_bytes >= 1 << 20 && report.metrics.vm.is_some());
        assert_eq!((report.metrics.preemptions, report.metrics.output_bytes), (3, 3));
        assert_eq!(report.warnings[0].code, "careful");
    }
    check_clean(&executor, &engine).await;
    assert_eq!(engine.counts().compiles, 1);
}

#[tokio::test]
async fn a_vm_that_is_not_pristine_is_not_used_again() {
    let engine = isolet_testkit::FakeEngine::default();
    let executor = executor(&engine);
    for script in ["remember 1; fault", "remember 1; panic", "remember 1; throw E m", "remember 1"] {
        executor.execute(execution(script)).await;
        let report = executor.execute(execution("output remembered")).await;
        assert_eq!(output(&report), "null", "{script}");
    }
    check_clean(&executor, &engine).await;
    assert_eq!(engine.counts().discards, 0, "VMs after a fault or a panic are not even reset");
}

#[tokio::test]
async fn an_engine_without_reuse_works() {
    let options = isolet_testkit::FakeOptions { reuse: false, ..Default::default() };
    let engine = isolet_testkit::FakeEngine::new(options);
    let executor = executor(&engine);
    for _ in 0..20 {
        assert_eq!(output(&executor.execute(execution("output 1")).await), "1");
    }
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn input_and_context_arrive() {
    let engine = isolet_testkit::FakeEngine::default();
    let executor = executor(&engine);
    let with = |script| {
        let execution = execution(script).input(&[1, 2]).expect("JSON").user(UserId::new("u1").expect("an id"));
        let id = isolet_core_traits::ExecutionId::new("e1").expect("an id");
        execution.context(&serde_json::json!({"plan": "gold", "tenant": "evil"})).expect("an object").id(id)
    };
    assert_eq!(output(&executor.execute(with("output input")).await), "[1,2]");
    let report = executor.execute(with("output context")).await;
    let expected =
        r#"{"tenant":"acme","user":"u1","organization":null,"script":"test.js","execution":"e1","plan":"gold"}"#;
    assert_eq!(output(&report), expected);
    assert_eq!((report.id.as_str(), report.context.script.as_str()), ("e1", "test.js"));
}

#[tokio::test]
async fn each_run_has_its_own_seed() {
    let executor = executor(&isolet_testkit::FakeEngine::default());
    let one = executor.execute(execution("output random")).await;
    let other = executor.execute(execution("output random")).await;
    assert_ne!(output(&one), output(&other));
    assert_ne!(one.id, other.id);
}

#[tokio::test]
async fn a_vm_made_on_demand_is_told() {
    let engine = isolet_testkit::FakeEngine::default();
    let pool = isolet_pool::PoolConfig { vms_initial: 0, ..Default::default() };
    let executor = builder(&engine).pool(pool).limits(Limits::default()).build().expect("it builds");
    let origins = [
        executor.execute(execution("output 1")).await.metrics.vm,
        executor.execute(execution("output 1")).await.metrics.vm,
    ];
    assert_eq!(origins, [Some(VmOrigin::Cold), Some(VmOrigin::Warm)]);
}
