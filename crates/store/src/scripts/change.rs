//! Changing scripts: one transaction each.

use std::sync::Arc;

use isolet_core_traits::{ScriptId, Source, StoredScript, TenantId, Timestamp};
use sqlx::Row;

use super::current::Entry;
use super::page::Action;
use super::revision::{Fresh, ScriptDraft, ScriptRevision};
use super::{ScriptStore, SourceCheck};
use crate::database::write;
use crate::error::StoreError;
use crate::time::now_ms;

/// What a caller believes of a script when it changes it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Expected {
    /// Nothing: whatever there is gives way.
    #[default]
    Anything,
    /// There is no such script.
    Absent,
    /// This is its revision.
    Revision(String),
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    /// The revision that is current now.
    pub revision: Arc<str>,
    /// How many changes there have been to the script.
    pub version: u64,
    /// Whether it was another one before.
    pub is_changed: bool,
}

/// What a change makes of a script.
enum Becomes<'a> {
    Draft(&'a ScriptDraft, &'a Fresh),
    /// A revision that it had.
    Revision(&'a str),
    Nothing,
}

/// A script as its row has it: its version and, if it is there, its revision.
type Found = Option<(i64, Option<String>)>;

enum Made {
    Changed { change: i64, version: i64 },
    Unchanged { version: i64 },
    Conflict { found: Option<String> },
    NoSuchRevision,
}

impl Expected {
    fn holds(&self, found: Option<&str>) -> bool {
        match self {
            Self::Anything => true,
            Self::Absent => found.is_none(),
            Self::Revision(revision) => found == Some(revision),
        }
    }
}

impl ScriptStore {
    /// Makes a script, or a new revision of it, if it compiles. The same once more changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Refused`] with the place if it does not compile, [`StoreError::Conflict`] if the script is not what
    /// was expected, [`StoreError::TooLarge`], and those of the database: then it is unknown whether it was stored.
    pub async fn put(
        &self,
        check: &dyn SourceCheck,
        tenant: &TenantId,
        script: &ScriptId,
        draft: &ScriptDraft,
        expected: &Expected,
    ) -> Result<Put, StoreError> {
        let fresh = draft.fresh()?;
        let source = Source::named(script.clone(), draft.text.as_str(), draft.kind);
        check.check(&source, tenant).await.map_err(StoreError::Refused)?;
        self.change(tenant, script, Becomes::Draft(draft, &fresh), expected).await
    }

    /// Makes a revision current again that the script had, also after it was deleted.
    ///
    /// # Errors
    /// [`StoreError::Absent`] if it never had it, [`StoreError::Conflict`], and those of the database.
    pub async fn rollback(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        revision: &str,
        expected: &Expected,
    ) -> Result<Put, StoreError> {
        self.change(tenant, script, Becomes::Revision(revision), expected).await
    }

    /// Deletes a script. Its history stays, and a [`rollback`](Self::rollback) brings it back. Whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Conflict`], and those of the database.
    pub async fn delete(&self, tenant: &TenantId, script: &ScriptId, expected: &Expected) -> Result<bool, StoreError> {
        self.change(tenant, script, Becomes::Nothing, expected).await.map(|put| put.is_changed)
    }

    async fn change(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        becomes: Becomes<'_>,
        expected: &Expected,
    ) -> Result<Put, StoreError> {
        let seen = self.0.current.generation();
        let revision: Arc<str> = match &becomes {
            Becomes::Draft(_, fresh) => fresh.revision.as_str().into(),
            Becomes::Revision(revision) => (*revision).into(),
            Becomes::Nothing => "".into(),
        };
        let (version, is_changed) = match self.0.within(self.make(tenant, script, &becomes, expected)).await? {
            Made::Conflict { found } => return Err(StoreError::Conflict { found }),
            Made::NoSuchRevision => return Err(StoreError::Absent { what: "revision" }),
            Made::Unchanged { version } => (version, false),
            Made::Changed { change, version } => {
                let now = match &becomes {
                    Becomes::Draft(draft, _) => Some(Entry::of(of_draft(draft, script, &revision, version, change))),
                    // Read when it is asked for.
                    Becomes::Revision(_) | Becomes::Nothing => None,
                };
                self.0.current.changed(tenant, script, change, now, seen);
                (version, true)
            }
        };
        Ok(Put { revision, version: version.unsigned_abs(), is_changed })
    }

