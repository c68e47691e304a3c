//! The service: what scripts see, and a session for each run.

use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::{
    Guard, HostFailure, HostNamespace, HostOperation, HostService, HostSession, LazyScript, RunInfo, SetupScript,
};

use super::backend::{Backend, Who};
use super::session::DbSession;

/// `db` for scripts, over a database of the tenant's own.
///
/// What a run may do with it is its permission [`db`](isolet_core_traits::Permissions::db): nothing, read, or write.
#[derive(Clone)]
pub struct Db(Arc<dyn Backend>);

impl Db {
    pub(super) fn over(backend: impl Backend) -> Self {
        Self(Arc::new(backend))
    }
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Db")
    }
}

#[async_trait]
impl HostService for Db {
    fn namespace(&self) -> HostNamespace {
        let operation = |name: &str, cost: u32, arguments_max: u8| {
            let signature = "never seen by scripts".into();
            HostOperation { name: name.into(), cost, arguments_max, blocking: false, signature }
        };
        // Ending a transaction costs nothing: no budget may keep one open.
        let operations = vec![
            operation("query", 1, 4),
            operation("execute", 1, 4),
            operation("begin", 1, 0),
            operation("commit", 0, 1),
            operation("rollback", 0, 1),
        ];
        HostNamespace { name: "$db".into(), exposed: false, operations }
    }

    fn guard(&self) -> Guard {
        Guard::Service
    }

    fn scripts(&self) -> Vec<LazyScript> {
        let script = SetupScript { name: "db", source: include_str!("db.js") };
        vec![LazyScript { script, globals: &["db"], natives: Vec::new() }]
    }

    fn declarations(&self) -> String {
        include_str!("db.d.ts").to_owned()
    }

    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        let who = Who { tenant: run.tenant.clone(), access: run.grants.db() };
        Ok(Box::new(DbSession::new(self.0.clone(), who)))
    }
}
