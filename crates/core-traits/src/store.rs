//! The seams to a store: where scripts by name come from, and where reports go.
//!
//! The executor knows no database. It asks a [`ScriptSource`] for the script of an execution that names one, and gives
//! every report to a [`ReportSink`].

use std::sync::Arc;

use async_trait::async_trait;

use crate::ids::{ScriptId, TenantId};
use crate::json::JsonText;
use crate::limits::LimitOverrides;
use crate::permissions::Permissions;
use crate::report::Report;
use crate::source::Source;

/// A script as it is stored: one revision of it, which never changes.
#[derive(Debug, Clone)]
pub struct StoredScript {
    /// Its text. Its name is the script's.
    pub source: Source,
    /// Which revision: told in the report.
    pub revision: Arc<str>,
    /// Limits below those of its tenant's plan.
    pub limits: LimitOverrides,
    /// What it may use, out of what its tenant's scripts may. `None`: all of that.
    pub permissions: Option<Arc<Permissions>>,
    /// The name of the policy that it was written for. An executor of another policy refuses it.
    pub policy: Option<Arc<str>>,
}

/// Tells the current revision of a tenant's script.
///
/// It is asked once for each execution that names a script, on the executor's runtime. What it tells should lie in memory:
/// the execution waits for it.
#[async_trait]
pub trait ScriptSource: Send + Sync + 'static {
    /// The script `script` of `tenant`, and of no other tenant. `None`: there is none.
    ///
    /// # Errors
    /// [`ScriptSourceError`]: the execution is rejected, and may be tried again.
    async fn script(&self, tenant: &TenantId, script: &ScriptId) -> Result<Option<StoredScript>, ScriptSourceError>;
}

/// Why a script could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the script could not be looked up: {message}")]
pub struct ScriptSourceError {
    /// Why, without anything of the host's inside: reports tell it.
    pub message: String,
}

/// Takes every report.
///
/// It is called on the executor's runtime before the caller gets the report, which waits for it up to 10 s: an
/// implementation that promises to have written a report returns when it has, others at once.
#[async_trait]
pub trait ReportSink: Send + Sync + 'static {
    /// Whether [`record`](Self::record) never blocks and takes no more than a few microseconds until it waits or returns:
    /// then it may be called on any thread, which spares the execution another one.
    fn is_instant(&self) -> bool {
        false
    }

    /// Takes the report of an execution that had this input. It has no way to fail: what cannot be kept is counted.
    async fn record(&self, report: &Report, input: &JsonText);

    /// Everything that was taken is written when it returns. Called when the executor has drained.
    async fn flush(&self);
}
