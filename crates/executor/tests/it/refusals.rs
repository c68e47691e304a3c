//! What is refused before a VM is touched, with its figures.

use expect_test::{Expect, expect};
use isolet_core_traits::{JsonText, WaitedFor};
use isolet_executor::{Execution, InvalidExecution};
use isolet_limits::{LimitOverrides, Limits};
use isolet_pool::PoolConfig;
use isolet_testkit::FakeEngine;
use isolet_testkit::services::Slow;

use crate::setup::{builder, check_clean, execution, executor, told, until};

async fn check(change: impl FnOnce(Execution) -> Execution, script: &str, expected: Expect) {
    let engine = FakeEngine::default();
    let limits = Limits { source_bytes: 20, input_bytes: 10, context_bytes: 10, ..Limits::default() };
    let executor = builder(&engine).limits(limits).build().expect("it builds");
    let report = executor.execute(change(execution(script))).await;
    expected.assert_eq(&told(&report));
    assert!(!report.error.expect("an error").retryable);
    check_clean(&executor, &engine).await;
    assert_eq!((engine.counts().starts, engine.counts().compiles), (0, 0));
}

#[tokio::test]
async fn sizes() {
    let json = |text: &str| JsonText::parse(text).expect("JSON");
    check(
        |execution| execution,
        "output \"123456789012345\"",
        expect!["rejected: TooLarge: source has 24 bytes, at most 20 are allowed"],
    )
    .await;
    check(
        |execution| execution.input_json(json("[1,2,3,4,5,6]")),
        "output 1",
        expect!["rejected: TooLarge: input has 13 bytes, at most 10 are allowed"],
    )
    .await;
    check(
        |execution| execution.context_json(json("{\"a\":12345678}")).expect("an object"),
        "output 1",
        expect!["rejected: TooLarge: context has 14 bytes, at most 10 are allowed"],
    )
    .await;
}

#[tokio::test]
async fn limits_above_the_executor_s() {
    let overrides = LimitOverrides { memory_bytes: Some(65 << 20), ..LimitOverrides::default() };
    check(|execution| execution.limits(overrides), "output 1", expect!["rejected: InvalidLimits: memory_bytes of 68157440 was asked for, the limit is 67108864 and can only be lowered"]).await;
}

#[tokio::test]
async fn lower_limits_hold() {
    let executor = executor(&FakeEngine::default());
    let overrides = LimitOverrides { memory_bytes: Some(2 << 20), ..LimitOverrides::default() };
    let report = executor.execute(execution("alloc 3MiB").limits(overrides)).await;
    assert_eq!(report.killed.expect("figures").max, 2 << 20);
}

#[tokio::test]
async fn a_full_queue() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let limits = Limits { runs_per_tenant: 1, ..Limits::default() };
    let pool = PoolConfig { vms_initial: 1, queue_max: 1, ..PoolConfig::default() };
    let executor = builder(&engine).limits(limits).pool(pool).host(slow.clone()).build().expect("it builds");
    let run = |script: &'static str| {
        let executor = executor.clone();
        tokio::spawn(async move { executor.execute(execution(script)).await })
    };
    let first = run("call slow.wait [1]");
    slow.wait_until_waiting(1).await;
    let second = run("call slow.wait [1]");
    until(|| executor.metrics().pool.waiting == 1).await;
    // One that waits for its run, and one that waits for its compilation.
    for script in ["call slow.wait [1]", "output 1"] {
        let third = run(script).await.expect("a report");
        assert!(told(&third).starts_with("rejected: QueueFull: "), "{}", told(&third));
        assert!(third.error.expect("an error").retryable);
        assert_eq!((third.queue.waited_for, third.queue.position), (Some(WaitedFor::TenantCap), 1));
    }
    slow.release(2);
    for report in [first, second] {
        assert!(report.await.expect("a report").is_ok());
    }
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn a_drained_executor() {
    let engine = FakeEngine::default();
    let executor = executor(&engine);
    assert!(executor.execute(execution("output 1")).await.is_ok());
    executor.drain().await;
    for script in ["output 1", "output 2"] {
        let report = executor.execute(execution(script)).await;
        assert!(told(&report).starts_with("rejected: Draining: "), "{}", told(&report));
    }
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn no_vm_can_be_made() {
    let engine = FakeEngine::default();
    engine.fail_next_vms(2);
    let pool = PoolConfig { vms_initial: 1, vm_failures_max: 1, ..PoolConfig::default() };
    let executor = builder(&engine).pool(pool).build().expect("it builds");
    until(|| engine.counts().vms_failed == 1).await;
    let report = executor.execute(execution("output 1")).await;
    assert_eq!(told(&report), "host_error: HostError: no memory for a VM: lower the number of VMs or their memory");
    check_clean(&executor, &engine).await;
}

#[test]
fn executions_are_checked_as_they_are_made() {
    let list = execution("output 1").context(&[1]);
    assert_eq!(list.err(), Some(InvalidExecution::ContextNoObject));
    assert!(matches!(
        execution("output 1").input(&std::collections::HashMap::from([((1, 2), 3)])),
        Err(InvalidExecution::Input(_))
    ));
}
