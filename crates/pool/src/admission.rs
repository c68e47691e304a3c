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

mod capped;
mod costs;
mod decision;
mod index;
mod ledger;
mod making;
mod parking;
mod rounds;
mod size;
mod sizing;
mod stats;
mod vms;
mod window;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use isolet_core_traits::{EngineError, ScriptId, TenantId, VmOrigin, WaitedFor};

pub use self::costs::COST_UNKNOWN;
pub use self::decision::{Decision, Grant, Need, Request, Share, Ticket, VmId, VmReturn};
pub use self::rounds::QUANTUM_US;
pub use self::stats::{Crowd, Destroyed, Ordered, PoolStats, Rejections};

use crate::config::{ConfigError, PoolConfig};
use crate::rejected::{Blocked, Cap, Rejected};
use capped::Capped;
use costs::Costs;
use ledger::{Change, Class, Cost, Ledger, Whose};
use making::Making;
use size::Size;
use vms::{Beginning, Place, Run, Vms};
use window::{Level, Window};

/// The state machine. See the [module](self).
#[derive(Debug)]
pub struct Admission {
    config: PoolConfig,
    ledger: Ledger,
    costs: Costs,
    waiting: BTreeMap<Ticket, Waiting>,
    granted: HashMap<Ticket, Granted>,
    making: Making,
    size: Size,
    window: Window,
    vms: Vms,
    parked_bytes: usize,
    tickets: u64,
    draining: bool,
    decisions: VecDeque<Decision>,
    totals: PoolStats,
}

#[derive(Debug)]
struct Waiting {
    request: Request,
    since: Duration,
    blocked: Blocked,
    /// How long its tenant and its script had been at their caps when it came.
    capped: Capped,
    position: usize,
}

