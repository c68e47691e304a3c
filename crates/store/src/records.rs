//! Execution records: what the reports told, kept for a while.
//!
//! ```text
//!  record ─▶ row.rs: what is kept of the report, as JSON ─▶ queue.rs, bounded ─▶ writer.rs: batches ─▶ database
//!     ▲                                                        │ full                │
//!     └── sync: when it is written ◀───────────────────────────┼─────────────────────┤
//!     └── batched: at once                     dropped and counted, or waits         └─ retention.rs, now and then
//! ```

mod page;
mod queue;
mod retention;
mod row;
mod writer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{JsonText, Report, ReportSink};
use tokio::time::timeout;

pub use self::page::{Cursor, Page, RECORDS_PAGE_MAX, Record, RecordQuery, RecordSummary};

use self::queue::{Pushed, Queue};
use self::row::Row;
use crate::database::Database;

/// When a report counts as recorded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// Its caller gets it after it is on the disk.
    Sync,
    /// Its caller gets it at once; it is written with others soon after.
    #[default]
    Batched,
    /// Nothing is recorded.
    Off,
}

/// What happens to a report when too many wait to be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFull {
    /// It is not recorded, and counted.
    #[default]
    Drop,
    /// Its caller waits for a place, up to [`RecordsConfig::wait_max`]; then it is not recorded, and counted.
    Wait,
}

/// What is recorded, how surely and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordsConfig {
    /// When a report counts as recorded. Batched by default.
    pub durability: Durability,
    /// What happens when too many wait. They are dropped by default. With [`Durability::Sync`] callers wait in any case.
    pub on_full: OnFull,
    /// The most bytes of reports that wait to be written. 16 MiB by default.
    pub queue_bytes_max: usize,
    /// The longest that a caller waits for the writer. 2 s by default. A report that was queued may be written later.
    pub wait_max: Duration,
    /// How long the writer lets reports come together. 50 ms by default; with [`Durability::Sync`] it does not wait.
    pub batch_wait: Duration,
    /// The longest input that is recorded, in bytes. `None`, as by default: none is.
    pub input_bytes_max: Option<usize>,
    /// The longest output that is recorded as it is, in bytes; of a longer one the report tells the length. 64 KiB by
    /// default.
    pub output_bytes_max: usize,
    /// The most bytes of console lines that are recorded of a report. 64 KiB by default.
    pub log_bytes_max: usize,
    /// For how long records are kept. 30 days by default.
    pub kept_for: Duration,
    /// The most records of a tenant; the oldest go. 100,000 by default. Counted now and then, so there may be more for a
    /// while.
    pub per_tenant_max: u64,
    /// How often it is looked for records that are too old or too many. 1 min by default.
    pub prune_every: Duration,
}

impl Default for RecordsConfig {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            on_full: OnFull::default(),
            queue_bytes_max: 16 << 20,
            wait_max: Duration::from_secs(2),
            batch_wait: Duration::from_millis(50),
            input_bytes_max: None,
            output_bytes_max: 64 << 10,
            log_bytes_max: 64 << 10,
            kept_for: Duration::from_secs(30 * 86_400),
            per_tenant_max: 100_000,
            prune_every: Duration::from_secs(60),
        }
    }
}

/// What became of reports so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordStats {
    /// Written.
    pub written: u64,
    /// Not recorded, because too many were waiting or the store was closed.
    pub dropped: u64,
    /// Whose caller waited for the writer as long as it may and went on. Each was written later, or is waiting.
    pub late: u64,
    /// Batches that could not be written, and were tried again.
    pub failures: u64,
    /// Waiting to be written.
    pub waiting: usize,
    /// Bytes of these.
    pub waiting_bytes: usize,
}

/// The execution records of all tenants. Every question names its tenant, and is told nothing of another one.
#[derive(Debug)]
pub struct RecordStore {
    database: Database,
    database_wait_max: Duration,
    config: RecordsConfig,
    queue: Arc<Queue>,
    late: AtomicU64,
}

impl RecordStore {
    pub(crate) fn start(database: Database, database_wait_max: Duration, config: RecordsConfig) -> Self {
        let queue = Arc::new(Queue::new(config.queue_bytes_max));
        if config.durability != Durability::Off {
            tokio::spawn(writer::write(database.clone(), config.clone(), queue.clone()));
            tokio::spawn(retention::keep(database.clone(), config.clone(), Arc::downgrade(&queue)));
        }
        Self { database, database_wait_max, config, queue, late: AtomicU64::new(0) }
    }

    /// The figures of this moment.
    pub fn stats(&self) -> RecordStats {
        RecordStats { late: self.late.load(Relaxed), ..self.queue.stats() }
    }

    /// Queues a row, and waits where that is wanted.
    async fn take(&self, row: Row) {
        let waits = self.config.durability == Durability::Sync || self.config.on_full == OnFull::Wait;
        let pushed = match self.queue.push(row) {
            Pushed::Full(row) if waits => self.push_in_time(row).await,
            Pushed::Full(_) => None,
            Pushed::At(number) => Some(number),
        };
        match (pushed, self.config.durability) {
            (None, _) => self.queue.count_dropped(),
            (Some(number), Durability::Sync) => {
                if timeout(self.config.wait_max, self.queue.settled(number)).await.is_err() {
                    self.late.fetch_add(1, Relaxed);
                }
            }
            (Some(_), _) => {}
        }
    }

    async fn push_in_time(&self, row: Row) -> Option<u64> {
        timeout(self.config.wait_max, self.queue.push_when_there_is_room(row)).await.ok()
    }
}

#[async_trait]
impl ReportSink for RecordStore {
    fn is_instant(&self) -> bool {
        self.config.durability == Durability::Off
            || (self.config.durability == Durability::Batched && self.config.on_full == OnFull::Drop)
    }

    async fn record(&self, report: &Report, input: &JsonText) {
        if self.config.durability != Durability::Off {
            self.take(Row::new(report, input, &self.config)).await;
        }
    }

    async fn flush(&self) {
        self.queue.hurry();
        self.queue.settled(self.queue.last()).await;
    }
}

impl Drop for RecordStore {
    /// The writer writes what waits, and ends.
    fn drop(&mut self) {
        self.queue.close();
    }
}
