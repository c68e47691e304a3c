//! The VMs of a pool as numbers: who is on each, who left it, and who wants to come back to it.
//!
//! ```text
//!            take             begin             wait               ask
//!   ready ─────────▶ granted ───────▶ running ────────▶ waiting ─────────▶ asked
//!     ▲ ▲               │              │  ▲                │                 │
//!     │ └── put_back ───┴──────────────┘  └─── go_on ──────┴─────────────────┤
//!     └──────────────────────────────── park ────────────────────────────────┘
//! ```
//!
//! Every change goes through [`Vms::change`], which takes one VM out of the [index](Index), changes it and puts it back.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use super::index::Index;
use super::{Ticket, VmId};

#[derive(Debug, Default)]
pub(super) struct Vms {
    vms: HashMap<VmId, Vm>,
    index: Index,
    /// On which one each thread began a run last.
    last_begun: HashMap<usize, VmId>,
    events: u64,
}

/// One VM.
#[derive(Debug)]
pub(super) struct Vm {
    pub(super) occupant: Occupant,
    /// The event since which it is free, or since which its run waits.
    pub(super) order: u64,
    /// Since when it stands ready and no parked run is left that needs it.
    pub(super) since: Duration,
    /// What it holds, as far as anybody knows.
    pub(super) bytes: usize,
    /// What it ran last, at most [`AFFINITIES_MAX`], the last one first.
    pub(super) affinities: VecDeque<u64>,
    /// The runs that left it and can go on nowhere else.
    pub(super) parked: BTreeSet<Ticket>,
    /// Those of them that want it back, by the event at which they did.
    pub(super) returning: BTreeMap<Place, Ticket>,
}

/// How many programs' images are taken to be on a VM.
const AFFINITIES_MAX: usize = 4;

/// A place in the line of those who want a VM back.
pub(super) type Place = u64;

/// Who is on a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occupant {
    Nobody,
    /// It has not begun, and the VM is as if it were ready.
    Granted(Ticket),
    Running(Ticket),
    Waiting(Ticket),
    /// It waited, and was asked to leave.
    Asked(Ticket),
}

impl Vms {
    pub(super) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn made(&self) -> usize {
        self.vms.len()
    }

    /// One was made, which is taken to hold so many bytes.
    pub(super) fn add(&mut self, id: VmId, bytes: usize, now: Duration) {
        let (affinities, parked, returning) = Default::default();
        let vm = Vm {
            occupant: Occupant::Nobody,
            order: self.next_event(),
            since: now,
            bytes,
            affinities,
            parked,
            returning,
        };
        self.index.join(id, &vm);
        self.vms.insert(id, vm);
    }

    /// Grants one that few parked runs need.
    pub(super) fn take(&mut self, ticket: Ticket) -> Option<VmId> {
        let id = self.index.first_ready()?;
        self.change(id, |vm| vm.occupant = Occupant::Granted(ticket));
        Some(id)
    }

    /// The run that was granted this VM begins: on this one or on a better one, which it exchanges with whoever was
    /// granted that, or leaves this one in its place. Better is the one on which this thread began a run last, else one
    /// that ran the same of late, else the one that was used last: their memory is likeliest to be in the processor's
    /// caches. Those that parked runs need are not exchanged.
    pub(super) fn begin(&mut self, id: VmId, run: Run) -> Option<Beginning> {
        let Run { ticket, thread, affinity } = run;
        if !matches!(self.vms.get(&id)?.occupant, Occupant::Granted(_)) {
            return None;
        }
        let is_unused = |id: &VmId| self.vms.get(id).is_some_and(Vm::is_unused);
        let own = self.last_begun.get(&thread).copied().filter(is_unused);
        let best = own.or_else(|| self.index.last_used(affinity)).filter(|_| is_unused(&id)).unwrap_or(id);
        self.last_begun.insert(thread, best);
        let before = self.change(best, |vm| {
            if let Some(affinity) = affinity {
                vm.affinities.retain(|known| *known != affinity);
                vm.affinities.push_front(affinity);
                vm.affinities.truncate(AFFINITIES_MAX);
            }
            std::mem::replace(&mut vm.occupant, Occupant::Running(ticket))
        })?;
        if best != id {
            self.change(id, |vm| vm.occupant = before);
        }
        let moved = if let Occupant::Granted(other) = before { Some(other).filter(|_| best != id) } else { None };
        Some(Beginning { vm: best, moved })
    }

    /// The run on it is over, and it is pristine.
    pub(super) fn put_back(&mut self, id: VmId, now: Duration) {
        let order = self.next_event();
        self.change(id, |vm| match vm.occupant {
            Occupant::Granted(_) => vm.occupant = Occupant::Nobody,
            _ => vm.vacate(order, now),
        });
    }

    /// It is gone. Gives the parked runs that are gone with it.
    pub(super) fn remove(&mut self, id: VmId) -> BTreeSet<Ticket> {
        let Some(vm) = self.vms.remove(&id) else { return BTreeSet::new() };
        self.index.leave(id, &vm);
        vm.parked
    }

    /// Whether the run that was granted it has begun.
    pub(super) fn has_begun(&self, id: VmId) -> bool {
        self.vms.get(&id).is_some_and(|vm| !matches!(vm.occupant, Occupant::Granted(_)))
    }

    /// The run on it waits for the host.
    pub(super) fn wait(&mut self, id: VmId) {
        let order = self.next_event();
        self.change(id, |vm| {
            if let Occupant::Running(ticket) = vm.occupant {
                (vm.occupant, vm.order) = (Occupant::Waiting(ticket), order);
            }
        });
    }

