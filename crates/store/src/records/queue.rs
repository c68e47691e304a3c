//! Rows that wait to be written: a queue with a bound in bytes, of which a batch is taken at a time.
//!
//! A row counts until it is written, so the bound holds for those in the writer's hands, too.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use isolet_core_traits::TenantId;
use tokio::sync::{Notify, watch};

use super::RecordStats;
use super::row::Row;

/// Tenants whose records are to be counted. Of more at once the rest is counted when they come again.
const TENANTS_MAX: usize = 10_000;

/// Rows of one transaction, and their bytes.
const BATCH_ROWS: usize = 2_000;
const BATCH_BYTES: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Queue {
    bytes_max: usize,
    state: Mutex<State>,
    /// For the writer: there is something to do.
    work: Notify,
    /// For the writer: not to let more come together.
    hurry: Notify,
    /// The number of the last row that is written.
    settled: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    rows: VecDeque<Row>,
    bytes: usize,
    /// Rows that ever came: the number of the last one.
    last: u64,
    is_closed: bool,
    /// Somebody waits for the row with this number.
    awaited: u64,
    written: u64,
    dropped: u64,
    failures: u64,
    in_hand: usize,
    tenants: HashSet<TenantId>,
}

/// What became of a row.
pub(super) enum Pushed {
    /// It has this number.
    At(u64),
    /// There is no room for it.
    Full(Row),
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        let (work, hurry) = (Notify::new(), Notify::new());
        Self { bytes_max, state: Mutex::default(), work, hurry, settled: watch::Sender::new(0) }
    }

    pub(super) fn push(&self, row: Row) -> Pushed {
        let bytes = row.bytes();
        let mut state = self.state();
        if state.bytes + bytes > self.bytes_max || state.is_closed {
            return Pushed::Full(row);
        }
        state.bytes += bytes;
        state.last += 1;
        let number = state.last;
        state.rows.push_back(row);
        let rows = state.rows.len();
        drop(state);
        match rows {
            1 => self.work.notify_one(),
            BATCH_ROWS => self.hurry.notify_one(),
            _ => {}
        }
        Pushed::At(number)
    }

    pub(super) async fn push_when_there_is_room(&self, mut row: Row) -> u64 {
        let mut settled = self.settled.subscribe();
        loop {
            settled.mark_unchanged();
            row = match self.push(row) {
                Pushed::At(number) => return number,
                Pushed::Full(row) => row,
            };
            self.hurry();
            // The sender is ours.
            let _ = settled.changed().await;
        }
    }

    /// Waits until the row with this number, and all before it, are written.
    pub(super) async fn settled(&self, number: u64) {
        // The sender is ours.
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= number).await;
    }

    /// Waits for rows. False if the queue is closed and there are none.
    pub(super) async fn has_work(&self) -> bool {
        loop {
            {
                let state = self.state();
                if !state.rows.is_empty() {
                    return true;
                }
                if state.is_closed {
                    return false;
                }
            }
            self.work.notified().await;
        }
    }

    /// Waits until there is a whole batch, or somebody waits for what there is.
    pub(super) async fn is_urgent(&self) {
        loop {
            {
                let State { rows, awaited, written, is_closed, .. } = &*self.state();
                if *is_closed || awaited > written || rows.len() >= BATCH_ROWS {
                    return;
                }
            }
            self.hurry.notified().await;
        }
    }

    /// The rows that came first.
    pub(super) fn batch(&self) -> Vec<Row> {
        let mut state = self.state();
        let mut bytes = 0;
        let fits = |row: &&Row| {
            bytes += row.bytes();
            bytes <= BATCH_BYTES
        };
        let count = state.rows.iter().take(BATCH_ROWS).take_while(fits).count().max(1).min(state.rows.len());
        state.in_hand = count;
        state.rows.drain(..count).collect()
    }

    /// A batch is written.
    pub(super) fn written(&self, rows: &[Row]) {
        let mut state = self.state();
        state.bytes -= rows.iter().map(Row::bytes).sum::<usize>();
        state.written += rows.len() as u64;
        state.in_hand = 0;
        for row in rows {
            if state.tenants.len() < TENANTS_MAX && !state.tenants.contains(&row.tenant) {
                state.tenants.insert(row.tenant.clone());
            }
        }
        drop(state);
        self.settled.send_modify(|settled| *settled += rows.len() as u64);
    }

    pub(super) fn count_dropped(&self) {
        self.state().dropped += 1;
    }

    pub(super) fn count_failure(&self) {
        self.state().failures += 1;
    }

    pub(super) fn last(&self) -> u64 {
        self.state().last
    }

    /// The tenants that have new records since the last call.
    pub(super) fn take_tenants(&self) -> HashSet<TenantId> {
        std::mem::take(&mut self.state().tenants)
    }

    /// Somebody waits for all that there is.
    pub(super) fn hurry(&self) {
        let mut state = self.state();
        state.awaited = state.last;
        drop(state);
        self.hurry.notify_one();
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
        self.work.notify_one();
        self.hurry.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().is_closed
    }

    pub(super) fn stats(&self) -> RecordStats {
        let State { rows, bytes, written, dropped, failures, in_hand, .. } = &*self.state();
        RecordStats {
            written: *written,
            dropped: *dropped,
            late: 0,
            failures: *failures,
            waiting: rows.len() + in_hand,
            waiting_bytes: *bytes,
        }
    }

    /// A poisoned lock is used all the same: nothing under it panics but a lack of memory.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
