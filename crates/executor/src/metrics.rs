//! Figures of an executor since it was built.

use std::pin::pin;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicU64, AtomicUsize};

use isolet_cache::CacheStats;
use isolet_core_traits::{Report, Status};
use isolet_pool::PoolStats;
use tokio::sync::Notify;

use crate::violations::{Violations, Violator};

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
    /// Whose scripts used most often what the policy blocks.
    pub violators: Vec<Violator>,
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
    violations: Violations,
    in_flight: AtomicUsize,
    /// Told when none is in flight any more.
    is_idle: Notify,
}

impl Counters {
    /// An execution began; [`end`](Self::end) must follow.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, SeqCst);
    }

    pub(crate) fn end(&self, report: &Report) {
        self.violations.count(report);
        self.ended[report.status as usize].fetch_add(1, Relaxed);
        if self.in_flight.fetch_sub(1, SeqCst) == 1 {
            self.is_idle.notify_waiters();
        }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(SeqCst)
    }

    /// Waits until no execution is in flight.
    pub(crate) async fn idle(&self) {
        loop {
            let mut is_idle = pin!(self.is_idle.notified());
            is_idle.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            is_idle.await;
        }
    }

    pub(crate) fn violators(&self) -> Vec<Violator> {
        self.violations.most()
    }

    pub(crate) fn counts(&self) -> ExecutionCounts {
        ExecutionCounts(std::array::from_fn(|at| self.ended[at].load(Relaxed)))
    }
}
