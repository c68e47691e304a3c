//! Scripts by name, compiled programs beyond the process, and execution records, in SQLite or Postgres.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use isolet::store::{Expected, RecordQuery, RecordsConfig, ScriptDraft, Store};
//! use isolet::{BytecodeConfig, Execution, Isolet, ScriptId, SealKey, SealKeys, SourceKind, TenantId};
//!
//! # tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?.block_on(async {
//! # let directory = std::env::temp_dir().join(format!("isolet-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&directory)?;
//! # let file = directory.join("isolet.db");
//! let store = Store::open(file.to_str().ok_or("a name")?).await?; // or postgres://…
//! let records = store.records(RecordsConfig::default());
//! let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] }; // from your secrets
//! let isolet = Isolet::builder()
//!     .scripts(Arc::new(store.scripts().clone()))
//!     .bytecode(store.bytecode(), keys, BytecodeConfig::default())
//!     .reports(records.clone())
//!     .build()?;
//!
//! let (tenant, script) = (TenantId::new("acme")?, ScriptId::new("double.js")?);
//! let draft = ScriptDraft::new("input * 2", SourceKind::Auto);
//! let put = store.scripts().put(&isolet, &tenant, &script, &draft, &Expected::Anything).await?;
//!
//! let report = isolet.execute(Execution::stored(script, tenant.clone()).input(&21)?).await;
//! assert_eq!(report.output_as::<u32>()?, 42);
//! assert_eq!(report.context.revision.as_deref(), Some(&*put.revision));
//!
//! isolet.shutdown(Duration::from_secs(10)).await;
//! assert_eq!(records.page(&tenant, &RecordQuery::default()).await?.records.len(), 1);
//! # store.close().await;
//! # std::fs::remove_dir_all(&directory)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use async_trait::async_trait;
use isolet_core_traits::{ErrorReport, Source, TenantId};

pub use isolet_store::*;

use crate::Isolet;

#[async_trait]
impl SourceCheck for Isolet {
    async fn check(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>> {
        Isolet::check(self, source, tenant).await
    }
}
