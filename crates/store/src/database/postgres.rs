//! Postgres: a pool of connections.

use std::str::FromStr;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::{migrator, open_error};
use crate::error::{StoreError, message};
use crate::store::StoreConfig;

pub(super) async fn open(location: &str, config: &StoreConfig) -> Result<PgPool, StoreError> {
    let options = PgConnectOptions::from_str(location);
    let options = options.map_err(|error| StoreError::Location { message: message(&error) })?;
    let wait_ms = config.wait_max.as_millis().to_string();
    // The server gives up soon after we do.
    let options = options.application_name("isolet").options([("statement_timeout", wait_ms.as_str())]);
    let pool = PgPoolOptions::new()
        .max_connections(config.connections_max.saturating_add(1))
        .acquire_timeout(config.wait_max)
        .connect_with(options)
        .await
        .map_err(|error| open_error(&error))?;
    let migrator = migrator(include_str!("../../migrations/postgres/1_scripts_bytecode_records.sql"));
    migrator.run(&pool).await.map_err(|error| StoreError::Open { message: error.to_string() })?;
    Ok(pool)
}
