//! Figures of an executor since it was built.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isolet_cache::CacheStats;
use isolet_core_traits::Status;
use isolet_pool::PoolStats;
use tokio::sync::watch;

/// An executor's figures at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorMetrics {
    /// VMs and the queue.
    pub pool: PoolStats,
    /// Compiled programs.
    pub cache: CacheStats,
    /// Executions that have ended, by status.
    pub executions: ExecutionCounts,
    /// Executions that have begun and not ended, those in the queue included.
    pub in_flight: usize,
    /// Worker threads.
    pub workers: usize,
    /// Worker threads that were stuck in something that cannot be interrupted, and were replaced.
    pub workers_replaced: u64,
}

/// Numbers of executions by their status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecutionCounts([u64; Status::ALL.len()]);

impl ExecutionCounts {
    /// How many ended as `status`.
    pub fn of(&self, status: Status) -> u64 {
        self.0[status as usize]
    }

    /// How many ended.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Counts executions as they begin and end.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    ended: [AtomicU64; Status::ALL.len()],
    in_flight: watch::Sender<usize>,
}

impl Counters {
    /// An execution began; [`end`](Self::end) must follow.
    pub(crate) fn begin(&self) {
        self.in_flight.send_modify(|count| *count += 1);
    }

    pub(crate) fn end(&self, status: Status) {
        self.ended[status as usize].fetch_add(1, Relaxed);
        self.in_flight.send_modify(|count| *count -= 1);
    }

    pub(crate) fn in_flight(&self) -> usize {
        *self.in_flight.borrow()
    }

    /// Waits until no execution is in flight.
    pub(crate) async fn idle(&self) {
        // The sender is ours, so that the channel is open.
        let _ = self.in_flight.subscribe().wait_for(|count| *count == 0).await;
    }

    pub(crate) fn counts(&self) -> ExecutionCounts {
        ExecutionCounts(std::array::from_fn(|at| self.ended[at].load(Relaxed)))
    }
}
