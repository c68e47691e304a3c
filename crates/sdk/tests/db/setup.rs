//! An executor whose scripts have a database.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use isolet_core_traits::{DbAccess, Permissions, Report, ScriptId, Source, SourceKind, TenantId};
use isolet_engine_quickjs::QuickJs;
use isolet_executor::{Execution, Executor};
use isolet_limits::{ApiCallRate, LimitOverrides, Limits};
use isolet_sdk::db::Db;

/// Scripts of many tenants over one database.
pub(crate) struct World(Executor<QuickJs>);

impl World {
    pub(crate) fn new(db: Db) -> Self {
        Self::with_access(db, DbAccess::Write)
    }

    pub(crate) fn with_access(db: Db, access: DbAccess) -> Self {
        // Rates and caps are the executor's affair.
        let limits = Limits {
            api_rate: ApiCallRate::per_minute(60_000),
            wall_time: Duration::from_secs(300),
            ..Limits::default()
        };
        let engine = QuickJs::new().expect("the engine works here");
        let permissions = Permissions { db: access, ..Permissions::default() };
        let executor = Executor::builder(engine).host(db).permissions(permissions).limits(limits).build();
        Self(executor.expect("it is put together"))
    }

    /// Runs the body of a function for a tenant.
    pub(crate) async fn report(&self, tenant: &str, body: &str) -> Report {
        self.0.execute(execution(tenant, body)).await
    }

    /// What came of the body of a function: its output as JSON, or the error.
    pub(crate) async fn told(&self, tenant: &str, body: &str) -> String {
        told(&self.report(tenant, body).await)
    }

    /// [`told`](Self::told) for a tenant of no importance.
    pub(crate) async fn run(&self, body: &str) -> String {
        self.told("acme", body).await
    }

    /// What came of the body of a function that may do no more than this.
    pub(crate) async fn with_permissions(&self, tenant: TenantId, body: &str, permissions: Permissions) -> String {
        told(&self.0.execute(execution(tenant.as_str(), body).permissions(permissions)).await)
    }

    /// Runs a body and ends it after a time, whatever it is at.
    pub(crate) async fn kill(&self, tenant: &str, body: &str, after: Duration) -> String {
        let overrides = LimitOverrides { wall_time: Some(after), ..LimitOverrides::default() };
        told(&self.0.execute(execution(tenant, body).limits(overrides)).await)
    }
}

fn execution(tenant: &str, body: &str) -> Execution {
    let source = Source::new("test.js", body, SourceKind::Body).expect("a source");
    let tenant = TenantId::new(tenant).expect("an id");
    // Each its own script: caps by script are not what is tested.
    static SCRIPTS: AtomicU64 = AtomicU64::new(0);
    let script = ScriptId::new(format!("test-{}", SCRIPTS.fetch_add(1, Relaxed))).expect("an id");
    Execution::new(source, tenant).script(script)
}

fn told(report: &Report) -> String {
    match &report.error {
        None => report.output.as_ref().map_or("undefined".into(), |output| output.get().to_owned()),
        Some(error) => format!("{}: {}: {}", report.status, error.name, error.message),
    }
}
