//! The VMs of a pool as numbers: which stand ready, and how many are in use.

use std::collections::VecDeque;
use std::time::Duration;

use super::VmId;

#[derive(Debug, Default)]
pub(super) struct Vms {
    /// The least recently used one first.
    ready: VecDeque<Ready>,
    in_use: usize,
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

    pub(super) fn made(&self) -> usize {
        self.ready.len() + self.in_use
    }

    /// One was made.
    pub(super) fn add(&mut self, vm: VmId, now: Duration) {
        self.ready.push_back(Ready { vm, since: now });
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

    /// Gives up the one that stood ready for the longest time, if that was since `since` or before.
    pub(super) fn take_idle(&mut self, since: Duration) -> Option<VmId> {
        self.ready.pop_front_if(|ready| ready.since <= since).map(|ready| ready.vm)
    }
}