    async fn make(
        &self,
        tenant: &TenantId,
        script: &ScriptId,
        becomes: &Becomes<'_>,
        expected: &Expected,
    ) -> Result<Made, sqlx::Error> {
        // In this order: whoever has written the number of the change is alone until it commits.
        const NUMBER: &str = "UPDATE isolet_change SET number = number + 1 RETURNING number";
        const FIND: &str = "SELECT version, revision FROM isolet_scripts WHERE tenant = $1 AND script = $2";
        const HAD: &str = "SELECT 1 FROM isolet_history WHERE tenant = $1 AND script = $2 AND revision = $3 LIMIT 1";
        const REVISION: &str = "INSERT INTO isolet_revisions (tenant, revision, kind, text, limits, permissions, policy) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        const HISTORY: &str = "INSERT INTO isolet_history (change, tenant, script, version, action, revision, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        const SCRIPT: &str = "INSERT INTO isolet_scripts (change, tenant, script, version, revision, changed_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, script) DO UPDATE SET change = excluded.change, \
             version = excluded.version, revision = excluded.revision, changed_ms = excluded.changed_ms";
        const NOTIFY: &str = "SELECT pg_notify('isolet_scripts', '')";
        let (tenant, script, at_ms) = (tenant.as_str(), script.as_str(), now_ms());
        let (revision, action) = match becomes {
            Becomes::Draft(_, fresh) => (Some(fresh.revision.as_str()), Action::Put),
            Becomes::Revision(revision) => (Some(*revision), Action::Rollback),
            Becomes::Nothing => (None, Action::Delete),
        };
        let made = write!(&self.0.database, transaction => {
            let change: i64 = sqlx::query_scalar(NUMBER).fetch_one(&mut *transaction).await?;
            let row = sqlx::query(FIND).bind(tenant).bind(script).fetch_optional(&mut *transaction).await?;
            let found: Found = row.map(|row| Ok::<_, sqlx::Error>((row.try_get(0)?, row.try_get(1)?))).transpose()?;
            let (version, found) = found.unwrap_or_default();
            if !expected.holds(found.as_deref()) {
                return Ok(Made::Conflict { found });
            }
            if found.as_deref() == revision {
                return Ok(Made::Unchanged { version });
            }
            match becomes {
                Becomes::Draft(draft, fresh) => {
                    let query = sqlx::query(REVISION).bind(tenant).bind(&fresh.revision).bind(draft.kind.as_str());
                    let query = query.bind(draft.text.as_bytes()).bind(&fresh.limits).bind(&fresh.permissions);
                    query.bind(&draft.policy).execute(&mut *transaction).await?;
                }
                Becomes::Revision(revision) => {
                    let query = sqlx::query(HAD).bind(tenant).bind(script).bind(*revision);
                    if query.fetch_optional(&mut *transaction).await?.is_none() {
                        return Ok(Made::NoSuchRevision);
                    }
                }
                Becomes::Nothing => {}
            }
            let version = version + 1;
            let query = sqlx::query(HISTORY).bind(change).bind(tenant).bind(script).bind(version);
            query.bind(action.as_str()).bind(revision).bind(at_ms).execute(&mut *transaction).await?;
            let query = sqlx::query(SCRIPT).bind(change).bind(tenant).bind(script).bind(version);
            query.bind(revision).bind(at_ms).execute(&mut *transaction).await?;
            if self.0.database.postgres().is_some() {
                sqlx::query(NOTIFY).execute(&mut *transaction).await?;
            }
            Made::Changed { change, version }
        });
        Ok(made)
    }
}

/// What was just written, without reading it back.
fn of_draft(draft: &ScriptDraft, script: &ScriptId, revision: &Arc<str>, version: i64, change: i64) -> ScriptRevision {
    ScriptRevision {
        revision: revision.clone(),
        version: version.unsigned_abs(),
        at: Timestamp::from_unix_ms(now_ms()).expect("the clock tells a time of this age"),
        change,
        script: StoredScript {
            source: Source::named(script.clone(), draft.text.as_str(), draft.kind),
            revision: revision.clone(),
            limits: draft.limits.clone(),
            permissions: draft.permissions.clone().map(Arc::new),
            policy: draft.policy.as_deref().map(Into::into),
        },
    }
}
