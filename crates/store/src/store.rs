//! A store as its users see it: one database with three parts.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Clock, MonotonicClock};

use crate::bytecode::Bytecode;
use crate::database::Database;
use crate::error::StoreError;
use crate::records::{RecordStore, RecordsConfig};
use crate::scripts::ScriptStore;

/// Figures of a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The longest that one request waits for the database, locks of others included. 5 s by default.
    pub wait_max: Duration,
    /// The most connections to Postgres, besides one that listens. 8 by default.
    pub connections_max: u32,
    /// The most bytes of a file of SQLite. 16 GiB by default. Does not count the WAL beside it.
    pub bytes_max: u64,
    /// How often it is looked for changes that other processes made to scripts. 250 ms by default. Postgres tells of them
    /// besides.
    pub poll_every: Duration,
    /// The most bytes of current scripts that are held in memory. 64 MiB by default.
    pub scripts_bytes_max: usize,
    /// For how long scripts are served from memory while the database does not tell whether they have changed. 5 min by
    /// default; then executions of stored scripts are rejected.
    pub stale_max: Duration,
    /// The most compiled programs that are kept; the oldest go. 100,000 by default.
    pub programs_max: u64,
    /// For how long a compiled program is kept. 30 days by default.
    pub programs_kept_for: Duration,
    /// The clock by which staleness is measured. For tests.
    pub clock: Arc<dyn Clock>,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            wait_max: Duration::from_secs(5),
            connections_max: 8,
            bytes_max: 16 << 30,
            poll_every: Duration::from_millis(250),
            scripts_bytes_max: 64 << 20,
            stale_max: Duration::from_secs(300),
            programs_max: 100_000,
            programs_kept_for: Duration::from_secs(30 * 86_400),
            clock: Arc::new(MonotonicClock::new()),
        }
    }
}

/// An open database of scripts, compiled programs and execution records. A cheap handle: clone it freely.
///
/// It belongs to the runtime on which it was opened.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
    config: Arc<StoreConfig>,
    scripts: ScriptStore,
}

impl Store {
    /// Opens a store, and makes it if there is none: a file of SQLite (`FILE` or `sqlite://FILE`) or a database of Postgres
    /// (`postgres://…`). Its tables are those whose names begin with `isolet_`.
    ///
    /// # Errors
    /// [`StoreError::Location`] and [`StoreError::Open`].
    pub async fn open(location: &str) -> Result<Self, StoreError> {
        Self::open_with(location, StoreConfig::default()).await
    }

    /// The same, with figures other than the default ones.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub async fn open_with(location: &str, config: StoreConfig) -> Result<Self, StoreError> {
        let database = Database::open(location, &config).await?;
        let config = Arc::new(config);
        let scripts = ScriptStore::watch(database.clone(), config.clone()).await?;
        Ok(Self { database, config, scripts })
    }

    /// The scripts, by tenant and name: for [`ScriptSource`](isolet_core_traits::ScriptSource), too.
    pub fn scripts(&self) -> &ScriptStore {
        &self.scripts
    }

    /// The sealed programs.
    pub fn bytecode(&self) -> Arc<Bytecode> {
        Arc::new(Bytecode::new(self.database.clone(), self.config.clone()))
    }

    /// The execution records, with a writer of their own. Make them once for each executor.
    pub fn records(&self, config: RecordsConfig) -> Arc<RecordStore> {
        Arc::new(RecordStore::start(self.database.clone(), self.config.wait_max, config))
    }

    /// Closes all connections once they have done what they are at. Flush records before. For a Postgres that does not
    /// answer it waits up to twice [`wait_max`](StoreConfig::wait_max).
    pub async fn close(&self) {
        self.database.close(self.config.wait_max).await;
    }
}
