//! Who is admitted, when VMs are made and when they are destroyed: a pure state machine.
//!
//! ```text
//! request ─┬─────────────────────────────▶ Grant ── return_vm ── release
//!          └─▶ waiting ─┬─ a cap or a VM is free ─▶ Grant
//!                       ├─ queue_wait is over ────▶ Reject
//!                       └─ cancel
//! Create ── vm_ready ─▶ ready ⇄ in use ── lost
//!        └─ vm_failed      └─ idle_timeout ─▶ Destroy
//! Grant ── wait ── Park ── parked ── reply ── Resume       for runs that leave their VM while they wait for the host
//! ```
//!
//! Each event takes the time since an origin of the caller's choice, and may lead to any number of [`Decision`]s, which
//! [`Admission::next_decision`] gives in order; the caller must carry out all of them. There is no clock, no lock and no
//! I/O in here. The work for an event grows with the logarithm of what waits, for each decision that it leads to.

mod decision;
mod index;
mod ledger;
mod making;
mod metrics;
mod parking;
mod vms;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use isolet_core_traits::{EngineError, ScriptId, TenantId, VmOrigin, WaitedFor};

pub use self::decision::{Decision, Grant, Need, Request, Ticket, VmId, VmReturn};
pub use self::metrics::PoolMetrics;

use crate::config::{ConfigError, PoolConfig};
use crate::rejected::{Blocked, Cap, Rejected};
use ledger::{Change, Class, Ledger};
use making::{Demand, Making};
use vms::{Beginning, Place, Vms};

/// The state machine. See the [module](self).
#[derive(Debug)]
pub struct Admission {
    config: PoolConfig,
    ledger: Ledger,
    waiting: BTreeMap<Ticket, Waiting>,
    granted: HashMap<Ticket, Granted>,
    making: Making,
    vms: Vms,
    parked_bytes: usize,
    tickets: u64,
    draining: bool,
    decisions: VecDeque<Decision>,
    totals: PoolMetrics,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    since: Duration,
    blocked: Blocked,
    position: usize,
}

#[derive(Debug)]
struct Granted {
    tenant: TenantId,
    script: ScriptId,
    seat: Seat,
}

/// Where the run of a grant is.
#[derive(Debug)]
enum Seat {
    /// It has no VM: it needs none, has given it back, or has lost it.
    Nowhere,
    /// On its VM.
    On(VmId),
    /// Saved in so many bytes, and, if it wants its VM back, at this place in the line.
    Parked { vm: VmId, bytes: usize, place: Option<Place> },
}

