//! One statement on a connection.

use std::pin::pin;

use futures_util::TryStreamExt;
use isolet_core_traits::{HostFailure, Payload};
use tokio::time::timeout;
use tokio_postgres::types::Type;

use super::super::failure;
use super::super::limits::DbLimits;
use super::super::rows::{Rows, changes};
use super::super::statement::{Statement, Wanted};
use super::connection::Connection;
use super::decode;
use super::encode::Bound;

/// How a statement ended that the server is not done with.
enum Ended {
    /// The server is done with it.
    Failed(HostFailure),
    /// It would go on.
    Stopped(HostFailure),
}

/// Runs a statement of a script. If it is stopped before its end, the connection is good for nothing more.
pub(super) async fn run(
    connection: &Connection,
    statement: &Statement,
    limits: &DbLimits,
) -> Result<Payload, HostFailure> {
    let mut stopped = failure::timeout(limits.statement_timeout);
    let work = async {
        match timeout(limits.statement_timeout, step(connection, statement, limits)).await {
            Ok(Ok(reply)) => Some(Ok(reply)),
            Ok(Err(Ended::Failed(failure))) => Some(Err(failure)),
            Ok(Err(Ended::Stopped(failure))) => {
                stopped = failure;
                None
            }
            Err(_) => None,
        }
    };
    let done = connection.at_work(work).await;
    done.unwrap_or(Err(stopped))
}

async fn step(connection: &Connection, statement: &Statement, limits: &DbLimits) -> Result<Payload, Ended> {
    let failed = |error: tokio_postgres::Error| Ended::Failed(connection.failure(&error));
    let prepared = connection.client.prepare(&statement.sql).await.map_err(failed)?;
    let (wanted, given) = (prepared.params().len(), statement.parameters.len());
    if wanted != given {
        let message = format!("the SQL has placeholders up to {wanted}, and {given} parameters are given");
        return Err(Ended::Failed(failure::sql(message)));
    }
    let parameters = statement.parameters.iter().enumerate().map(|(at, parameter)| Bound(at + 1, parameter));
    let found = connection.client.query_raw(&prepared, parameters).await.map_err(failed)?;
    let columns: Vec<(String, Type)> =
        prepared.columns().iter().map(|column| (column.name().to_owned(), column.type_().clone())).collect();
    let mut rows = Rows::new(columns.iter().map(|(name, _)| name.as_str()), statement.integers, limits);
    let mut found = pin!(found);
    while let Some(row) = found.try_next().await.map_err(failed)? {
        if statement.wanted == Wanted::Rows {
            rows.begin().map_err(Ended::Stopped)?;
            for (at, (name, ty)) in columns.iter().enumerate() {
                let raw = row.try_get(at).map_err(failed)?;
                decode::add(&mut rows, name, ty, raw).map_err(Ended::Stopped)?;
            }
            rows.end();
        }
    }
    Ok(match statement.wanted {
        Wanted::Rows => rows.finish(),
        Wanted::Changes => {
            let is_query = !columns.is_empty() && !changes_rows(&statement.sql);
            let affected = if is_query { 0 } else { found.rows_affected().unwrap_or(0) };
            changes(affected, None, statement.integers)
        }
    })
}

/// Whether a statement that gives rows changes some: the server counts both alike.
fn changes_rows(sql: &str) -> bool {
    let upper = sql.to_ascii_uppercase();
    upper.contains("RETURNING")
}
