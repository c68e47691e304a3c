//! Postgres: a pool of connections.

use std::io;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, Executor, PgConnection, PgPool};

use super::{migrator, open_error};
use crate::error::{StoreError, message};
use crate::store::StoreConfig;

pub(super) async fn open(location: &str, config: &StoreConfig) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(location);
    let options = options.map_err(|error| StoreError::Location { message: message(&error) })?;
    let wait_max = config.wait_max;
    let wait_ms = wait_max.as_millis().to_string();
    // The server gives up soon after we do, also on those of us who vanish in the middle of something: they hold locks.
    let timeouts = ["statement_timeout", "idle_in_transaction_session_timeout"].map(|name| (name, wait_ms.as_str()));
    let options = options.application_name("isolet").options(timeouts);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections_max.saturating_add(1))
        .acquire_timeout(config.wait_max)
        .after_connect(|connection, _| Box::pin(keep_what_is_committed(connection)))
        .after_release(move |connection, _| Box::pin(answers_within(connection, wait_max)))
        .connect_with(options)
        .await
        .map_err(|error| open_error(&error))?;
    let migrator = migrator([
        include_str!("../../migrations/postgres/1_scripts_bytecode_records.sql"),
        include_str!("../../migrations/postgres/2_bytecode_uses.sql"),
    ]);
    migrator.run(&pool).await.map_err(|error| StoreError::Open { message: error.to_string() })?;
    Ok(pool)
}

/// What is acknowledged is on the disk, also where the server's default is to tell before. A stricter one stays.
async fn keep_what_is_committed(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    const KEEP: &str = "SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') = 'off'";
    connection.execute(KEEP).await.map(drop)
}

/// Gives up a connection on which nothing comes any more: else the pool would wait, its place taken, for as long as the
/// system does, which may be a quarter of an hour.
async fn answers_within(connection: &mut PgConnection, wait_max: Duration) -> Result<bool, sqlx::Error> {
    let answered = tokio::time::timeout(wait_max, connection.ping()).await;
    answered.map_err(|_| sqlx::Error::Io(io::ErrorKind::TimedOut.into()))?.map(|()| true)
}
