//! SQLite: one file in WAL mode, one connection that writes, several that read, and some for lookups by key.

use std::path::Path;
use std::time::{Duration, Instant};

use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, SqliteConnection, SqlitePool};

use super::lookups::Lookups;
use super::{migrator, open_error};
use crate::error::StoreError;
use crate::store::StoreConfig;

/// Readers of a WAL wait for nobody; more of them would only read the same pages.
const READERS: u32 = 4;

/// Processes that open a new file at the same time make its tables at the same time: all but one try again.
const MIGRATIONS_MAX: u32 = 10;

/// After so long what failed while others opened the file is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// Bytes of a page, as SQLite has it by default.
const PAGE_BYTES: u64 = 4096;

#[derive(Debug, Clone)]
pub(crate) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    lookups: Lookups,
}

impl Sqlite {
    pub(super) async fn open(location: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let file = location.strip_prefix("sqlite:").unwrap_or(location);
        let file = file.strip_prefix("//").unwrap_or(file);
        if file.is_empty() || file.starts_with(":memory:") {
            return Err(StoreError::Location { message: "a store in SQLite is a file: give it a name".into() });
        }
        let options = SqliteConnectOptions::new()
            .filename(Path::new(file))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // A commit is on the disk when it is told.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(config.wait_max)
            .pragma("max_page_count", (config.bytes_max / PAGE_BYTES).clamp(64, 1 << 31).to_string());
        let pool = |connections| {
            let pool = SqlitePoolOptions::new().max_connections(connections);
            let pool = pool.acquire_timeout(config.wait_max).test_before_acquire(false);
            pool.after_release(|connection, _| Box::pin(has_no_transaction(connection)))
        };
        let patience = Instant::now() + config.wait_max;
        let writer = opened(patience, || pool(1).connect_with(options.clone())).await?;
        migrate(&writer).await?;
        let options = options.read_only(true).create_if_missing(false);
        let readers = opened(patience, || pool(READERS).connect_with(options.clone())).await?;
        Ok(Self { writer, readers, lookups: Lookups::new(options) })
    }

    pub(crate) fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn lookups(&self) -> &Lookups {
        &self.lookups
    }

    pub(super) async fn close(&self) {
        self.lookups.close().await;
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// Tries again while others are at what nobody may wait for: making the file one with a WAL, or giving that up.
async fn opened<F>(patience: Instant, connect: impl Fn() -> F) -> Result<SqlitePool, StoreError>
where
    F: Future<Output = Result<SqlitePool, sqlx::Error>>,
{
    loop {
        match connect().await {
            Err(error) if is_busy(&error) && Instant::now() < patience => tokio::time::sleep(AGAIN).await,
            opened => return opened.map_err(|error| open_error(&error)),
        }
    }
}

fn is_busy(error: &sqlx::Error) -> bool {
    /// SQLite's code for it. Extended ones have it in their lowest byte.
    const BUSY: i32 = 5;
    let code = error.as_database_error().and_then(|error| error.code()?.parse().ok());
    code.is_some_and(|code: i32| code & 0xff == BUSY)
}

/// Whether a connection may be used again. After some errors, a full disk among them, SQLite rolls back by itself; the driver
/// cannot do so once more then, and such a connection would begin no other transaction.
async fn has_no_transaction(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    // What was dropped is rolled back by the connection's thread: not before that has answered.
    connection.ping().await?;
    Ok(!connection.is_in_transaction())
}

async fn migrate(writer: &SqlitePool) -> Result<(), StoreError> {
    let migrator = migrator([
        include_str!("../../migrations/sqlite/1_scripts_bytecode_records.sql"),
        include_str!("../../migrations/sqlite/2_bytecode_uses.sql"),
    ]);
    let mut attempt = 0;
    loop {
        attempt += 1;
        match migrator.run(writer).await {
            Ok(()) => return Ok(()),
            Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..)) if attempt < MIGRATIONS_MAX => {
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(StoreError::Open { message: error.to_string() }),
        }
    }
}
