//! Lists and histories, a page at a time.

use isolet_core_traits::{ScriptId, TenantId, Timestamp};
use sqlx::Row;

use super::{SCRIPTS_PAGE_MAX, ScriptStore};
use crate::database::read;
use crate::error::StoreError;

/// A script in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptSummary {
    /// Its name.
    pub script: ScriptId,
    /// Its current revision.
    pub revision: String,
    /// How many changes there have been to it.
    pub version: u64,
    /// When the last one was.
    pub changed: Timestamp,
}

/// A change in a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its number among those of the script, from 1.
    pub version: u64,
    /// What was done.
    pub action: Action,
    /// The revision that was current after it; none if it was deleted.
    pub revision: Option<String>,
    /// When it was.
    pub at: Timestamp,
}

/// What was done to a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It was put.
    Put,
    /// An old revision was made current.
    Rollback,
    /// It was deleted.
    Delete,
}

impl Action {
    /// The name in rows and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Rollback => "rollback",
            Self::Delete => "delete",
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Put, Self::Rollback, Self::Delete].into_iter().find(|action| action.as_str() == name)
    }
}

impl ScriptStore {
    /// The tenant's scripts by name (in the order of its bytes), those after `after`: at most `count_max` of them, and no
    /// more than [`SCRIPTS_PAGE_MAX`].
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn list(
        &self,
        tenant: &TenantId,
        after: Option<&ScriptId>,
        count_max: u32,
    ) -> Result<Vec<ScriptSummary>, StoreError> {
        const SELECT: &str = "SELECT script, revision, version, changed_ms FROM isolet_scripts \
             WHERE tenant = $1 AND script > $2 AND revision IS NOT NULL ORDER BY script LIMIT $3";
        let after = after.map_or("", ScriptId::as_str);
        type Columns = (String, String, i64, i64);
        let rows: Vec<Columns> = self.0.within(async {
            read!(&self.0.database, from => {
                let query = sqlx::query(SELECT).bind(tenant.as_str()).bind(after).bind(i64::from(count_max.min(SCRIPTS_PAGE_MAX)));
                let rows = query.fetch_all(from).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))).collect()
            })
        }).await?;
        let summary = |(script, revision, version, changed_ms): Columns| {
            let script = ScriptId::new(&script).map_err(|error| StoreError::damaged(error.to_string()))?;
            Ok(ScriptSummary { script, revision, version: version.unsigned_abs(), changed: time(changed_ms)? })
        };
        rows.into_iter().map(summary).collect()
    }

    /// The changes to a script, the last one first, those before the version `before`: at most `count_max` of them, and no
    /// more than [`SCRIPTS_PAGE_MAX`].
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn history(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        before: Option<u64>,
        count_max: u32,
    ) -> Result<Vec<Change>, StoreError> {
        const SELECT: &str = "SELECT version, action, revision, at_ms FROM isolet_history \
             WHERE tenant = $1 AND script = $2 AND version < $3 ORDER BY version DESC LIMIT $4";
        let before = before.map_or(i64::MAX, |before| i64::try_from(before).unwrap_or(i64::MAX));
        type Columns = (i64, String, Option<String>, i64);
        let rows: Vec<Columns> = self.0.within(async {
            read!(&self.0.database, from => {
                let query = sqlx::query(SELECT).bind(tenant.as_str()).bind(script.as_str()).bind(before);
                let rows = query.bind(i64::from(count_max.min(SCRIPTS_PAGE_MAX))).fetch_all(from).await?;
                rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?))).collect()
            })
        }).await?;
        let change = |(version, action, revision, at_ms): Columns| {
            let action = Action::named(&action).ok_or_else(|| StoreError::damaged("an unknown action"))?;
            Ok(Change { version: version.unsigned_abs(), action, revision, at: time(at_ms)? })
        };
        rows.into_iter().map(change).collect()
    }
}

fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_unix_ms(ms).ok_or_else(|| StoreError::damaged("a time that cannot be"))
}
