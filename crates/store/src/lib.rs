//! A database for isolet: scripts with revisions, sealed programs and execution records, in SQLite or Postgres.
//!
//! - [`ScriptStore`]: scripts by tenant and name. Revisions never change and are named after their content; a put is checked
//!   first, and refused with the place of a syntax error; optimistic concurrency, history, rollback. Executions read the
//!   current revision from memory, which follows changes of this process at once and of others within 1 s.
//! - [`Bytecode`]: sealed programs behind the cache, so that a restart compiles next to nothing. What it holds is opaque to it
//!   and need not be trusted.
//! - [`RecordStore`]: what the reports told, written in batches beside the executions, with a bound on memory and on age.
//!
//! It does *not* run, compile, seal or open anything, and decides nothing about who may change scripts: its callers do. A
//! tenant reaches nothing of another one, for every call names its tenant and every statement asks for it.
//!
//! ```
//! use isolet_core_traits::{ErrorReport, ScriptId, Source, SourceKind, TenantId};
//! use isolet_store::{Expected, ScriptDraft, SourceCheck, Store};
//!
//! /// An `Isolet` does this for real.
//! struct Unchecked;
//!
//! #[async_trait::async_trait]
//! impl SourceCheck for Unchecked {
//!     async fn check(&self, _: &Source, _: &TenantId) -> Result<(), Box<ErrorReport>> {
//!         Ok(())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let directory = std::env::temp_dir().join(format!("isolet-store-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let file = directory.join("isolet.db");
//! let store = Store::open(file.to_str().ok_or("a name")?).await?;
//! let (tenant, script) = (TenantId::new("acme")?, ScriptId::new("total.js")?);
//!
//! let draft = ScriptDraft::new("input.price * 2", SourceKind::Auto);
//! let first = store.scripts().put(&Unchecked, &tenant, &script, &draft, &Expected::Absent).await?;
//! let draft = ScriptDraft::new("input.price * 3", SourceKind::Auto);
//! let expected = Expected::Revision(first.revision.to_string());
//! store.scripts().put(&Unchecked, &tenant, &script, &draft, &expected).await?;
//! store.scripts().rollback(&tenant, &script, &first.revision, &Expected::Anything).await?;
//!
//! let current = store.scripts().get(&tenant, &script).await?.ok_or("it is there")?;
//! assert_eq!((current.revision, current.version), (first.revision, 3));
//! # store.close().await;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod store;

mod bytecode;
mod records;
mod scripts;

mod database;
mod error;
mod time;

pub use bytecode::{Bytecode, PROGRAM_BYTES_MAX};
pub use error::StoreError;
pub use records::{
    Cursor, Durability, OnFull, Page, RECORDS_PAGE_MAX, Record, RecordQuery, RecordStats, RecordStore, RecordSummary,
    RecordsConfig,
};
pub use scripts::{
    Action, Change, Expected, Put, SCRIPTS_PAGE_MAX, ScriptDraft, ScriptRevision, ScriptStore, ScriptSummary,
    SourceCheck,
};
pub use store::{Store, StoreConfig};
