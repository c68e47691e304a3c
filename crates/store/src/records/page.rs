//! Asking for records, a page at a time, the latest first.

use std::fmt;
use std::str::FromStr;

use isolet_core_traits::{ExecutionId, JsonText, Report, ScriptId, Status, TenantId, Timestamp};
use sqlx::QueryBuilder;

use super::RecordStore;
use crate::database::{read, within};
use crate::error::StoreError;

/// The most records of one page.
pub const RECORDS_PAGE_MAX: u32 = 1_000;

/// Which records are wanted. By default all of a tenant's, 100 at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordQuery {
    /// Those of this script.
    pub script: Option<ScriptId>,
    /// Those that ended so.
    pub status: Option<Status>,
    /// Those from this time on.
    pub from: Option<Timestamp>,
    /// Those before this time.
    pub until: Option<Timestamp>,
    /// Those after this place in the order.
    pub after: Option<Cursor>,
    /// The most that are told at once, no more than [`RECORDS_PAGE_MAX`].
    pub count_max: u32,
}

impl Default for RecordQuery {
    fn default() -> Self {
        Self { script: None, status: None, from: None, until: None, after: None, count_max: 100 }
    }
}

/// A place in the order of records. As text it is for callers to keep, not to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    at_ms: i64,
    number: i64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_ms, self.number)
    }
}

impl FromStr for Cursor {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let parsed = text
            .split_once('.')
            .and_then(|(at_ms, number)| Some(Self { at_ms: at_ms.parse().ok()?, number: number.parse().ok()? }));
        parsed.ok_or_else(|| StoreError::Cursor { text: text.chars().take(100).collect() })
    }
}

/// Some records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// They, the latest first.
    pub records: Vec<RecordSummary>,
    /// Where the next page begins; none if there is no more.
    pub next: Option<Cursor>,
}

/// A record without its report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSummary {
    /// The execution's id.
    pub id: ExecutionId,
    /// When it ended.
    pub at: Timestamp,
    /// The script.
    pub script: ScriptId,
    /// The script's revision, if it came from a store.
    pub revision: Option<String>,
    /// How it ended.
    pub status: Status,
    /// Microseconds that it ran.
    pub run_us: u64,
}

/// A record.
#[derive(Debug, Clone)]
pub struct Record {
    /// When the execution ended.
    pub at: Timestamp,
    /// Its report, as far as it was recorded.
    pub report: Report,
    /// Its input, if that was recorded.
    pub input: Option<JsonText>,
}

type Columns = (i64, i64, String, String, Option<String>, String, i64);

impl RecordStore {
    /// The tenant's records.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn page(&self, tenant: &TenantId, query: &RecordQuery) -> Result<Page, StoreError> {
        let count_max = query.count_max.clamp(1, RECORDS_PAGE_MAX);
        let mut rows: Vec<Columns> = within(self.database_wait_max, self.rows(tenant, query, count_max)).await?;
        let has_more = rows.len() > count_max as usize;
        rows.truncate(count_max as usize);
        let next = rows.last().filter(|_| has_more).map(|row| Cursor { number: row.0, at_ms: row.1 });
        let records = rows.into_iter().map(summary).collect::<Result<_, _>>()?;
        Ok(Page { records, next })
    }

    /// The tenant's record of an execution; of several of that id the last one.
    ///
    /// # Errors
    /// [`StoreError`] of the database.
    pub async fn get(&self, tenant: &TenantId, id: &ExecutionId) -> Result<Option<Record>, StoreError> {
        const SELECT: &str = "SELECT at_ms, report, input FROM isolet_records WHERE tenant = $1 AND id = $2 \
             ORDER BY number DESC LIMIT 1";
        let row: Option<(i64, String, Option<String>)> = within(self.database_wait_max, async {
            read!(&self.database, from => {
                sqlx::query_as(SELECT).bind(tenant.as_str()).bind(id.as_str()).fetch_optional(from).await
            })
        })
        .await?;
        let Some((at_ms, report, input)) = row else { return Ok(None) };
        let damaged = |what: &str| StoreError::damaged(format!("the {what} of execution {id} of {tenant}"));
        Ok(Some(Record {
            at: Timestamp::from_unix_ms(at_ms).ok_or_else(|| damaged("time"))?,
            report: serde_json::from_str(&report).map_err(|_| damaged("report"))?,
            input: input.map(JsonText::parse).transpose().map_err(|_| damaged("input"))?,
        }))
    }

    /// One more than are wanted, which tells whether there are more.
    async fn rows(&self, tenant: &TenantId, query: &RecordQuery, count_max: u32) -> Result<Vec<Columns>, sqlx::Error> {
        const SELECT: &str =
            "SELECT number, at_ms, id, script, revision, status, run_us FROM isolet_records WHERE tenant = ";
        read!(&self.database, from => {
            let mut select = QueryBuilder::new(SELECT);
            select.push_bind(tenant.as_str());
            if let Some(script) = &query.script {
                select.push(" AND script = ").push_bind(script.as_str());
            }
            if let Some(status) = query.status {
                select.push(" AND status = ").push_bind(status.as_str());
            }
            if let Some(time) = query.from {
                select.push(" AND at_ms >= ").push_bind(time.unix_ms());
            }
            if let Some(time) = query.until {
                select.push(" AND at_ms < ").push_bind(time.unix_ms());
            }
            if let Some(Cursor { at_ms, number }) = query.after {
                select.push(" AND (at_ms, number) < (").push_bind(at_ms).push(", ").push_bind(number).push(")");
            }
            select.push(" ORDER BY at_ms DESC, number DESC LIMIT ").push_bind(i64::from(count_max) + 1);
            select.build_query_as().fetch_all(from).await
        })
    }
}

fn summary((_, at_ms, id, script, revision, status, run_us): Columns) -> Result<RecordSummary, StoreError> {
    let damaged = |what: &str| StoreError::damaged(format!("the {what} of a record"));
    Ok(RecordSummary {
        id: ExecutionId::new(&id).map_err(|_| damaged("id"))?,
        at: Timestamp::from_unix_ms(at_ms).ok_or_else(|| damaged("time"))?,
        script: ScriptId::new(&script).map_err(|_| damaged("script"))?,
        revision,
        status: Status::ALL.into_iter().find(|known| known.as_str() == status).ok_or_else(|| damaged("status"))?,
        run_us: run_us.unsigned_abs(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_text() {
        let cursor = Cursor { at_ms: -5, number: 7 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "1", "1.", "a.b", "1.2.3", "1 OR 1=1"] {
            text.parse::<Cursor>().expect_err(text);
        }
    }
}