impl Admission {
    /// Nothing is made yet: the first [`tick`](Self::tick), or any other event, begins with
    /// [`vms_initial`](PoolConfig::vms_initial).
    ///
    /// # Errors
    /// [`ConfigError`] if [`PoolConfig::check`] refuses the figures.
    pub fn new(config: PoolConfig) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            ledger: Ledger::new(config.runs_per_tenant, config.runs_per_script),
            config,
            waiting: BTreeMap::new(),
            granted: HashMap::new(),
            making: Making::default(),
            vms: Vms::default(),
            parked_bytes: 0,
            tickets: 0,
            draining: false,
            decisions: VecDeque::new(),
            totals: PoolMetrics::default(),
        })
    }

    /// Someone asks to be admitted. The ticket ends in one [`Decision::Grant`] or one [`Decision::Reject`], or in
    /// [`cancel`](Self::cancel).
    pub fn request(&mut self, now: Duration, request: Request) -> Ticket {
        self.expire(now);
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        let position = self.waiting.len();
        if self.draining {
            self.reject(ticket, Rejected::Draining { in_use: self.granted.len() });
        } else if let Some(blocked) = self.blocked(&request) {
            self.enqueue(ticket, Waiting { request, since: now, blocked, position });
        } else {
            self.ledger.change(&request.tenant, &request.script, Change::Take);
            self.grant(ticket, request, Waited { time: Duration::ZERO, reason: None, position }, None);
        }
        self.settle(now, None);
        ticket
    }

    /// Whoever waited does not want it any more. Does nothing if the ticket does not wait.
    pub fn cancel(&mut self, now: Duration, ticket: Ticket) {
        self.leave_queue(ticket);
        self.settle(now, None);
    }

    /// The run of a grant begins, or goes on after [`Decision::Resume`]: gives its VM. Until a run begins, it is open
    /// which one it has: it gets the one that `thread`, a small number, is likeliest to have in its caches.
    pub fn begin(&mut self, ticket: Ticket, thread: usize) -> Option<VmId> {
        let granted = self.vm_of(ticket)?;
        let Some(Beginning { vm, moved }) = self.vms.begin(granted, ticket, thread) else { return Some(granted) };
        for (ticket, vm) in [(Some(ticket), vm), (moved, granted)] {
            if let Some(grant) = ticket.and_then(|ticket| self.granted.get_mut(&ticket)) {
                grant.seat = Seat::On(vm);
            }
        }
        Some(vm)
    }

    /// The VM of a grant is not used any more, or its parked run is over; its permits still are in use.
    /// `vm` says what becomes of the VM, if the run is on it.
    /// Does nothing if the grant has no VM or gave it back already.
    pub fn return_vm(&mut self, now: Duration, ticket: Ticket, vm: VmReturn) {
        self.take_vm_back(now, ticket, vm);
        self.settle(now, None);
    }

    /// A grant is over; `vm` says what becomes of its VM, if the run is still on it.
    /// Does nothing if the ticket holds no grant.
    pub fn release(&mut self, now: Duration, ticket: Ticket, vm: VmReturn) {
        self.take_vm_back(now, ticket, vm);
        if let Some(granted) = self.granted.remove(&ticket) {
            self.ledger.change(&granted.tenant, &granted.script, Change::Release);
        }
        self.settle(now, None);
    }

    /// A VM was made.
    pub fn vm_ready(&mut self, now: Duration, vm: VmId) {
        if self.making.succeed(vm) {
            self.vms.add(vm, now);
            self.totals.created_total += 1;
        }
        self.settle(now, Some(vm));
    }

    /// A VM could not be made.
    pub fn vm_failed(&mut self, now: Duration, vm: VmId, error: EngineError) {
        if self.making.fail(vm, now, &self.config) {
            self.totals.failed_total += 1;
        }
        let failures = self.making.failures();
        if failures >= self.config.vm_failures_max && self.live() == 0 {
            self.reject_waiting(|waiting| waiting.request.need == Need::Vm, &Rejected::NoVm { failures, error });
        }
        self.settle(now, None);
    }

    /// Time passed: ends what waited for too long, destroys what was idle for too long, tries again what failed.
    pub fn tick(&mut self, now: Duration) {
        self.settle(now, None);
    }

    /// From now on nothing is admitted: what waits is rejected, VMs are destroyed as they come back, none is made.
    pub fn drain(&mut self, now: Duration) {
        self.draining = true;
        self.reject_waiting(|_| true, &Rejected::Draining { in_use: self.granted.len() });
        self.settle(now, None);
    }

    /// The next thing to do.
    pub fn next_decision(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// When the caller must [`tick`](Self::tick) for the sake of this ticket; `None` if it does not wait.
    /// A change of [`retry_at`](Self::retry_at) may bring it forward.
    pub fn wake_at(&self, ticket: Ticket) -> Option<Duration> {
        let deadline = self.waiting.get(&ticket)?.since.saturating_add(self.config.queue_wait);
        Some(self.retry_at().map_or(deadline, |retry_at| retry_at.min(deadline)))
    }

    /// When the next attempt to make a VM is due; `None` if no VM is lacking or no failure made it wait.
    pub fn retry_at(&self) -> Option<Duration> {
        self.making.retry_at(self.demand(), &self.config)
    }

    /// Whether it was told to drain and no lease is out any more.
    pub fn is_drained(&self) -> bool {
        self.draining && self.granted.is_empty()
    }

    /// The figures as they are now.
    pub fn metrics(&self) -> PoolMetrics {
        PoolMetrics {
            ready: self.vms.index().ready(),
            in_use: self.vms.index().in_use(),
            being_made: self.making.being_made(),
            waiting: self.waiting.len(),
            leases: self.granted.len(),
            tenants: self.ledger.tenants(),
            parked: self.vms.index().parked(),
            parked_returning: self.vms.index().returning(),
            parked_bytes: self.parked_bytes,
            ..self.totals
        }
    }

    /// What holds a request back now. After [`settle`](Self::settle), whoever waits is held back by something.
    fn blocked(&self, request: &Request) -> Option<Blocked> {
        let by_cap = self.ledger.blocked(&request.tenant, &request.script);
        by_cap.or_else(|| self.blocked_by_vms(self.ledger.class(&request.tenant, request.need)))
    }

    /// What but caps of tenants and scripts holds back all requests of a class.
    fn blocked_by_vms(&self, class: Class) -> Option<Blocked> {
        if class == Class::Permit {
            return None;
        }
        let (in_flight, in_flight_max) = (self.in_flight(), self.config.runs_in_flight_max);
        if in_flight >= in_flight_max {
            return Some(Blocked { by: Cap::RunsInFlight, in_use: in_flight, cap: in_flight_max });
        }
        let in_use = self.vms.index().in_use();
        if self.vms.index().ready() == 0 {
            return Some(Blocked { by: Cap::Vms, in_use, cap: self.config.vms_max });
        }
        let cap = self.config.vms_max - self.config.vms_for_first_runs();
        (class == Class::FurtherRun && in_use >= cap).then_some(Blocked { by: Cap::FurtherRuns, in_use, cap })
    }

    /// Runs that are on a VM or parked.
    fn in_flight(&self) -> usize {
        self.vms.index().in_use() + self.vms.index().parked()
    }

    fn enqueue(&mut self, ticket: Ticket, waiting: Waiting) {
        let queue_max = self.config.queue_max;
        if self.waiting.len() >= queue_max {
            let blocked = waiting.blocked;
            return self.reject(ticket, Rejected::QueueFull { waiting: self.waiting.len(), queue_max, blocked });
        }
        let Request { tenant, script, need } = &waiting.request;
        self.ledger.change(tenant, script, Change::Enqueue(ticket, *need));
        self.waiting.insert(ticket, waiting);
    }

    fn leave_queue(&mut self, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        let Request { tenant, script, need } = &waiting.request;
        self.ledger.change(tenant, script, Change::Leave(ticket, *need));
        Some(waiting)
    }

    /// Does everything that has become possible or due. `made` is a VM that has just been made.
    fn settle(&mut self, now: Duration, made: Option<VmId>) {
        self.serve_parked();
        if self.draining {
            while let Some(vm) = self.vms.take_idle(now) {
                self.destroy(vm);
            }
            return;
        }
        while let Some(ticket) = self.first_grantable() {
            self.grant_waiting(now, ticket, made);
        }
        self.expire(now);
        self.retire(now);
        for _ in 0..self.making.to_begin(self.demand(), now, &self.config) {
            let vm = self.making.begin();
            self.decisions.push_back(Decision::Create(vm));
        }
        self.ask_for_new();
    }

    /// Destroys VMs that stood ready for too long.
    fn retire(&mut self, now: Duration) {
        let Some(since) = now.checked_sub(self.config.idle_timeout) else { return };
        while self.live() > self.config.vms_initial
            && let Some(vm) = self.vms.take_idle(since)
        {
            self.destroy(vm);
        }
    }

    /// All VMs that count against the maximum.
    fn live(&self) -> usize {
        self.vms.made() + self.making.being_made()
    }

    fn demand(&self) -> Demand {
        Demand { made: self.vms.made(), lacking: self.vms_lacking() }
    }

    /// VMs that those who wait could use at once, within all caps but that on VMs.
    fn vms_lacking(&self) -> usize {
        self.ledger.vms_lacking().min(self.config.runs_in_flight_max.saturating_sub(self.in_flight()))
    }

    fn first_grantable(&self) -> Option<Ticket> {
        let free = [Class::FirstRun, Class::FurtherRun, Class::Permit].into_iter();
        let free = free.filter(|class| self.blocked_by_vms(*class).is_none());
        free.filter_map(|class| self.ledger.first_admissible(class)).min()
    }

    fn grant_waiting(&mut self, now: Duration, ticket: Ticket, made: Option<VmId>) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        let Waiting { request, since, blocked, position } = waiting;
        self.ledger.change(&request.tenant, &request.script, Change::Promote(ticket, request.need));
        let waited = Waited { time: now.saturating_sub(since), reason: Some(blocked.by.waited_for()), position };
        self.grant(ticket, request, waited, made);
    }

    /// The caller has seen to it that a VM is ready if one is needed, and has counted the grant in the ledger.
    fn grant(&mut self, ticket: Ticket, request: Request, waited: Waited, made: Option<VmId>) {
        let Request { tenant, script, need } = request;
        let vm = if need == Need::Vm { self.vms.take(ticket) } else { None };
        self.granted.insert(ticket, Granted { tenant, script, seat: vm.map_or(Seat::Nowhere, Seat::On) });
        self.totals.granted_total += 1;
        let origin = |vm| if made == Some(vm) { VmOrigin::Cold } else { VmOrigin::Warm };
        self.decisions.push_back(Decision::Grant(Grant {
            ticket,
            vm: vm.map(origin),
            waited: waited.time,
            waited_for: waited.reason,
            position: waited.position,
        }));
    }

    fn take_vm_back(&mut self, now: Duration, ticket: Ticket, what: VmReturn) {
        let Some(granted) = self.granted.get_mut(&ticket) else { return };
        match (std::mem::replace(&mut granted.seat, Seat::Nowhere), what) {
            (Seat::Nowhere, _) => {}
            (Seat::On(vm), VmReturn::Kept) => self.vms.put_back(vm, now),
            (Seat::On(vm), VmReturn::Lost) => self.lose(vm),
            (Seat::Parked { vm, bytes, place }, _) => {
                self.parked_bytes -= bytes;
                self.vms.forget_parked(vm, ticket, place, now);
            }
        }
    }

    /// Rejects those whose time in the queue is over. All wait equally long, so the first in line are the first to go.
    fn expire(&mut self, now: Duration) {
        while let Some((&ticket, waiting)) = self.waiting.first_key_value()
            && now >= waiting.since.saturating_add(self.config.queue_wait)
        {
            let blocked = self.blocked(&waiting.request).unwrap_or(waiting.blocked);
            let (waited, position) = (now.saturating_sub(waiting.since), waiting.position);
            self.leave_queue(ticket);
            let waiting = self.waiting.len();
            self.reject(ticket, Rejected::QueueTimeout { waited, position, waiting, blocked });
        }
    }

    fn reject_waiting(&mut self, which: impl Fn(&Waiting) -> bool, why: &Rejected) {
        let tickets: Vec<Ticket> =
            self.waiting.iter().filter(|(_, waiting)| which(waiting)).map(|(&ticket, _)| ticket).collect();
        for ticket in tickets {
            self.leave_queue(ticket);
            self.reject(ticket, why.clone());
        }
    }

    fn reject(&mut self, ticket: Ticket, why: Rejected) {
        self.totals.rejected_total += 1;
        self.decisions.push_back(Decision::Reject(ticket, why));
    }

    fn destroy(&mut self, vm: VmId) {
        self.totals.destroyed_total += 1;
        self.decisions.push_back(Decision::Destroy(vm));
    }
}

/// What a grant tells of the time before it.
struct Waited {
    time: Duration,
    reason: Option<WaitedFor>,
    position: usize,
}
