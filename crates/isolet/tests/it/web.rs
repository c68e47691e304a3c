//! The web APIs: the rows of the sandbox, run for real. The same rows are compared with Node by the command line's tests.

use std::sync::Arc;

use async_trait::async_trait;
use isolet::{
    Execution, HostFailure, HostFailureKind, HostNamespace, HostOperation, HostService, HostSession, Isolet, Payload,
    Report, RunInfo, Source, SourceKind,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::setup::{builder, isolet, tenant, told};

const ROWS: &str = include_str!("../../../sandbox/tests/web.json");
const INTL_ROWS: &str = include_str!("../../../sandbox/tests/intl.json");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn web_apis_do_what_their_rows_say() {
    let count = check(ROWS).await;
    assert!(count >= 280, "{count} rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intl_does_what_its_rows_say() {
    let count = check(INTL_ROWS).await;
    assert!(count >= 200, "{count} rows");
}

/// Runs all rows, and says how many there are.
async fn check(rows: &str) -> usize {
    let rows: Value = serde_json::from_str(rows).expect("JSON");
    let isolet = Arc::new(isolet());
    let (mut runs, mut wrong, mut count) = (JoinSet::new(), Vec::new(), 0);
    for (api, rows) in rows["rows"].as_object().expect("APIs") {
        for row in rows.as_array().expect("rows") {
            let (isolet, api, row) = (isolet.clone(), api.clone(), row.clone());
            runs.spawn(async move {
                let script = row[0].as_str().expect("a script");
                let (report, got) = run(&isolet, script, &api).await;
                (got != row[1]).then(|| format!("{api}: {script}\nexpected {}\ngot {got}, {}", row[1], told(&report)))
            });
            count += 1;
        }
    }
    while let Some(row) = runs.join_next().await {
        wrong.extend(row.expect("no panic"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    count
}

/// A service under a name that the web has, too.
struct Performance;

#[async_trait]
impl HostService for Performance {
    fn namespace(&self) -> HostNamespace {
        let operations = vec![HostOperation::new("review")];
        HostNamespace { name: "performance".into(), exposed: true, operations }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Performance {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        Payload::from_value("good").map_err(|_| HostFailure::new(HostFailureKind::Failed, "HostError", "no JSON"))
    }
}

#[tokio::test]
async fn what_the_host_offers_comes_first() {
    let isolet = builder().host(Performance).build().expect("it builds");
    let script = "return [await performance.review(), typeof performance.now, navigator.userAgent, typeof Performance]";
    let (_, got) = run(&isolet, script, "acme").await;
    assert_eq!(got, json!(["good", "undefined", "isolet", "function"]));
}

/// What a function's body returns, or the name of what it throws.
async fn run(isolet: &Isolet, body: &str, tenant_name: &str) -> (Report, Value) {
    let source = Source::new("row.js", body, SourceKind::Body).expect("a name");
    let report = isolet.execute(Execution::new(source, tenant(tenant_name))).await;
    let got = match &report.error {
        Some(error) => json!({ "throws": error.name }),
        None => report.output.as_ref().map_or(Value::Null, |json| serde_json::from_str(json.get()).expect("JSON")),
    };
    (report, got)
}
