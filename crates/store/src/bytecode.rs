//! Sealed programs: rows of opaque bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use isolet_cache::{BytecodeStore, BytecodeStoreError, ProgramKey, ProgramTarget, StoredProgram};
use isolet_core_traits::{SealedProgram, SourceHash};
use sqlx::Row;

use crate::database::{Database, read, within, write};
use crate::error::StoreError;
use crate::store::StoreConfig;
use crate::time::now_ms;

/// The largest program that is kept, sealed, in bytes.
pub const PROGRAM_BYTES_MAX: usize = 32 << 20;

/// Old programs are looked for at the first save, and again after so many.
const PRUNE_EVERY: u64 = 1_000;

const PRUNED_AT_ONCE: i64 = 500;

/// The compiled programs of a [`Store`](crate::Store). What is in them is the engine's affair.
#[derive(Debug)]
pub struct Bytecode {
    database: Database,
    config: Arc<StoreConfig>,
    saves: AtomicU64,
}

impl Bytecode {
    pub(crate) fn new(database: Database, config: Arc<StoreConfig>) -> Self {
        Self { database, config, saves: AtomicU64::new(0) }
    }

    async fn row(&self, key: &ProgramKey) -> Result<Option<StoredProgram>, sqlx::Error> {
        const SELECT: &str = "SELECT sealed, compile_us FROM isolet_bytecode WHERE key = $1";
        let key = &key.hash().0[..];
        match &self.database {
            Database::Sqlite(sqlite) => {
                let row = sqlite.lookups().first(sqlx::query(SELECT).bind(key)).await?;
                row.map(|row| Ok(program(row.try_get(0)?, row.try_get(1)?))).transpose()
            }
            Database::Postgres(pool) => {
                let row = sqlx::query(SELECT).bind(key).fetch_optional(pool).await?;
                row.map(|row| Ok(program(row.try_get(0)?, row.try_get(1)?))).transpose()
            }
        }
    }

    async fn put(&self, key: &ProgramKey, program: &StoredProgram) -> Result<(), sqlx::Error> {
        const UPSERT: &str = "INSERT INTO isolet_bytecode (key, sealed, compile_us, saved_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed, compile_us = excluded.compile_us, \
             saved_ms = excluded.saved_ms";
        let compile_us = i64::try_from(program.compile_time.as_micros()).unwrap_or(i64::MAX);
        write!(&self.database, transaction => {
            let query = sqlx::query(UPSERT).bind(&key.hash().0[..]).bind(&program.sealed.0[..]);
            query.bind(compile_us).bind(now_ms()).execute(&mut *transaction).await?;
        });
        Ok(())
    }

    /// One statement, and a short one: it holds the right to write. Keys in one order, so that two processes that note
    /// the same ones do not wait for each other.
    async fn note(&self, target: &ProgramTarget, keys: &[ProgramKey]) -> Result<(), sqlx::Error> {
        const NOTE: &str = "WITH RECURSIVE places (place) AS \
             (SELECT 0 UNION ALL SELECT place + 1 FROM places WHERE place + 1 < $1) \
             INSERT INTO isolet_bytecode_uses (key, target, noted_ms, place) \
             SELECT key, $2, $3, place FROM places JOIN isolet_bytecode ON key = substr($4, place * 32 + 1, 32) \
             WHERE true ORDER BY key \
             ON CONFLICT (key) DO UPDATE SET noted_ms = excluded.noted_ms, place = excluded.place";
        let (count, joined) = joined(keys);
        write!(&self.database, transaction => {
            let query = sqlx::query(NOTE).bind(count).bind(&target.as_bytes()[..]).bind(now_ms()).bind(&joined);
            query.execute(&mut *transaction).await?;
        });
        Ok(())
    }

    async fn noted(&self, target: &ProgramTarget, max: usize) -> Result<Vec<ProgramKey>, sqlx::Error> {
        const NOTED: &str = "SELECT key FROM isolet_bytecode_uses WHERE target = $1 \
             ORDER BY noted_ms DESC, place LIMIT $2";
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        let keys: Vec<Vec<u8>> = read!(&self.database, from => {
            sqlx::query_scalar(NOTED).bind(&target.as_bytes()[..]).bind(max).fetch_all(from).await?
        });
        Ok(keys.into_iter().filter_map(key).collect())
    }

