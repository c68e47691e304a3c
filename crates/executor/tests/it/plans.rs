//! Tenants whose limits differ.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Report, ScriptId, Status};
use isolet_executor::{Execution, Executor};
use isolet_limits::{ApiCallRate, LimitOverrides, Limits, LimitsPolicy, Plans};
use isolet_testkit::FakeEngine;
use isolet_testkit::services::{Echo, Slow};
use tokio::task::JoinSet;

use crate::setup::{builder, check_clean, source, tenant, told, until};

async fn run(executor: &Executor<FakeEngine>, name: &str, text: &str) -> Report {
    executor.execute(Execution::new(source(text), tenant(name))).await
}

#[tokio::test]
async fn each_tenant_has_its_plan() {
    let engine = FakeEngine::default();
    let plans = Arc::new(Plans::new(Limits::default()).expect("valid"));
    let small = Limits { output_bytes: 5, api_rate: ApiCallRate::per_minute(1), ..Limits::default() };
    plans.set_tenant(tenant("small"), small).expect("valid");
    let executor = builder(&engine).limits_policy(plans.clone()).host(Echo);
    let executor = executor.build().expect("it builds");

    let long = "output \"123456789\"";
    assert!(run(&executor, "small", long).await.truncated.output.is_some());
    assert!(run(&executor, "large", long).await.truncated.output.is_none());

    let calls = "call echo.first [1]; call echo.first [2]; output reply";
    assert_eq!(run(&executor, "small", calls).await.status, Status::RateLimited);
    assert!(run(&executor, "large", calls).await.is_ok());

    plans.remove_tenant(&tenant("small"));
    assert!(run(&executor, "small", long).await.truncated.output.is_none(), "from the next one on");
    check_clean(&executor, &engine).await;
}

#[tokio::test]
async fn caps_on_runs_are_the_plans() {
    let (engine, slow) = (FakeEngine::default(), Slow::default());
    let plans = Plans::new(Limits { runs_per_tenant: 2, ..Limits::default() }).expect("valid");
    let many = Limits { runs_per_tenant: 4, ..Limits::default() };
    plans.set_tenant(tenant("many"), many).expect("valid");
    let executor = builder(&engine).limits_policy(Arc::new(plans)).host(slow.clone()).build().expect("it builds");
    let mut reports = JoinSet::new();
    for number in 0..12 {
        let name = if number % 2 == 0 { "many" } else { "few" };
        let script = ScriptId::new(format!("s{number}")).expect("an id");
        let execution = Execution::new(source("call slow.wait [1]; output reply"), tenant(name)).script(script);
        let executor = executor.clone();
        reports.spawn(async move { executor.execute(execution).await });
    }
    slow.wait_until_waiting(6).await;
    until(|| executor.metrics().pool.waiting == 6).await;
    slow.release(12);
    assert!(reports.join_all().await.iter().all(Report::is_ok));
    check_clean(&executor, &engine).await;
}

/// Gives what no check lets pass, and what only an execution may lower.
struct Careless;

impl LimitsPolicy for Careless {
    fn limits(&self, tenant: &isolet_core_traits::TenantId, _: &ScriptId) -> Arc<Limits> {
        let wall_time = if tenant.as_str() == "none" { Duration::ZERO } else { Duration::from_secs(2) };
        Arc::new(Limits { wall_time, ..Limits::default() })
    }
}

#[tokio::test]
async fn what_a_policy_tells_is_checked() {
    let engine = FakeEngine::default();
    let executor = builder(&engine).limits_policy(Arc::new(Careless)).build().expect("it builds");
    let report = run(&executor, "none", "output 1").await;
    assert_eq!(report.status, Status::Rejected, "{}", told(&report));
    assert!(told(&report).contains("wall_time_ms"), "{}", told(&report));
    let prepared = executor.prepare(&source("output 1"), &tenant("none")).await;
    assert_eq!(prepared.map_err(|error| error.kind).err(), Some(Status::Rejected));
    for (asked, is_ok) in [(1, true), (3, false)] {
        let overrides = LimitOverrides { wall_time: Some(Duration::from_secs(asked)), ..LimitOverrides::default() };
        let execution = Execution::new(source("output 1"), tenant("some")).limits(overrides);
        assert_eq!(executor.execute(execution).await.is_ok(), is_ok);
    }
    check_clean(&executor, &engine).await;
}