    /// The run on it waits no longer, or does not leave.
    pub(super) fn go_on(&mut self, id: VmId) {
        self.change(id, |vm| {
            if let Some(ticket) = vm.occupant.ticket() {
                vm.occupant = Occupant::Running(ticket);
            }
        });
    }

    /// The run on it was saved, and it is pristine.
    pub(super) fn park(&mut self, id: VmId, now: Duration) {
        let order = self.next_event();
        self.change(id, |vm| {
            vm.parked.extend(vm.occupant.ticket());
            vm.vacate(order, now);
        });
    }

    /// A parked run wants it back.
    pub(super) fn line_up(&mut self, id: VmId, ticket: Ticket) -> Place {
        let place = self.next_event();
        self.change(id, |vm| vm.returning.insert(place, ticket));
        place
    }

    /// A parked run is over.
    pub(super) fn forget_parked(&mut self, id: VmId, ticket: Ticket, place: Option<Place>, now: Duration) {
        let order = self.next_event();
        self.change(id, |vm| {
            vm.parked.remove(&ticket);
            place.and_then(|place| vm.returning.remove(&place));
            if vm.occupant == Occupant::Nobody && vm.parked.is_empty() {
                vm.vacate(order, now);
            }
        });
    }

    /// Puts the next parked run on a VM that nobody is on and that it wants back.
    pub(super) fn resume(&mut self) -> Option<(Ticket, VmId)> {
        let id = self.index.first_due()?;
        let ticket = self.change(id, |vm| {
            let (_, ticket) = vm.returning.pop_first()?;
            vm.parked.remove(&ticket);
            vm.occupant = Occupant::Running(ticket);
            Some(ticket)
        });
        Some((ticket??, id))
    }

    /// Asks a run that waits on a VM that a parked run wants back.
    pub(super) fn ask_for_parked(&mut self) -> Option<Ticket> {
        self.ask(self.index.first_overdue()?)
    }

    /// Asks a run for somebody who is new: on a VM that few parked runs need, and of these the one that waits longest.
    pub(super) fn ask_for_new(&mut self) -> Option<Ticket> {
        self.ask(self.index.first_waiting()?)
    }

    fn ask(&mut self, id: VmId) -> Option<Ticket> {
        let asked = self.change(id, |vm| {
            let ticket = vm.occupant.ticket()?;
            vm.occupant = Occupant::Asked(ticket);
            Some(ticket)
        });
        asked?
    }

    /// It holds so many bytes.
    pub(super) fn holds(&mut self, id: VmId, bytes: usize) {
        if self.vms.get(&id).is_some_and(|vm| vm.bytes != bytes) {
            self.change(id, |vm| vm.bytes = bytes);
        }
    }

    /// Gives up the largest one that stands ready and that no parked run needs, if it holds more than `bytes`.
    pub(super) fn take_large(&mut self, bytes: usize) -> Option<VmId> {
        let (_, id) = self.index.largest_spare().filter(|(held, _)| *held > bytes)?;
        self.remove(id);
        Some(id)
    }

    /// Gives up the one that stood ready for the longest time, if that was since `since` or before and no parked run
    /// needs it.
    pub(super) fn take_idle(&mut self, since: Duration) -> Option<VmId> {
        let id = self.index.longest_idle()?;
        if self.vms.get(&id)?.since > since {
            return None;
        }
        self.remove(id);
        Some(id)
    }

    fn change<T>(&mut self, id: VmId, change: impl FnOnce(&mut Vm) -> T) -> Option<T> {
        let vm = self.vms.get_mut(&id)?;
        self.index.leave(id, vm);
        let result = change(vm);
        self.index.join(id, vm);
        Some(result)
    }

    fn next_event(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

/// A run that begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) ticket: Ticket,
    pub(super) thread: usize,
    pub(super) affinity: Option<u64>,
}

/// Where a run begins.
pub(super) struct Beginning {
    pub(super) vm: VmId,
    /// The grant that has the VM now that was this one's.
    pub(super) moved: Option<Ticket>,
}

impl Vm {
    /// Whether it is pristine, and no parked run needs it.
    pub(super) fn is_unused(&self) -> bool {
        matches!(self.occupant, Occupant::Nobody | Occupant::Granted(_)) && self.parked.is_empty()
    }

    fn vacate(&mut self, order: u64, now: Duration) {
        (self.occupant, self.order, self.since) = (Occupant::Nobody, order, now);
    }
}

impl Occupant {
    fn ticket(self) -> Option<Ticket> {
        match self {
            Self::Nobody | Self::Granted(_) => None,
            Self::Running(ticket) | Self::Waiting(ticket) | Self::Asked(ticket) => Some(ticket),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_vms_ran_is_remembered_within_bounds() {
        let mut vms = Vms::default();
        (0..3).for_each(|id| vms.add(VmId(id), 1, Duration::ZERO));
        for run in 0..1_000_u64 {
            let id = vms.take(Ticket(run)).expect("one is ready");
            let run = Run { ticket: Ticket(run), thread: (run % 5) as usize, affinity: Some(run) };
            let Beginning { vm, moved } = vms.begin(id, run).expect("it has not begun");
            assert_eq!(moved, None);
            vms.put_back(vm, Duration::ZERO);
            assert!(vms.index.affinities() <= 3 * AFFINITIES_MAX);
        }
        (0..3).for_each(|id| drop(vms.remove(VmId(id))));
        assert_eq!(vms.index.affinities(), 0);
    }
}
