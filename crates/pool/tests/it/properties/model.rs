//! What the state machine should know, kept the plain way.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use isolet_core_traits::{EngineError, TenantId};
use isolet_pool::admission::{Decision, Grant, Ticket, VmId, VmReturn};
use isolet_pool::{Admission, Need, PoolConfig, Rejected, Request, Share};

use super::Event;
use crate::request;

pub(super) struct Model {
    pub(super) admission: Admission,
    pub(super) config: PoolConfig,
    pub(super) now: Duration,
    pub(super) draining: bool,
    pub(super) waiting: Vec<(Ticket, Request, Duration)>,
    /// What tenants that hold a lease or wait may have.
    pub(super) shares: HashMap<TenantId, Share>,
    /// Those who wait, since they were served or corrected last.
    pub(super) watches: HashMap<TenantId, Watch>,
    pub(super) granted: Vec<Granted>,
    pub(super) being_made: Vec<VmId>,
    pub(super) ready: HashSet<VmId>,
    /// What VMs hold, if it is not what they are taken to hold.
    pub(super) bytes: HashMap<VmId, usize>,
    pub(super) totals: Totals,
    pub(super) failed_since_last: bool,
    /// Since when VMs have been lacking without a break, and nobody was granted one.
    pub(super) lacking_since: Option<Duration>,
    ended: HashSet<Ticket>,
    events: usize,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) granted: u64,
    pub(super) rejected: u64,
    pub(super) parks: u64,
    pub(super) unparks: u64,
}

/// What others were granted in the stead of a tenant that waits.
#[derive(Debug)]
pub(super) struct Watch {
    /// For which it had to pay at first.
    pub(super) rounds: u64,
    pub(super) passed: HashMap<TenantId, Passed>,
}

#[derive(Debug, Default)]
pub(super) struct Passed {
    pub(super) cost_us: u64,
    pub(super) cost_max_us: u64,
    pub(super) given_back_us: u64,
}

#[derive(Debug)]
pub(super) struct Granted {
    pub(super) ticket: Ticket,
    pub(super) request: Request,
    pub(super) cost_us: u64,
    pub(super) seat: Seat,
}

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    Nowhere,
    /// Not begun.
    Granted(VmId),
    Running(VmId),
    /// Since this event.
    Waiting(VmId, usize),
    Asked(VmId),
    /// In so many bytes; in the VM's line since this event.
    Parked(VmId, usize, Option<usize>),
    /// Parked on a VM that is gone, and not yet told.
    Lost(usize),
}

impl Seat {
    /// The VM that it is on.
    pub(super) fn on(self) -> Option<VmId> {
        match self {
            Self::Granted(vm) | Self::Running(vm) | Self::Waiting(vm, _) | Self::Asked(vm) => Some(vm),
            Self::Nowhere | Self::Parked(..) | Self::Lost(_) => None,
        }
    }

    /// The VM that it is parked by.
    pub(super) fn parked_by(self) -> Option<VmId> {
        if let Self::Parked(vm, ..) = self { Some(vm) } else { None }
    }

    pub(super) fn bytes(self) -> usize {
        if let Self::Parked(_, bytes, _) | Self::Lost(bytes) = self { bytes } else { 0 }
    }

    /// Its place in the line of this VM.
    pub(super) fn place_at(self, at: VmId) -> Option<usize> {
        if let Self::Parked(vm, _, place) = self { place.filter(|_| vm == at) } else { None }
    }
}

impl Model {
    pub(super) fn new(config: PoolConfig) -> Self {
        let mut model = Self {
            admission: Admission::new(config.clone()).expect("a valid config"),
            config,
            now: Duration::ZERO,
            draining: false,
            waiting: Vec::new(),
            shares: HashMap::new(),
            watches: HashMap::new(),
            granted: Vec::new(),
            being_made: Vec::new(),
            ready: HashSet::new(),
            bytes: HashMap::new(),
            totals: Totals::default(),
            failed_since_last: false,
            lacking_since: None,
            ended: HashSet::new(),
            events: 0,
        };
        model.apply(Event::Pass(0));
        model
    }

