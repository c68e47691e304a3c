//! What lies in a store: scripts, compiled programs, records.

mod arguments;
mod records;
mod scripts;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use isolet::store::{RecordStore, RecordsConfig, Store, StoreError};
use isolet::{BytecodeConfig, Isolet, IsoletBuilder, SealKeys};
use tokio::runtime::{Builder, Runtime};

pub(crate) use self::arguments::{RecordsArguments, ScriptsArguments, StoredRun};
pub(crate) use self::records::records;
pub(crate) use self::scripts::scripts;

use crate::Stop;
use crate::scripts::text_of_file;

/// What writing the rest to the store may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// An open store, and the runtime that its connections live on.
pub(crate) struct Session {
    runtime: Runtime,
    store: Store,
    records: Option<Arc<RecordStore>>,
    keys: Option<SealKeys>,
}

impl Session {
    /// The store of a run, if it has one.
    pub(crate) fn of(arguments: &StoredRun) -> Result<Option<Self>, Stop> {
        let Some(location) = &arguments.store else { return Ok(None) };
        let keys = arguments.seal_keys.as_deref().map(keys).transpose().map_err(Stop::Usage)?;
        let session = Self::open(location)?;
        let config = RecordsConfig { durability: arguments.records.into(), ..RecordsConfig::default() };
        let _entered = session.runtime.enter();
        let records = Some(session.store.records(config));
        drop(_entered);
        Ok(Some(Self { records, keys, ..session }))
    }

    fn open(location: &str) -> Result<Self, Stop> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.context("cannot start").map_err(Stop::Machine)?;
        let store = runtime.block_on(Store::open(location)).map_err(stop)?;
        Ok(Self { runtime, store, records: None, keys: None })
    }

    /// Runs with what the store has.
    pub(crate) fn provide(&self, builder: IsoletBuilder) -> IsoletBuilder {
        let builder = builder.runtime(self.runtime.handle().clone());
        let builder = builder.scripts(Arc::new(self.store.scripts().clone()));
        let builder = match &self.records {
            Some(records) => builder.reports(records.clone()),
            None => builder,
        };
        match &self.keys {
            // It is over before others' programs could be there.
            Some(keys) => {
                let config = BytecodeConfig { warm_max: 0, ..BytecodeConfig::default() };
                builder.bytecode(self.store.bytecode(), keys.clone(), config)
            }
            None => builder,
        }
    }

    /// Has everything written that is to be kept.
    pub(crate) fn end(self, isolets: impl IntoIterator<Item = Isolet>) {
        for isolet in isolets {
            isolet.shutdown_blocking(PATIENCE);
        }
        self.runtime.block_on(self.store.close());
        self.runtime.shutdown_timeout(PATIENCE);
    }
}

/// The keys in a file.
fn keys(file: &Path) -> Result<SealKeys> {
    let text = text_of_file(file)?;
    text.parse().map_err(|error| anyhow!("{} does not tell keys: {error}", file.display()))
}

/// Where a store is, is for the caller to know; the rest is the machine's.
fn stop(error: StoreError) -> Stop {
    match error {
        StoreError::Location { .. } | StoreError::Cursor { .. } | StoreError::TooLarge { .. } => {
            Stop::Usage(error.into())
        }
        _ => Stop::Machine(error.into()),
    }
}