    async fn rows(
        &self,
        keys: &[ProgramKey],
        bytes_max: usize,
    ) -> Result<Vec<(ProgramKey, StoredProgram)>, sqlx::Error> {
        const SELECT: &str = "WITH RECURSIVE places (place) AS \
             (SELECT 0 UNION ALL SELECT place + 1 FROM places WHERE place + 1 < $1) \
             SELECT key, sealed, compile_us FROM places JOIN isolet_bytecode ON key = substr($2, place * 32 + 1, 32) \
             WHERE length(sealed) <= $3";
        let (count, joined) = joined(keys);
        let bytes_max = i64::try_from(bytes_max).unwrap_or(i64::MAX);
        let rows: Vec<(Vec<u8>, Vec<u8>, i64)> = read!(&self.database, from => {
            sqlx::query_as(SELECT).bind(count).bind(&joined).bind(bytes_max).fetch_all(from).await?
        });
        let rows =
            rows.into_iter().filter_map(|(name, sealed, compile_us)| Some((key(name)?, program(sealed, compile_us))));
        Ok(rows.collect())
    }

    /// Gives up what is too old or too much, a batch at a time.
    async fn prune(&self) -> Result<(), sqlx::Error> {
        const OLD: &str = "DELETE FROM isolet_bytecode WHERE key IN \
             (SELECT key FROM isolet_bytecode WHERE saved_ms < $1 ORDER BY saved_ms LIMIT $2)";
        const SURPLUS: &str = "SELECT saved_ms FROM isolet_bytecode ORDER BY saved_ms DESC LIMIT 1 OFFSET $1";
        let kept_ms = i64::try_from(self.config.programs_kept_for.as_millis()).unwrap_or(i64::MAX);
        let programs_max = i64::try_from(self.config.programs_max).unwrap_or(i64::MAX);
        let surplus: Option<i64> = read!(&self.database, from => {
            sqlx::query_scalar(SURPLUS).bind(programs_max).fetch_optional(from).await?
        });
        let before = now_ms().saturating_sub(kept_ms).max(surplus.map_or(i64::MIN, |ms| ms.saturating_add(1)));
        loop {
            let gone = write!(&self.database, transaction => {
                sqlx::query(OLD).bind(before).bind(PRUNED_AT_ONCE).execute(&mut *transaction).await?.rows_affected()
            });
            if gone < PRUNED_AT_ONCE.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

fn program(sealed: Vec<u8>, compile_us: i64) -> StoredProgram {
    let compile_time = Duration::from_micros(u64::try_from(compile_us).unwrap_or(0));
    StoredProgram { sealed: SealedProgram(sealed), compile_time }
}

/// How many keys there are, and all of them as one value: both databases can take it apart.
fn joined(keys: &[ProgramKey]) -> (i64, Vec<u8>) {
    (i64::try_from(keys.len()).unwrap_or(i64::MAX), keys.iter().flat_map(|key| key.hash().0).collect())
}

/// The key in a row, if it is one.
fn key(name: Vec<u8>) -> Option<ProgramKey> {
    name.try_into().ok().map(|hash| ProgramKey::from_hash(SourceHash(hash)))
}

#[async_trait]
impl BytecodeStore for Bytecode {
    async fn load(&self, key: &ProgramKey) -> Result<Option<StoredProgram>, BytecodeStoreError> {
        within(self.config.wait_max, self.row(key)).await.map_err(failed)
    }

    async fn save(&self, key: &ProgramKey, program: &StoredProgram) -> Result<(), BytecodeStoreError> {
        if program.sealed.0.len() > PROGRAM_BYTES_MAX {
            return Ok(());
        }
        within(self.config.wait_max, self.put(key, program)).await.map_err(failed)?;
        if self.saves.fetch_add(1, Relaxed).is_multiple_of(PRUNE_EVERY) {
            within(self.config.wait_max, self.prune()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn note_used(&self, target: &ProgramTarget, keys: &[ProgramKey]) -> Result<(), BytecodeStoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        within(self.config.wait_max, self.note(target, keys)).await.map_err(failed)
    }

    async fn used_last(&self, target: &ProgramTarget, max: usize) -> Result<Vec<ProgramKey>, BytecodeStoreError> {
        within(self.config.wait_max, self.noted(target, max)).await.map_err(failed)
    }

    async fn load_all(
        &self,
        keys: &[ProgramKey],
        bytes_max: usize,
    ) -> Result<Vec<(ProgramKey, StoredProgram)>, BytecodeStoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        within(self.config.wait_max, self.rows(keys, bytes_max)).await.map_err(failed)
    }
}

fn failed(error: StoreError) -> BytecodeStoreError {
    BytecodeStoreError { message: error.to_string() }
}