    pub(super) fn apply(&mut self, event: Event) {
        self.events += 1;
        match event {
            Event::Request { tenant, script, need, share, affinity } => {
                let request =
                    Request { share, affinity, ..request(&format!("t{tenant}"), &format!("s{script}"), need) };
                self.shares.insert(request.tenant.clone(), share);
                let ticket = self.admission.request(self.now, request.clone());
                self.waiting.push((ticket, request, self.now));
            }
            Event::Cancel(at) => {
                if let Some(at) = at.checked_rem(self.waiting.len()) {
                    let (ticket, ..) = self.waiting.remove(at);
                    assert!(self.ended.insert(ticket));
                    self.admission.cancel(self.now, ticket);
                }
            }
            Event::ReturnVm(..) | Event::Release(..) => self.give_back(event),
            Event::Begin(at, thread) => self.begin(at, thread),
            Event::Holds(at, bytes) => {
                if let Some(at) = self.pick(at, |seat| seat.on().is_some() && !matches!(seat, Seat::Granted(_))) {
                    self.admission.vm_holds(self.granted[at].ticket, bytes);
                    self.bytes.extend(self.granted[at].seat.on().map(|vm| (vm, bytes)));
                    self.admission.tick(self.now);
                }
            }
            Event::Wait(_) | Event::GoOn(_) | Event::Parked(..) | Event::Reply(_) => self.move_run(event),
            Event::OutOfTurn(at) => self.disturb(at),
            Event::Made(_) | Event::Failed(_) => self.answer_order(event),
            Event::Pass(ms) => {
                self.now += Duration::from_millis(u64::from(ms));
                self.admission.tick(self.now);
            }
            Event::Drain => {
                self.draining = true;
                self.admission.drain(self.now);
            }
            Event::TurnAway => {
                self.draining = true;
                self.admission.turn_away(self.now);
            }
        }
        while let Some(decision) = self.admission.next_decision() {
            self.decide(decision);
        }
        let (granted, waiting) = (&self.granted, &self.waiting);
        self.shares.retain(|tenant, _| {
            granted.iter().any(|granted| granted.request.tenant == *tenant)
                || waiting.iter().any(|(_, request, _)| request.tenant == *tenant)
        });
        self.lacking_since = if self.vms_of_use() == 0 { None } else { self.lacking_since.or(Some(self.now)) };
        self.watch();
        self.check();
    }

    /// One of the grants that `may` tells.
    fn pick(&self, at: usize, may: impl Fn(Seat) -> bool) -> Option<usize> {
        let able: Vec<_> = (0..self.granted.len()).filter(|at| may(self.granted[*at].seat)).collect();
        Some(able[at.checked_rem(able.len())?])
    }

    fn give_back(&mut self, event: Event) {
        let (Event::ReturnVm(at, vm) | Event::Release(at, vm, _)) = event else { return };
        let Some(at) = self.pick(at, |_| true) else { return };
        let ticket = self.granted[at].ticket;
        let seat = std::mem::replace(&mut self.granted[at].seat, Seat::Nowhere);
        match (seat.on(), vm) {
            (Some(id), VmReturn::Kept) => drop(self.ready.insert(id)),
            (Some(id), VmReturn::Lost) => self.lose(id),
            (None, _) => {}
        }
        if let Event::Release(.., cpu_us) = event {
            let Granted { request, cost_us, .. } = self.granted.remove(at);
            self.admission.release(self.now, ticket, vm, cpu_us.map(|us| Duration::from_micros(us.into())));
            self.watches.remove(&request.tenant);
            let given_back_us = cost_us.saturating_sub(cpu_us.map_or(cost_us, |us| u64::from(us.max(1))));
            for watch in self.watches.values_mut() {
                watch.passed.entry(request.tenant.clone()).or_default().given_back_us += given_back_us;
            }
        } else {
            self.admission.return_vm(self.now, ticket, vm);
        }
    }

    fn lose(&mut self, vm: VmId) {
        for granted in self.granted.iter_mut().filter(|granted| granted.seat.parked_by() == Some(vm)) {
            granted.seat = Seat::Lost(granted.seat.bytes());
        }
    }

    fn begin(&mut self, at: usize, thread: usize) {
        let Some(at) = self.pick(at, |seat| seat.on().is_some()) else { return };
        let Granted { ticket, seat, .. } = self.granted[at];
        let vm = self.admission.begin(ticket, thread).expect("it has a VM");
        let Seat::Granted(own) = seat else { return assert_eq!(Some(vm), seat.on(), "it has begun before") };
        if vm != own {
            assert!(self.parked_by(vm) == 0 && self.parked_by(own) == 0, "parked runs need one of them");
            match self.granted.iter_mut().find(|other| other.seat == Seat::Granted(vm)) {
                Some(other) => other.seat = Seat::Granted(own),
                None => assert!(self.ready.remove(&vm) && self.ready.insert(own), "it was somebody's"),
            }
        }
        self.granted[at].seat = Seat::Running(vm);
        // The one that was left may be too large to stay.
        self.admission.tick(self.now);
    }

