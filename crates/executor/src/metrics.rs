//! Figures of an executor since it was built.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use isolet_cache::CacheStats;
use isolet_core_traits::{LimitName, Report, Status};
use isolet_pool::PoolStats;

use crate::bytecode::BytecodeStats;
use crate::violations::{Violations, Violator};

/// An executor's figures at one moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExecutorMetrics {
    /// VMs and the queue.
    pub pool: PoolStats,
    /// Compiled programs.
    pub cache: CacheStats,
    /// The store of compiled programs, if there is one.
    pub bytecode: Option<BytecodeStats>,
    /// Executions that have ended, by status.
    pub executions: ExecutionCounts,
    /// Runs and compilations that a limit has ended.
    pub kills: Kills,
    /// Host calls that runs have made, timers aside.
    pub host_calls: u64,
    /// Those of them that were denied.
    pub host_calls_denied: u64,
    /// Whose scripts used most often what the policy blocks or permissions deny.
    pub violators: Vec<Violator>,
    /// Executions that have begun and not ended, those in the queue included.
    pub in_flight: usize,
    /// Whether it takes no more executions, because it drains or shuts down.
    pub is_draining: bool,
    /// Worker threads.
    pub workers: usize,
    /// Worker threads that were stuck in something that cannot be interrupted, and were replaced.
    pub workers_replaced: u64,
    /// Those of them that are still stuck, each with the VM that it is on.
    pub workers_quarantined: usize,
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

/// Numbers of what limits have ended, by limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kills {
    /// The wall time was over.
    pub wall_time: u64,
    /// The CPU time was used up.
    pub cpu_time: u64,
    /// The tenant's CPU time of a minute was used up.
    pub tenant_cpu_time: u64,
    /// The memory was used up.
    pub memory: u64,
}

impl Kills {
    /// The same by the names of limits in reports.
    pub(crate) fn by_limit(self) -> [(&'static str, u64); 4] {
        let Self { wall_time, cpu_time, tenant_cpu_time, memory } = self;
        [("wall_ms", wall_time), ("cpu_ms", cpu_time), ("tenant_cpu_ms", tenant_cpu_time), ("memory_bytes", memory)]
    }
}

/// Counts executions as they begin and end.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    ended: [AtomicU64; Status::ALL.len()],
    wall_time_kills: AtomicU64,
    cpu_time_kills: AtomicU64,
    tenant_cpu_time_kills: AtomicU64,
    memory_kills: AtomicU64,
    host_calls: AtomicU64,
    host_calls_denied: AtomicU64,
    violations: Violations,
    in_flight: AtomicUsize,
}

impl Counters {
    /// An execution began; [`end`](Self::end) must follow.
    pub(crate) fn begin(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self, report: &Report) {
        self.violations.count(report);
        self.ended[report.status as usize].fetch_add(1, Relaxed);
        if report.metrics.host_calls > 0 {
            self.host_calls.fetch_add(report.metrics.host_calls, Relaxed);
            self.host_calls_denied.fetch_add(report.metrics.host_calls_denied, Relaxed);
        }
        if let Some(killed) = &report.killed {
            let kills = match killed.limit {
                LimitName::WallMs => &self.wall_time_kills,
                LimitName::CpuMs => &self.cpu_time_kills,
                LimitName::TenantCpuMs => &self.tenant_cpu_time_kills,
                LimitName::MemoryBytes => &self.memory_kills,
            };
            kills.fetch_add(1, Relaxed);
        }
        self.in_flight.fetch_sub(1, Relaxed);
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Relaxed)
    }

    pub(crate) fn kills(&self) -> Kills {
        Kills {
            wall_time: self.wall_time_kills.load(Relaxed),
            cpu_time: self.cpu_time_kills.load(Relaxed),
            tenant_cpu_time: self.tenant_cpu_time_kills.load(Relaxed),
            memory: self.memory_kills.load(Relaxed),
        }
    }

    pub(crate) fn host_calls(&self) -> u64 {
        self.host_calls.load(Relaxed)
    }

    pub(crate) fn host_calls_denied(&self) -> u64 {
        self.host_calls_denied.load(Relaxed)
    }

    pub(crate) fn violators(&self) -> Vec<Violator> {
        self.violations.most()
    }

    pub(crate) fn counts(&self) -> ExecutionCounts {
        ExecutionCounts(std::array::from_fn(|at| self.ended[at].load(Relaxed)))
    }
}
