//! The VMs of a pool as numbers: which stand ready, how many are in use, which are being made, and when to make more.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::VmId;
use crate::config::PoolConfig;

#[derive(Debug, Default)]
pub(super) struct Vms {
    /// The least recently used one first.
    ready: VecDeque<Ready>,
    being_made: HashSet<VmId>,
    in_use: usize,
    made: u64,
    /// Failures to make one since the last success.
    failures: u32,
    /// None is made before this time, if there were failures.
    retry_at: Duration,
}

#[derive(Debug)]
struct Ready {
    vm: VmId,
    since: Duration,
}

impl Vms {
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    pub(super) fn being_made(&self) -> usize {
        self.being_made.len()
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// All that count against the maximum.
    pub(super) fn live(&self) -> usize {
        self.ready.len() + self.in_use + self.being_made.len()
    }

    /// Takes the most recently used one into use: its memory is likeliest to be in the processor's caches.
    pub(super) fn take(&mut self) -> Option<VmId> {
        let ready = self.ready.pop_back()?;
        self.in_use += 1;
        Some(ready.vm)
    }

    /// One in use stands ready again.
    pub(super) fn put_back(&mut self, vm: VmId, now: Duration) {
        self.in_use -= 1;
        self.ready.push_back(Ready { vm, since: now });
    }

    /// One in use is gone.
    pub(super) fn forget_used(&mut self) {
        self.in_use -= 1;
    }

    /// Begins to make one.
    pub(super) fn order(&mut self) -> VmId {
        self.made += 1;
        let vm = VmId(self.made);
        self.being_made.insert(vm);
        vm
    }

    /// One is made. `false` if it was not being made.
    pub(super) fn arrive(&mut self, vm: VmId, now: Duration) -> bool {
        let expected = self.being_made.remove(&vm);
        if expected {
            self.failures = 0;
            self.ready.push_back(Ready { vm, since: now });
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

    /// How many to begin to make now, if those who wait could use `lacking`.
    pub(super) fn to_order(&self, lacking: usize, now: Duration, config: &PoolConfig) -> usize {
        let wanted = self.wanted(lacking, config);
        match self.failures {
            0 => wanted,
            _ if now < self.retry_at => 0,
            // After a failure a single one is tried, not all that are wanted.
            _ => wanted.min(1_usize.saturating_sub(self.being_made.len())),
        }
    }

    /// When the next attempt to make one is due, if one is wanted and a pause holds it back.
    pub(super) fn retry_at(&self, lacking: usize, config: &PoolConfig) -> Option<Duration> {
        let paused = self.failures > 0 && self.being_made.is_empty();
        (paused && self.wanted(lacking, config) > 0).then_some(self.retry_at)
    }

    fn wanted(&self, lacking: usize, config: &PoolConfig) -> usize {
        let waited_for = lacking.saturating_sub(self.being_made.len());
        let initial = config.vms_initial.saturating_sub(self.live());
        waited_for.max(initial).min(config.vms_max.saturating_sub(self.live()))
    }

    /// The next one that stood ready for too long.
    pub(super) fn retire(&mut self, now: Duration, config: &PoolConfig) -> Option<VmId> {
        let since = self.ready.front()?.since;
        let retire = now >= since.saturating_add(config.idle_timeout) && self.live() > config.vms_initial;
        if retire { self.take_oldest() } else { None }
    }

    /// Gives up the one that stood ready for the longest time.
    pub(super) fn take_oldest(&mut self) -> Option<VmId> {
        Some(self.ready.pop_front()?.vm)
    }
}