    fn move_run(&mut self, event: Event) {
        let picked = match event {
            Event::Wait(at) => self.pick(at, |seat| matches!(seat, Seat::Running(_))),
            Event::GoOn(at) => self.pick(at, |seat| matches!(seat, Seat::Waiting(..) | Seat::Asked(_))),
            // Mostly those that were asked, but nobody is forbidden to leave.
            Event::Parked(at, 0) => self.pick(at, |seat| seat.on().is_some() && !matches!(seat, Seat::Granted(_))),
            Event::Parked(at, _) => self.pick(at, |seat| matches!(seat, Seat::Asked(_))),
            Event::Reply(at) => self.pick(at, |seat| matches!(seat, Seat::Parked(_, _, None))),
            _ => None,
        };
        let Some(at) = picked else { return };
        let (now, place) = (self.now, self.events);
        let Granted { ticket, seat, .. } = self.granted[at];
        self.granted[at].seat = match (event, seat) {
            (Event::Wait(_), Seat::Running(vm)) => {
                self.admission.wait(now, ticket);
                Seat::Waiting(vm, place)
            }
            (Event::GoOn(_), Seat::Waiting(vm, _) | Seat::Asked(vm)) => {
                self.admission.go_on(now, ticket);
                Seat::Running(vm)
            }
            (Event::Parked(_, bytes), Seat::Asked(vm) | Seat::Waiting(vm, _) | Seat::Running(vm)) => {
                self.admission.parked(now, ticket, bytes);
                self.ready.insert(vm);
                self.totals.parks += 1;
                Seat::Parked(vm, bytes, None)
            }
            (Event::Reply(_), Seat::Parked(vm, bytes, None)) => {
                self.admission.reply(now, ticket);
                Seat::Parked(vm, bytes, Some(place))
            }
            (event, seat) => panic!("{event:?} does not happen to {seat:?}"),
        };
    }

    /// What does not fit does nothing.
    fn disturb(&mut self, at: usize) {
        let Some(at) = self.pick(at, |seat| !matches!(seat, Seat::Lost(_))) else { return };
        let Granted { ticket, seat, .. } = self.granted[at];
        if !matches!(seat, Seat::Running(_)) {
            self.admission.wait(self.now, ticket);
        }
        if seat.on().is_none() || matches!(seat, Seat::Granted(_)) {
            self.admission.go_on(self.now, ticket);
            self.admission.parked(self.now, ticket, 1_000_000);
        }
        if !matches!(seat, Seat::Parked(_, _, None)) {
            self.admission.reply(self.now, ticket);
        }
    }

    fn answer_order(&mut self, event: Event) {
        let (Event::Made(at) | Event::Failed(at)) = event else { return };
        let Some(at) = at.checked_rem(self.being_made.len()) else { return };
        let vm = self.being_made.remove(at);
        self.failed_since_last = matches!(event, Event::Failed(_));
        if self.failed_since_last {
            self.admission.vm_failed(self.now, vm, EngineError::Memory);
        } else {
            self.ready.insert(vm);
            self.admission.vm_ready(self.now, vm);
        }
    }

    fn decide(&mut self, decision: Decision) {
        match decision {
            Decision::Grant(grant) => self.grant(&grant),
            Decision::Reject(ticket, why) => self.reject(ticket, &why),
            Decision::Create(vm) => {
                assert!(!self.draining || !self.waiting.is_empty(), "nobody will need it");
                assert!(self.being_made.len() < self.wanted(self.vms_of_use()), "nobody needs another VM");
                self.being_made.push(vm);
            }
            Decision::Destroy(vm) => {
                assert!(self.ready.remove(&vm), "only a VM that is ready is destroyed");
                let is_large = self.bytes.get(&vm).is_some_and(|bytes| *bytes > self.config.vm_bytes);
                assert!(self.draining || is_large || self.live() >= self.config.vms_initial);
                assert_eq!(self.parked_by(vm), 0, "a parked run needs it");
            }
            Decision::Park(ticket) => {
                let at = self.granted(ticket);
                self.check_park(at);
                let Seat::Waiting(vm, _) = self.granted[at].seat else { panic!("it does not wait") };
                self.granted[at].seat = Seat::Asked(vm);
            }
            Decision::Resume { ticket, vm } => {
                let at = self.granted(ticket);
                let place = self.granted[at].seat.place_at(vm).expect("it is in this VM's line");
                let first = self.granted.iter().filter_map(|granted| granted.seat.place_at(vm)).min();
                assert_eq!(Some(place), first, "others came before it");
                assert!(self.ready.remove(&vm), "a VM goes to one run only");
                self.totals.unparks += 1;
                self.granted[at].seat = Seat::Running(vm);
            }
            Decision::Lost(ticket) => {
                let at = self.granted(ticket);
                assert!(matches!(self.granted[at].seat, Seat::Lost(_)), "its VM is there");
                self.granted[at].seat = Seat::Nowhere;
            }
        }
    }

