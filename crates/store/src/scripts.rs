//! Scripts by tenant and name, each with the revisions that it had.
//!
//! ```text
//!  put, rollback, delete ─▶ one transaction ─▶ current.rs, before it returns
//!                             │ change number        ▲ forget what has changed
//!  other processes ───────────┴──▶ watch.rs ─────────┘
//!                                                    ▼
//!  execution of a stored script ──▶ current.rs ─ not there ─▶ one query
//! ```

mod change;
mod current;
mod page;
mod revision;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{ErrorReport, ScriptId, ScriptSource, ScriptSourceError, Source, StoredScript, TenantId};
use sqlx::Row;

pub use self::change::{Expected, Put};
pub use self::page::{Action, Change, ScriptSummary};
pub use self::revision::{ScriptDraft, ScriptRevision};

use self::current::{Current, Entry};
use self::revision::Columns;
use crate::database::{Database, read, within};
use crate::error::StoreError;
use crate::store::StoreConfig;

/// The most entries of one page of a list or a history.
pub const SCRIPTS_PAGE_MAX: u32 = 1_000;

/// Checks that a source compiles: what [`ScriptStore::put`] asks before it stores anything.
#[async_trait]
pub trait SourceCheck: Send + Sync {
    /// Compiles the source at the expense of `tenant`.
    ///
    /// # Errors
    /// What a report would tell: `syntax_error` with the place, or why it could not be compiled.
    async fn check(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>>;
}

/// The scripts of all tenants. Every call names its tenant, and reaches nothing of another one.
///
/// A revision never changes and is named after its content. The current ones are held in memory: an execution reads them
/// there. After a change has returned, this process runs what is new; other processes on the same database within 1 s.
#[derive(Debug, Clone)]
pub struct ScriptStore(Arc<Scripts>);

#[derive(Debug)]
struct Scripts {
    database: Database,
    config: Arc<StoreConfig>,
    current: Current,
}

impl ScriptStore {
    pub(crate) async fn watch(database: Database, config: Arc<StoreConfig>) -> Result<Self, StoreError> {
        let current = Current::new(config.scripts_bytes_max);
        let scripts = Arc::new(Scripts { database, config, current });
        watch::start(&scripts).await?;
        Ok(Self(scripts))
    }

    /// The current revision of a script.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn get(&self, tenant: &TenantId, script: &ScriptId) -> Result<Option<ScriptRevision>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT s.version, s.change, s.changed_ms, r.revision, r.kind, r.text, r.limits, r.permissions, r.policy ",
            "FROM isolet_scripts s JOIN isolet_revisions r ON r.tenant = s.tenant AND r.revision = s.revision ",
            "WHERE s.tenant = $1 AND s.script = $2"
        );
        let columns = self.0.within(async {
            read!(&self.0.database, from => {
                let row = sqlx::query(SELECT).bind(tenant.as_str()).bind(script.as_str()).fetch_optional(from).await?;
                row.map(|row| columns!(row)).transpose()
            })
        });
        columns.await?.map(|columns| columns.revision(tenant, script)).transpose()
    }

    /// A revision that the script has or had.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn revision(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        revision: &str,
    ) -> Result<Option<ScriptRevision>, StoreError> {
        const SELECT: &str = concat!(
            "SELECT h.version, h.change, h.at_ms, r.revision, r.kind, r.text, r.limits, r.permissions, r.policy ",
            "FROM isolet_history h JOIN isolet_revisions r ON r.tenant = h.tenant AND r.revision = h.revision ",
            "WHERE h.tenant = $1 AND h.script = $2 AND h.revision = $3 ORDER BY h.version DESC LIMIT 1"
        );
        let columns = self.0.within(async {
            read!(&self.0.database, from => {
                let query = sqlx::query(SELECT).bind(tenant.as_str()).bind(script.as_str()).bind(revision);
                query.fetch_optional(from).await?.map(|row| columns!(row)).transpose()
            })
        });
        columns.await?.map(|columns| columns.revision(tenant, script)).transpose()
    }
}

impl Scripts {
    async fn within<T>(&self, work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, StoreError> {
        within(self.config.wait_max, work).await
    }

    fn now(&self) -> Duration {
        self.config.clock.now()
    }
}

#[async_trait]
impl ScriptSource for ScriptStore {
    async fn script(&self, tenant: &TenantId, script: &ScriptId) -> Result<Option<StoredScript>, ScriptSourceError> {
        let Scripts { current, config, .. } = &*self.0;
        if let Some(stored) = current.get(tenant, script, self.0.now().saturating_sub(config.stale_max)) {
            return Ok(Some(stored));
        }
        let seen = current.generation();
        match self.get(tenant, script).await {
            Ok(Some(revision)) => {
                let entry = Entry::of(revision);
                let stored = entry.script.clone();
                current.learn(tenant, script, entry, seen);
                Ok(Some(stored))
            }
            Ok(None) => Ok(None),
            Err(error) => {
                tracing::warn!(target: "isolet", %tenant, %script, "a script could not be looked up: {error}");
                let message = match error {
                    StoreError::Damaged { .. } => "it is damaged",
                    _ => "the store does not serve",
                };
                Err(ScriptSourceError { message: message.into() })
            }
        }
    }
}

/// The columns of a row of the statements above, in their order.
macro_rules! columns {
    ($row:expr) => {
        Ok::<Columns, sqlx::Error>(Columns {
            version: $row.try_get(0)?,
            change: $row.try_get(1)?,
            changed_ms: $row.try_get(2)?,
            revision: $row.try_get(3)?,
            kind: $row.try_get(4)?,
            text: $row.try_get(5)?,
            limits: $row.try_get(6)?,
            permissions: $row.try_get(7)?,
            policy: $row.try_get(8)?,
        })
    };
}
use columns;
