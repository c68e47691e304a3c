//! The one task that writes records: many in one transaction.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use sqlx::QueryBuilder;
use tokio::time::{sleep, timeout};

use super::queue::Queue;
use super::row::Row;
use super::{Durability, RecordsConfig};
use crate::database::{Database, write as in_transaction};
use crate::error::message;

/// Rows of one statement: each has nine values, and SQLite takes 32,766 of these.
const STATEMENT_ROWS: usize = 250;

/// The longest that one transaction may take.
const BATCH_TIME: Duration = Duration::from_secs(30);

/// How long it rests after a failure: the first time, and at most.
const REST: Duration = Duration::from_millis(50);
const REST_MAX: Duration = Duration::from_secs(2);

/// A closed queue is given up after so many failures in a row.
const LAST_ATTEMPTS: u32 = 5;

/// Writes what comes until the queue is closed and empty.
pub(super) async fn write(database: Database, config: RecordsConfig, queue: Arc<Queue>) {
    while queue.has_work().await {
        if config.durability == Durability::Batched {
            let _ = timeout(config.batch_wait, queue.is_urgent()).await;
        }
        let rows = queue.batch();
        if !write_at_last(&database, &queue, &rows).await {
            return;
        }
        queue.written(&rows);
    }
}

/// Writes a batch, as often as it takes. False if it was given up.
async fn write_at_last(database: &Database, queue: &Queue, rows: &[Row]) -> bool {
    let mut attempts = 0;
    loop {
        let failure = match timeout(BATCH_TIME, insert(database, rows, attempts > 0)).await {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => message(&error),
            Err(_) => "it took too long".to_owned(),
        };
        if attempts == 0 {
            tracing::warn!(target: "isolet", records = rows.len(), "records could not be written: {failure}");
        }
        queue.count_failure();
        attempts += 1;
        if queue.is_closed() && attempts >= LAST_ATTEMPTS {
            return false;
        }
        sleep(REST.saturating_mul(1 << attempts.min(10)).min(REST_MAX)).await;
    }
}

/// Inserts a batch; when it is tried again, only if it is not there. The answer to a commit may have been lost, and a batch
/// is written as a whole: so one of its rows tells. Postgres may still be committing then, so each attempt waits for the
/// one before; in SQLite all who write wait for each other.
async fn insert(database: &Database, rows: &[Row], is_again: bool) -> Result<(), sqlx::Error> {
    const WAIT: &str = "SELECT pg_advisory_xact_lock($1)";
    const FIND: &str =
        "SELECT 1 FROM isolet_records WHERE tenant = $1 AND id = $2 AND at_ms = $3 AND report = $4 LIMIT 1";
    const INSERT: &str =
        "INSERT INTO isolet_records (tenant, at_ms, id, script, revision, status, run_us, report, input) ";
    in_transaction!(database, transaction => {
        if database.postgres().is_some() {
            sqlx::query(WAIT).bind(number(rows)).execute(&mut *transaction).await?;
        }
        if let (true, Some(row)) = (is_again, rows.last()) {
            let query = sqlx::query(FIND).bind(row.tenant.as_str()).bind(row.id.as_str());
            let found = query.bind(row.at_ms).bind(row.report.as_str()).fetch_optional(&mut *transaction).await?;
            if found.is_some() {
                return Ok(());
            }
        }
        for rows in rows.chunks(STATEMENT_ROWS) {
            let mut statement = QueryBuilder::new(INSERT);
            statement.push_values(rows, |mut values, row| {
                values.push_bind(row.tenant.as_str()).push_bind(row.at_ms).push_bind(row.id.as_str());
                values.push_bind(row.script.as_str()).push_bind(row.revision.as_deref());
                values.push_bind(row.status.as_str()).push_bind(row.run_us).push_bind(row.report.as_str());
                values.push_bind(row.input.as_ref().map(|input| input.as_str()));
            });
            // Each number of rows makes another statement.
            let is_usual = rows.len() == STATEMENT_ROWS;
            statement.build().persistent(is_usual).execute(&mut *transaction).await?;
        }
    });
    Ok(())
}

/// Tells batches apart. Two that have one number wait for each other, and that is all.
fn number(rows: &[Row]) -> i64 {
    let mut hasher = DefaultHasher::new();
    rows.last().map(|row| (&row.tenant, &row.id, row.at_ms)).hash(&mut hasher);
    hasher.finish().cast_signed()
}