    fn granted(&self, ticket: Ticket) -> usize {
        self.granted.iter().position(|granted| granted.ticket == ticket).expect("it is granted")
    }

    fn grant(&mut self, grant: &Grant) {
        let at = self.waiting.iter().position(|(ticket, ..)| *ticket == grant.ticket).expect("it waited");
        self.check_order(at);
        let cost_us = u64::try_from(grant.expected_cpu.as_micros()).expect("a small figure");
        self.check_bound(at, cost_us);
        self.watches.remove(&self.waiting[at].1.tenant);
        self.totals.granted += 1;
        if grant.vm.is_some() {
            self.lacking_since = None;
        }
        let (ticket, request, since) = self.waiting.remove(at);
        assert!(self.ended.insert(ticket), "a ticket ends once");
        assert_eq!(grant.waited, self.now - since);
        assert_eq!(grant.vm.is_some(), request.need == Need::Vm);
        let vm = self.admission.vm_of(grant.ticket);
        assert_eq!(vm.is_some(), grant.vm.is_some());
        if let Some(vm) = vm {
            let fewest = self.ready.iter().map(|vm| self.parked_by(*vm)).min();
            assert_eq!(Some(self.parked_by(vm)), fewest, "VMs with parked runs take new work last");
            assert!(self.ready.remove(&vm), "only a VM that is ready is granted");
        }
        self.granted.push(Granted { ticket, request, cost_us, seat: vm.map_or(Seat::Nowhere, Seat::Granted) });
    }

    fn reject(&mut self, ticket: Ticket, why: &Rejected) {
        let at = self.waiting.iter().position(|(waiting, ..)| *waiting == ticket).expect("it waited");
        let (_, request, since) = self.waiting.remove(at);
        self.totals.rejected += 1;
        assert!(self.ended.insert(ticket), "a ticket ends once");
        match why {
            Rejected::QueueFull { waiting, queue_max, .. } => {
                assert_eq!((*waiting, *queue_max), (self.config.queue_max, self.config.queue_max));
            }
            Rejected::QueueTimeout { waited, .. } => {
                assert!(*waited >= self.config.queue_wait && *waited == self.now - since);
            }
            Rejected::Draining { .. } => assert!(self.draining),
            Rejected::NoVm { .. } => assert!(request.need == Need::Vm && self.live() == 0),
            _ => panic!("unknown reason: {why}"),
        }
    }

    /// Everything ends when VMs can be made and all that are on one go on, leave or let go. Parked runs let go of nothing:
    /// they get their VM back first.
    pub(super) fn wind_up(&mut self) {
        for round in 0..2_000 {
            if self.waiting.is_empty() && self.granted.is_empty() && self.being_made.is_empty() {
                break;
            }
            self.apply(Event::Made(0));
            self.apply(Event::Reply(0));
            self.apply(if round % 2 == 0 { Event::Parked(0, 1) } else { Event::GoOn(0) });
            if let Some(at) = self.granted.iter().position(|granted| granted.seat.parked_by().is_none()) {
                self.apply(Event::Release(at, VmReturn::Kept, None));
            }
            self.apply(Event::Pass(10));
        }
        let stats = self.admission.stats();
        assert_eq!((stats.waiting, stats.leases, stats.in_use, stats.tenants), (0, 0, 0, 0));
        assert_eq!((stats.parked, stats.parked_returning, stats.parked_bytes), (0, 0, 0));
        let totals = stats.created_total - stats.lost_total - stats.destroyed_total;
        assert_eq!(totals, stats.ready as u64, "no VM is unaccounted for");
    }
}
