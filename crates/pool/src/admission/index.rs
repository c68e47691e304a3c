//! The VMs by what can be done with them, so that the next one is found without looking at the others.
//!
//! | who is on it | no parked run wants it back | one does |
//! |---|---|---|
//! | nobody | ready | due: the parked run goes on |
//! | a run that has not begun | may be exchanged for a better one, if no run is parked there | – |
//! | a run that waits | waiting: may be asked for somebody new | overdue: is asked at once |
//! | a run that was asked | coming: will stand ready | – |

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::VmId;
use super::vms::{Occupant, Vm};

/// The most recently used one first.
type Unused = BTreeSet<(Reverse<u64>, VmId)>;

#[derive(Debug, Default)]
pub(super) struct Index {
    /// Those with the fewest parked runs first, and of these the most recently used.
    ready: BTreeSet<(usize, Reverse<u64>, VmId)>,
    due: BTreeSet<VmId>,
    /// Those with the fewest parked runs first, and of these the one whose run waits longest.
    waiting: BTreeSet<(usize, u64, VmId)>,
    overdue: BTreeSet<VmId>,
    /// Those that are pristine and that no parked run needs.
    unused: Unused,
    /// The same by what they have run of late.
    unused_by_affinity: HashMap<u64, Unused>,
    coming: usize,
    in_use: usize,
    parked: usize,
    returning: usize,
}

impl Index {
    pub(super) fn join(&mut self, id: VmId, vm: &Vm) {
        let parked = vm.parked.len();
        match (vm.occupant, vm.returning.is_empty()) {
            (Occupant::Nobody, true) => drop(self.ready.insert((parked, Reverse(vm.order), id))),
            (Occupant::Nobody, false) => drop(self.due.insert(id)),
            (Occupant::Waiting(_), true) => drop(self.waiting.insert((parked, vm.order, id))),
            (Occupant::Waiting(_), false) => drop(self.overdue.insert(id)),
            (Occupant::Asked(_), true) => self.coming += 1,
            (Occupant::Asked(_), false) | (Occupant::Granted(_) | Occupant::Running(_), _) => {}
        }
        if vm.is_unused() {
            self.join_unused((Reverse(vm.order), id), vm);
        }
        self.in_use += usize::from(vm.occupant != Occupant::Nobody);
        self.parked += parked;
        self.returning += vm.returning.len();
    }

    pub(super) fn leave(&mut self, id: VmId, vm: &Vm) {
        let parked = vm.parked.len();
        match (vm.occupant, vm.returning.is_empty()) {
            (Occupant::Nobody, true) => drop(self.ready.remove(&(parked, Reverse(vm.order), id))),
            (Occupant::Nobody, false) => drop(self.due.remove(&id)),
            (Occupant::Waiting(_), true) => drop(self.waiting.remove(&(parked, vm.order, id))),
            (Occupant::Waiting(_), false) => drop(self.overdue.remove(&id)),
            (Occupant::Asked(_), true) => self.coming -= 1,
            (Occupant::Asked(_), false) | (Occupant::Granted(_) | Occupant::Running(_), _) => {}
        }
        if vm.is_unused() {
            self.leave_unused((Reverse(vm.order), id), vm);
        }
        self.in_use -= usize::from(vm.occupant != Occupant::Nobody);
        self.parked -= parked;
        self.returning -= vm.returning.len();
    }

    fn join_unused(&mut self, place: (Reverse<u64>, VmId), vm: &Vm) {
        self.unused.insert(place);
        for affinity in &vm.affinities {
            self.unused_by_affinity.entry(*affinity).or_default().insert(place);
        }
    }

    fn leave_unused(&mut self, place: (Reverse<u64>, VmId), vm: &Vm) {
        self.unused.remove(&place);
        for affinity in &vm.affinities {
            if let Some(unused) = self.unused_by_affinity.get_mut(affinity) {
                unused.remove(&place);
                if unused.is_empty() {
                    self.unused_by_affinity.remove(affinity);
                }
            }
        }
    }

    /// VMs that stand ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// VMs that a run is on.
    pub(super) fn in_use(&self) -> usize {
        self.in_use
    }

    /// VMs that will stand ready because the run on them was asked to leave.
    pub(super) fn coming(&self) -> usize {
        self.coming
    }

    /// Runs that are parked, those that want their VM back included.
    pub(super) fn parked(&self) -> usize {
        self.parked
    }

    /// Parked runs that want their VM back.
    pub(super) fn returning(&self) -> usize {
        self.returning
    }

    /// One with as few parked runs as any, and of these the most recently used.
    pub(super) fn first_ready(&self) -> Option<VmId> {
        self.ready.first().map(|&(_, _, id)| id)
    }

    /// What VMs that are unused have run of late.
    #[cfg(test)]
    pub(super) fn affinities(&self) -> usize {
        self.unused_by_affinity.len()
    }

    /// Of those that are pristine and that no parked run needs, the most recently used one that has run `affinity` of
    /// late; if none has, the most recently used of all.
    pub(super) fn last_used(&self, affinity: Option<u64>) -> Option<VmId> {
        let known = affinity.and_then(|affinity| self.unused_by_affinity.get(&affinity));
        known.unwrap_or(&self.unused).first().map(|&(_, id)| id)
    }

    pub(super) fn first_due(&self) -> Option<VmId> {
        self.due.first().copied()
    }

    pub(super) fn first_waiting(&self) -> Option<VmId> {
        self.waiting.first().map(|&(_, _, id)| id)
    }

    pub(super) fn first_overdue(&self) -> Option<VmId> {
        self.overdue.first().copied()
    }

    /// The least recently used one of those that stand ready and that no parked run needs.
    pub(super) fn longest_idle(&self) -> Option<VmId> {
        let needed = (1, Reverse(u64::MAX), VmId(0));
        self.ready.range(..needed).next_back().map(|&(_, _, id)| id)
    }
}
