//! What scripts may call: permissions of the executor, of the tenant, of the execution.

use std::sync::Arc;

use isolet_core_traits::{Permissions, ScriptId, Status, TenantId};
use isolet_executor::Execution;
use isolet_testkit::FakeEngine;
use isolet_testkit::services::{Counting, Echo};

use crate::setup::{builder, check_clean, execution, output, source, tenant, told};

fn permissions(apis: &[&str]) -> Permissions {
    apis.iter().try_fold(Permissions::default(), |permissions, api| permissions.api(api)).expect("names")
}

#[tokio::test]
async fn what_is_not_permitted_is_not_called() {
    let (engine, counting) = (FakeEngine::default(), Counting::default());
    let executor =
        isolet_executor::Executor::builder(engine.clone()).host(counting.clone()).build().expect("it builds");
    let report = executor.execute(execution("call counting.next; output reply")).await;
    assert_eq!(
        told(&report),
        "sandbox_violation: PermissionError: this script may not call counting.next: \
         to permit it, add \"counting\" or \"counting.next\" to its permissions' \"apis\""
    );
    let caught = executor.execute(execution("try call counting.next; output reply")).await;
    assert!(output(&caught).contains("ERR_PERMISSION"), "{}", output(&caught));
    let metrics = executor.metrics();
    assert_eq!(metrics.violators[0].violations, 2, "caught or not");
    assert_eq!(counting.calls(), 0);
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn tenants_and_scripts_have_permissions_of_their_own() {
    let engine = FakeEngine::default();
    let policy = |tenant: &TenantId, script: &ScriptId| {
        Arc::new(match (tenant.as_str(), script.as_str()) {
            ("acme", "test.js") => permissions(&["echo.first"]),
            ("acme", _) => permissions(&["*"]),
            _ => permissions(&[]),
        })
    };
    let executor = builder(&engine).permissions_policy(policy).host(Echo).build().expect("it builds");
    let call = |name: &str| Execution::new(source("call echo.first [1]; output reply"), tenant(name));
    assert_eq!(output(&executor.execute(call("acme")).await), "1");
    assert_eq!(executor.execute(call("other")).await.status, Status::SandboxViolation);
    let other = ScriptId::new("other.js").expect("an id");
    for (execution, expected) in [
        (call("acme").permissions(permissions(&["echo"])), Status::Ok),
        (call("acme").permissions(permissions(&[])), Status::SandboxViolation),
        (call("other").permissions(Permissions::all()), Status::SandboxViolation),
        (call("acme").script(other), Status::Ok),
    ] {
        assert_eq!(executor.execute(execution).await.status, expected);
    }
    check_clean(&executor, &engine).await;
}
