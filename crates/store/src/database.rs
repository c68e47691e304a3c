//! The database: SQLite or Postgres, with the same tables and, but for what is said here, the same statements.

mod lookups;
mod postgres;
mod sqlite;

use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr};

use self::sqlite::Sqlite;
use crate::error::{StoreError, message};
use crate::store::StoreConfig;

/// Where isolet notes which migrations were made: an application may have its own in the same database.
const MIGRATIONS_TABLE: &str = "isolet_migrations";

/// An open database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(Sqlite),
    Postgres(PgPool),
}

/// Runs `$body` with `$executor` for either database.
macro_rules! read {
    ($database:expr, $executor:ident => $body:expr) => {
        match $database {
            $crate::database::Database::Sqlite(sqlite) => {
                let $executor = sqlite.readers();
                $body
            }
            $crate::database::Database::Postgres(pool) => {
                let $executor = pool;
                $body
            }
        }
    };
}

/// Runs `$body`, which gives `Result<Commit<T>, sqlx::Error>`, in a transaction `$transaction` that may write.
macro_rules! write {
    ($database:expr, $transaction:ident => $body:expr) => {
        match $database {
            $crate::database::Database::Sqlite(sqlite) => {
                // Asks for the right to write at once: a transaction that finds out later may not wait for it.
                let mut $transaction = sqlite.writer().begin_with("BEGIN IMMEDIATE").await?;
                let value = $body;
                $transaction.commit().await?;
                value
            }
            $crate::database::Database::Postgres(pool) => {
                let mut $transaction = pool.begin().await?;
                let value = $body;
                $transaction.commit().await?;
                value
            }
        }
    };
}

pub(crate) use {read, write};

impl Database {
    /// Opens the database and brings its tables to the form that this version needs.
    pub(crate) async fn open(location: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let database = match location.split_once("://") {
            Some(("postgres" | "postgresql", _)) => Self::Postgres(postgres::open(location, config).await?),
            Some((scheme, _)) if scheme != "sqlite" => {
                let message = format!("{scheme}:// is unknown: a file, sqlite://FILE or postgres://…");
                return Err(StoreError::Location { message });
            }
            _ => Self::Sqlite(Sqlite::open(location, config).await?),
        };
        Ok(database)
    }

    /// Waits for what is going on, though for no server that is silent, and closes all connections.
    pub(crate) async fn close(&self, wait_max: Duration) {
        match self {
            Self::Sqlite(sqlite) => sqlite.close().await,
            // A request may take that long, and its connection as long again until it is given up. On the connection that
            // listens the driver would wait for ever.
            Self::Postgres(pool) => {
                let _ = tokio::time::timeout(wait_max.saturating_mul(2), pool.close()).await;
            }
        }
    }

    pub(crate) fn postgres(&self) -> Option<&PgPool> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(pool) => Some(pool),
        }
    }
}

/// Bounds the wait for the database.
pub(crate) async fn within<T>(
    wait_max: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(wait_max, work).await {
        Ok(done) => done.map_err(|error| StoreError::unavailable(&error)),
        Err(_) => Err(StoreError::Unavailable { message: format!("no answer within {} ms", wait_max.as_millis()) }),
    }
}

/// What each migration brings. They are never changed, or databases that have them are not opened; and they only add, so
/// that a version before them goes on with the same database.
const MIGRATIONS: [&str; 2] = ["scripts, bytecode, records", "bytecode uses"];

fn migrator(migrations: [&'static str; MIGRATIONS.len()]) -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).zip(migrations).map(|((number, brings), migration)| {
        Migration::new(number, brings.into(), MigrationType::Simple, migration.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.set_ignore_missing(true);
    migrator
}

fn open_error(error: &sqlx::Error) -> StoreError {
    StoreError::Open { message: message(error) }
}