#[derive(Debug)]
struct Granted {
    tenant: TenantId,
    script: ScriptId,
    need: Need,
    share: Share,
    affinity: Option<u64>,
    /// What its tenant was charged with.
    cost: Cost,
    since: Duration,
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
            ledger: Ledger::default(),
            costs: Costs::default(),
            size: Size::new(&config),
            window: Window::new(),
            config,
            waiting: BTreeMap::new(),
            granted: HashMap::new(),
            making: Making::default(),
            vms: Vms::default(),
            parked_bytes: 0,
            tickets: 0,
            draining: false,
            decisions: VecDeque::new(),
            totals: PoolStats::default(),
        })
    }

    /// Someone asks to be admitted. The ticket ends in one [`Decision::Grant`] or one [`Decision::Reject`], or in
    /// [`cancel`](Self::cancel).
    pub fn request(&mut self, now: Duration, request: Request) -> Ticket {
        self.expire(now);
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        if self.ledger.set_share(now, &request.tenant, request.share) {
            // Those who came before go before, if that lets them in.
            self.settle(now, None);
        }
        let position = self.waiting.len();
        if self.draining {
            self.reject(ticket, Rejected::Draining { in_use: self.granted.len() });
        } else if let Some(blocked) = self.blocked(&request) {
            let capped = self.ledger.capped(now, &request);
            self.enqueue(ticket, Waiting { request, since: now, blocked, capped, position });
        } else {
            let cost = self.costs.expected_us(&request.tenant, &request.script, request.need);
            self.ledger.change(now, Whose::from(&request), Change::Take(cost));
            let waited = Waited { time: Duration::ZERO, reason: None, position };
            self.grant(now, Grantee { ticket, request, cost }, waited, None);
        }
        self.settle(now, None);
        ticket
    }

    /// Whoever waited does not want it any more. Does nothing if the ticket does not wait.
    pub fn cancel(&mut self, now: Duration, ticket: Ticket) {
        if self.leave_queue(now, ticket).is_some() {
            self.totals.cancelled_total += 1;
        }
        self.settle(now, None);
    }

    /// The run of a grant begins, or goes on after [`Decision::Resume`]: gives its VM. Until a run begins, it is open
    /// which one it has: it gets the one that `thread`, a small number, is likeliest to have in its caches.
    pub fn begin(&mut self, ticket: Ticket, thread: usize) -> Option<VmId> {
        let granted = self.vm_of(ticket)?;
        // While there are too many VMs, use of the same few lets the others become idle.
        let affinity = self.granted.get(&ticket)?.affinity.filter(|_| self.live() <= self.size.target());
        let Some(Beginning { vm, moved }) = self.vms.begin(granted, Run { ticket, thread, affinity }) else {
            return Some(granted);
        };
        for (ticket, vm) in [(Some(ticket), vm), (moved, granted)] {
            if let Some(grant) = ticket.and_then(|ticket| self.granted.get_mut(&ticket)) {
                grant.seat = Seat::On(vm);
            }
        }
        Some(vm)
    }

    /// The VM that the run of a grant is on holds so many bytes. Counts from the next event on.
    pub fn vm_holds(&mut self, ticket: Ticket, bytes: usize) {
        if let Some(vm) = self.vm_of(ticket) {
            self.vms.holds(vm, bytes);
        }
    }

    /// The VM of a grant is not used any more, or its parked run is over; its permits still are in use.
    /// `vm` says what becomes of the VM, if the run is on it.
    /// Does nothing if the grant has no VM or gave it back already.
    pub fn return_vm(&mut self, now: Duration, ticket: Ticket, vm: VmReturn) {
        self.take_vm_back(now, ticket, vm);
        self.settle(now, None);
    }

    /// A grant is over; `vm` says what becomes of its VM, if the run is still on it, and `cpu_used` what CPU time it has
    /// used, if that is known: what its tenant was charged with is corrected. Nothing is learnt of a script that used none.
    /// Does nothing if the ticket holds no grant.
    pub fn release(&mut self, now: Duration, ticket: Ticket, vm: VmReturn, cpu_used: Option<Duration>) {
        self.take_vm_back(now, ticket, vm);
        if let Some(Granted { tenant, script, need, share, cost, since, .. }) = self.granted.remove(&ticket) {
            if need == Need::Vm {
                let run_time = now.saturating_sub(since);
                self.window.ended(run_time);
                self.totals.run_times.record(run_time);
            }
            let used = cpu_used.map(costs::microseconds);
            if let Some(used) = used.filter(|_| cpu_used > Some(Duration::ZERO)) {
                self.costs.learn(&tenant, &script, need, used);
            }
            let whose = Whose { tenant: &tenant, script: &script, share };
            self.ledger.change(now, whose, Change::Release(cost, used.unwrap_or(cost)));
        }
        self.settle(now, None);
    }

    /// A VM was made.
    pub fn vm_ready(&mut self, now: Duration, vm: VmId) {
        if self.making.succeed(vm) {
            self.vms.add(vm, self.config.vm_bytes, now);
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
            let retry_after = Some(self.making.pause_until().saturating_sub(now));
            let why = Rejected::NoVm { failures, error, retry_after };
            self.reject_waiting(now, |waiting| waiting.request.need == Need::Vm, &why);
        }
        self.settle(now, None);
    }

    /// Time passed: ends what waited for too long, destroys what was idle for too long, tries again what failed.
    pub fn tick(&mut self, now: Duration) {
        self.settle(now, None);
    }

    /// From now on requests are rejected. Those that wait are served as ever; once there are none, VMs are destroyed as
    /// they come back.
    pub fn drain(&mut self, now: Duration) {
        self.draining = true;
        self.settle(now, None);
    }

    /// [Drains](Self::drain), and rejects those that wait as well.
    pub fn turn_away(&mut self, now: Duration) {
        self.draining = true;
        self.reject_waiting(now, |_| true, &Rejected::Draining { in_use: self.granted.len() });
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
        [self.retry_at(), self.urgent_at()].into_iter().flatten().chain([deadline]).min()
    }

    /// When the next attempt to make a VM is due; `None` if no VM is lacking or no failure made it wait.
    pub fn retry_at(&self) -> Option<Duration> {
        self.making.retry_at(self.demand(true))
    }

    /// For how many rounds the tenant of a request that waits has to pay before its [turn](QUANTUM_US); `None` if the
    /// ticket does not wait.
    pub fn rounds_ahead(&self, ticket: Ticket) -> Option<u64> {
        self.ledger.rounds_ahead(&self.waiting.get(&ticket)?.request.tenant)
    }

    /// Whether it was told to drain, nobody waits and no lease is out any more.
    pub fn is_drained(&self) -> bool {
        self.draining && self.waiting.is_empty() && self.granted.is_empty()
    }

    /// The figures as they are now.
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            ready: self.vms.index().ready(),
            in_use: self.vms.index().in_use(),
            being_made: self.making.being_made(),
            total: self.vms.made(),
            target: self.target(),
            utilisation_average: self.window.utilisation(),
            demand_average: self.window.demand(),
            lacking: self.vms_lacking(),
            waiting: self.waiting.len(),
            leases: self.granted.len(),
            crowds: self.ledger.crowds().take(PoolStats::CROWDS_MAX).map(|crowd| self.explained(crowd)).collect(),
            tenants: self.ledger.tenants(),
            debtors: self.ledger.debtors(),
            scripts_known: self.costs.scripts(),
            parked: self.vms.index().parked(),
            parked_returning: self.vms.index().returning(),
            parked_bytes: self.parked_bytes,
            vm_bytes: self.vms.index().bytes(),
            ..self.totals.clone()
        }
    }

    /// With what holds back its next request, if no cap of its own does.
    fn explained(&self, crowd: Crowd) -> Crowd {
        let by_vms = || Some(self.blocked_by_vms(self.ledger.class(&crowd.tenant, Need::Vm))?.by);
        Crowd { blocked_by: crowd.blocked_by.or_else(by_vms), ..crowd }
    }

    /// What holds a request back now. After [`settle`](Self::settle), whoever waits is held back by something.
    fn blocked(&self, request: &Request) -> Option<Blocked> {
        let by_cap = self.ledger.still_blocked(request);
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
        if self.is_over_memory() {
            let (in_use, cap) = (self.vms.index().bytes(), self.config.memory_bytes_max);
            return Some(Blocked { by: Cap::Memory, in_use, cap });
        }
        let in_use = self.vms.index().in_use();
        if self.vms.index().ready() == 0 {
            return Some(Blocked { by: Cap::Vms, in_use, cap: self.config.vms_max });
        }
        let cap = self.vms_for_further_runs();
        (class == Class::FurtherRun && in_use >= cap).then_some(Blocked { by: Cap::FurtherRuns, in_use, cap })
    }

    /// Runs that are on a VM or parked.
    fn in_flight(&self) -> usize {
        self.vms.index().in_use() + self.vms.index().parked()
    }

    fn enqueue(&mut self, ticket: Ticket, waiting: Waiting) {
        let queue_max = self.config.queue_max;
        if self.waiting.len() >= queue_max {
            let (blocked, retry_after) = (waiting.blocked, self.retry_after(waiting.blocked, &waiting.request.tenant));
            let waiting = self.waiting.len();
            return self.reject(ticket, Rejected::QueueFull { waiting, queue_max, blocked, retry_after });
        }
        self.ledger.change(waiting.since, Whose::from(&waiting.request), Change::Enqueue(ticket, waiting.request.need));
        self.waiting.insert(ticket, waiting);
    }

    fn leave_queue(&mut self, now: Duration, ticket: Ticket) -> Option<Waiting> {
        let waiting = self.waiting.remove(&ticket)?;
        self.ledger.change(now, Whose::from(&waiting.request), Change::Leave(ticket, waiting.request.need));
        Some(waiting)
    }

    /// Does everything that has become possible or due. `made` is a VM that has just been made.
    fn settle(&mut self, now: Duration, made: Option<VmId>) {
        if self.window.pass(now) {
            self.size.revise(&self.window, &self.config);
        }
        while self.is_over_memory()
            && let Some(vm) = self.vms.take_large(self.config.vm_bytes)
        {
            self.totals.destroyed.memory += 1;
            self.destroy(vm);
        }
        self.serve_parked();
        while let Some(ticket) = self.first_grantable() {
            self.grant_waiting(now, ticket, made);
        }
        self.expire(now);
        if self.draining && self.waiting.is_empty() {
            self.clear(now);
        } else {
            self.retire(now);
        }
        self.size.lacks(self.vms_of_use(), now);
        self.order(now);
        self.ask_for_new();
        let (total, in_use) = (self.vms.made(), self.vms.index().in_use());
        self.window.hold(Level { total, in_use, demand: in_use + self.vms_of_use() });
    }

    fn first_grantable(&self) -> Option<Ticket> {
        let free = [Class::FirstRun, Class::FurtherRun, Class::Permit].into_iter();
        let free = free.filter(|class| self.blocked_by_vms(*class).is_none());
        let (_, ticket) = free.filter_map(|class| self.ledger.first_admissible(class)).min()?;
        Some(ticket)
    }

    fn grant_waiting(&mut self, now: Duration, ticket: Ticket, made: Option<VmId>) {
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        let Waiting { request, since, blocked, capped, position } = waiting;
        let time = now.saturating_sub(since);
        let reason = self.ledger.capped(now, &request).reason(capped, time, blocked.by);
        if request.need == Need::Vm {
            self.size.serves();
        }
        let cost = self.costs.expected_us(&request.tenant, &request.script, request.need);
        let change = Change::Promote(ticket, request.need, cost);
        self.ledger.change(now, Whose::from(&request), change);
        let waited = Waited { time, reason: Some(reason), position };
        self.grant(now, Grantee { ticket, request, cost }, waited, made);
    }

    /// The caller has seen to it that a VM is ready if one is needed, and has counted the grant in the ledger.
    fn grant(&mut self, now: Duration, grantee: Grantee, waited: Waited, made: Option<VmId>) {
        let Grantee { ticket, request, cost } = grantee;
        let Request { tenant, script, need, share, affinity } = request;
        let vm = if need == Need::Vm { self.vms.take(ticket) } else { None };
        let seat = vm.map_or(Seat::Nowhere, Seat::On);
        self.granted.insert(ticket, Granted { tenant, script, need, share, affinity, cost, since: now, seat });
        self.window.granted();
        self.totals.granted_total += 1;
        self.totals.waited_total += u64::from(waited.reason.is_some());
        self.totals.wait_times.record(waited.time);
        let origin = |vm| if made == Some(vm) { VmOrigin::Cold } else { VmOrigin::Warm };
        self.decisions.push_back(Decision::Grant(Grant {
            ticket,
            vm: vm.map(origin),
            waited: waited.time,
            waited_for: waited.reason,
            position: waited.position,
            expected_cpu: Duration::from_micros(cost),
        }));
    }

    fn take_vm_back(&mut self, now: Duration, ticket: Ticket, what: VmReturn) {
        let Some(granted) = self.granted.get_mut(&ticket) else { return };
        match (std::mem::replace(&mut granted.seat, Seat::Nowhere), what) {
            (Seat::Nowhere, _) => {}
            (Seat::On(vm), VmReturn::Kept) => {
                self.window.vm_back();
                self.vms.put_back(vm, now);
            }
            (Seat::On(vm), VmReturn::Lost) => self.lose(vm),
            (Seat::Parked { vm, bytes, place }, _) => {
                self.parked_bytes -= bytes;
                self.vms.forget_parked(vm, ticket, place, now);
            }
        }
    }

    /// How long until those who wait are through, if all goes on as in the last minute: those of the tenant, by its cap and
    /// the time that runs take, or all of them, by the rate of grants.
    fn retry_after(&self, blocked: Blocked, tenant: &TenantId) -> Option<Duration> {
        let count = |requests: usize| u32::try_from(requests + 1).unwrap_or(u32::MAX);
        match blocked.by {
            Cap::Tenant | Cap::Script => {
                let places = u32::try_from(blocked.cap).ok().filter(|cap| *cap > 0)?;
                Some(self.window.run_time()?.saturating_mul(count(self.ledger.waiting(tenant))) / places)
            }
            _ => Some(self.window.time_by_grant()?.saturating_mul(count(self.waiting.len()))),
        }
    }

    /// Rejects those whose time in the queue is over. All wait equally long, so the first in line are the first to go.
    fn expire(&mut self, now: Duration) {
        while let Some((&ticket, waiting)) = self.waiting.first_key_value()
            && now >= waiting.since.saturating_add(self.config.queue_wait)
        {
            let blocked = self.blocked(&waiting.request).unwrap_or(waiting.blocked);
            let retry_after = self.retry_after(blocked, &waiting.request.tenant);
            let (waited, position) = (now.saturating_sub(waiting.since), waiting.position);
            self.leave_queue(now, ticket);
            let waiting = self.waiting.len();
            self.reject(ticket, Rejected::QueueTimeout { waited, position, waiting, blocked, retry_after });
        }
    }

    fn reject_waiting(&mut self, now: Duration, which: impl Fn(&Waiting) -> bool, why: &Rejected) {
        let tickets: Vec<Ticket> =
            self.waiting.iter().filter(|(_, waiting)| which(waiting)).map(|(&ticket, _)| ticket).collect();
        for ticket in tickets {
            self.leave_queue(now, ticket);
            self.reject(ticket, why.clone());
        }
    }

    fn reject(&mut self, ticket: Ticket, why: Rejected) {
        self.totals.rejected_total += 1;
        self.totals.rejections.count(&why);
        self.decisions.push_back(Decision::Reject(ticket, why));
    }

    fn destroy(&mut self, vm: VmId) {
        self.totals.destroyed_total += 1;
        self.decisions.push_back(Decision::Destroy(vm));
    }
}

/// Who is granted, at what cost.
struct Grantee {
    ticket: Ticket,
    request: Request,
    cost: Cost,
}

/// What a grant tells of the time before it.
struct Waited {
    time: Duration,
    reason: Option<WaitedFor>,
    position: usize,
}
