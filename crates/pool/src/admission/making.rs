//! Which VMs are being made, and when to make more.

use std::collections::HashSet;
use std::time::Duration;

use super::VmId;
use crate::config::PoolConfig;

#[derive(Debug, Default)]
pub(super) struct Making {
    being_made: HashSet<VmId>,
    begun: u64,
    /// Failures to make one since the last success.
    failures: u32,
    /// None is made before this time, if there were failures.
    retry_at: Duration,
}

/// How many VMs are there, how many there should be, how many there may be more, and how many are to be made for those
/// who wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Demand {
    pub(super) made: usize,
    pub(super) target: usize,
    pub(super) room: usize,
    pub(super) lacking: usize,
}

impl Making {
    pub(super) fn being_made(&self) -> usize {
        self.being_made.len()
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Begins to make one.
    pub(super) fn begin(&mut self) -> VmId {
        self.begun += 1;
        let vm = VmId(self.begun);
        self.being_made.insert(vm);
        vm
    }

    /// One is made. `false` if it was not being made.
    pub(super) fn succeed(&mut self, vm: VmId) -> bool {
        let expected = self.being_made.remove(&vm);
        if expected {
            self.failures = 0;
        }
        expected
    }

    /// One could not be made. `false` if it was not being made.
    pub(super) fn fail(&mut self, vm: VmId, now: Duration, config: &PoolConfig) -> bool {
        let expected = self.being_made.remove(&vm);
        // Within the pause, it is another one of those that were begun before the first of them failed.
        if expected && (self.failures == 0 || now >= self.retry_at) {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = now.saturating_add(config.backoff(self.failures));
        }
        expected
    }

    /// How many to begin to make now.
    pub(super) fn to_begin(&self, demand: Demand, now: Duration) -> usize {
        let wanted = self.wanted(demand);
        match self.failures {
            0 => wanted,
            _ if now < self.retry_at => 0,
            // After a failure a single one is tried, not all that are wanted.
            _ => wanted.min(1_usize.saturating_sub(self.being_made.len())),
        }
    }

    /// Until when no attempt is made, if the last one failed.
    pub(super) fn pause_until(&self) -> Duration {
        self.retry_at
    }

    /// When the next attempt to make one is due, if one is wanted and a pause holds it back.
    pub(super) fn retry_at(&self, demand: Demand) -> Option<Duration> {
        let paused = self.failures > 0 && self.being_made.is_empty();
        (paused && self.wanted(demand) > 0).then_some(self.retry_at)
    }

    fn wanted(&self, demand: Demand) -> usize {
        let waited_for = demand.lacking.saturating_sub(self.being_made.len());
        let ahead = demand.target.saturating_sub(demand.made + self.being_made.len());
        waited_for.max(ahead).min(demand.room)
    }
}
