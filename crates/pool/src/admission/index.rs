//! The VMs by what can be done with them, so that the next one is found without looking at the others.
//!
//! | who is on it | no parked run wants it back | one does |
//! |---|---|---|
//! | nobody | ready | due: the parked run goes on |
//! | a run that waits | waiting: may be asked for somebody new | overdue: is asked at once |
//! | a run that was asked | coming: will stand ready | – |

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use super::VmId;
use super::vms::{Occupant, Vm};

/// Those with the fewest parked runs first, and of these the most recently used.
type Ready = BTreeSet<(usize, Reverse<u64>, VmId)>;

#[derive(Debug, Default)]
pub(super) struct Index {
    ready: Ready,
    /// The same VMs by what they have run of late.
    ready_by_affinity: HashMap<u64, Ready>,
    due: BTreeSet<VmId>,
    /// Those with the fewest parked runs first, and of these the one whose run waits longest.
    waiting: BTreeSet<(usize, u64, VmId)>,
    overdue: BTreeSet<VmId>,
    /// Those that stand ready and that no parked run needs, by what they hold.
    spare: BTreeSet<(usize, VmId)>,
    bytes: usize,
    coming: usize,
    in_use: usize,
    parked: usize,
    returning: usize,
}

impl Index {
    pub(super) fn join(&mut self, id: VmId, vm: &Vm) {
        let parked = vm.parked.len();
        match (vm.occupant, vm.returning.is_empty()) {
            (Occupant::Nobody, true) => self.join_ready((parked, Reverse(vm.order), id), vm),
            (Occupant::Nobody, false) => drop(self.due.insert(id)),
            (Occupant::Waiting(_), true) => drop(self.waiting.insert((parked, vm.order, id))),
            (Occupant::Waiting(_), false) => drop(self.overdue.insert(id)),
            (Occupant::Asked(_), true) => self.coming += 1,
            (Occupant::Asked(_), false) | (Occupant::Running(_), _) => {}
        }
        self.bytes += vm.bytes;
        self.in_use += usize::from(vm.occupant != Occupant::Nobody);
        self.parked += parked;
        self.returning += vm.returning.len();
    }

    pub(super) fn leave(&mut self, id: VmId, vm: &Vm) {
        let parked = vm.parked.len();
        match (vm.occupant, vm.returning.is_empty()) {
            (Occupant::Nobody, true) => self.leave_ready((parked, Reverse(vm.order), id), vm),
            (Occupant::Nobody, false) => drop(self.due.remove(&id)),
            (Occupant::Waiting(_), true) => drop(self.waiting.remove(&(parked, vm.order, id))),
            (Occupant::Waiting(_), false) => drop(self.overdue.remove(&id)),
            (Occupant::Asked(_), true) => self.coming -= 1,
            (Occupant::Asked(_), false) | (Occupant::Running(_), _) => {}
        }
        self.bytes -= vm.bytes;
        self.in_use -= usize::from(vm.occupant != Occupant::Nobody);
        self.parked -= parked;
        self.returning -= vm.returning.len();
    }

    fn join_ready(&mut self, place: (usize, Reverse<u64>, VmId), vm: &Vm) {
        self.ready.insert(place);
        if vm.parked.is_empty() {
            self.spare.insert((vm.bytes, place.2));
        }
        for affinity in &vm.affinities {
            self.ready_by_affinity.entry(*affinity).or_default().insert(place);
        }
    }

    fn leave_ready(&mut self, place: (usize, Reverse<u64>, VmId), vm: &Vm) {
        self.ready.remove(&place);
        self.spare.remove(&(vm.bytes, place.2));
        for affinity in &vm.affinities {
            if let Some(ready) = self.ready_by_affinity.get_mut(affinity) {
                ready.remove(&place);
                if ready.is_empty() {
                    self.ready_by_affinity.remove(affinity);
                }
            }
        }
    }

    /// VMs that stand ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    /// Bytes that all VMs hold.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The largest of those that stand ready and that no parked run needs.
    pub(super) fn largest_spare(&self) -> Option<(usize, VmId)> {
        self.spare.last().copied()
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

    /// One with as few parked runs as any; of these one that has run `affinity` of late, if there is one, and the most
    /// recently used.
    pub(super) fn best_ready(&self, affinity: Option<u64>) -> Option<VmId> {
        let &(parked, _, id) = self.ready.first()?;
        let known = affinity.and_then(|affinity| self.ready_by_affinity.get(&affinity)?.first());
        let known = known.filter(|(known_parked, ..)| *known_parked == parked);
        Some(known.map_or(id, |&(_, _, known)| known))
    }

    /// What VMs that stand ready have run of late.
    #[cfg(test)]
    pub(super) fn affinities(&self) -> usize {
        self.ready_by_affinity.len()
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
