//! Which work a worker does next: a state machine without threads, locks or clocks.
//!
//! ```text
//! submit ─▶ placed: the worker with the least load ── next ─▶ running ── over
//!             ▲ fresh: may move to a worker that has none        │
//!             └ begun: stays with its worker ◀──── preempted ────┘
//! ```
//!
//! Of a worker's work that is runnable, what is past its deadline comes first, to be ended. Then fresh work has precedence
//! over work that has begun, until it has had as much CPU time: so short runs do not wait for long ones, and these get on
//! nevertheless. Within both, the tenant comes next that has been served least: CPU time by weight. Whoever was away starts
//! at what the least served have, so that nobody saves up turns.
//!
//! A slice is never longer than what the engine makes of it; so no tenant with work that has begun is more than two slices
//! behind any other one on its worker.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use isolet_core_traits::{Interrupt, TenantId};

/// Work, by the order of its submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Ticket(u64);

/// At whose expense work is done, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    /// `None` for the executor itself.
    pub(crate) tenant: Option<TenantId>,
    /// The tenant's share of a worker, against that of others.
    pub(crate) weight: NonZeroU32,
    /// By the executor's clock.
    pub(crate) deadline: Option<Duration>,
}

impl Claim {
    /// For a tenant, until the deadline that the interrupt has now. All tenants weigh the same.
    pub(crate) fn of(tenant: &TenantId, interrupt: &Interrupt) -> Self {
        Self { tenant: Some(tenant.clone()), weight: NonZeroU32::MIN, deadline: interrupt.deadline() }
    }

    /// What the executor does for itself: little, and others wait for it.
    pub(crate) const OWN: Self = Self { tenant: None, weight: NonZeroU32::new(16).expect("not 0"), deadline: None };
}

/// Work of every worker; `T` is what it takes to do it.
pub(super) struct Schedule<T> {
    queues: Vec<Queue>,
    items: HashMap<Ticket, Item<T>>,
    tickets: u64,
}

struct Item<T> {
    claim: Claim,
    worker: usize,
    state: State,
    is_running: bool,
    /// None while it is running.
    work: Option<T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    /// It was preempted, and is bound to its worker.
    Begun,
}

/// CPU time in nanoseconds, divided by the weight of who used it, times [`SCALE`].
type Served = u64;

const SCALE: u64 = 1024;
/// What a slice costs at least: a clock may be coarse.
const COST_MIN: Duration = Duration::from_micros(1);

/// One worker's work.
#[derive(Default)]
struct Queue {
    /// Those with work on it, the running one included.
    tenants: HashMap<Option<TenantId>, Tenant>,
    /// Tenants with fresh work, and with work that has begun.
    fresh: Order,
    begun: Order,
    /// Runnable work with a deadline.
    due: BTreeSet<(Duration, Ticket)>,
    /// Weights of all work, the running one included.
    load: u64,
    /// What whoever was served least had when a turn was given last.
    floor: Served,
    /// CPU time that fresh work has had while work that has begun has not.
    ahead: Duration,
    ranks: u64,
}

type Order = BTreeMap<Rank, Option<TenantId>>;

/// Fresh work may be so far ahead of work that has begun.
const AHEAD_MAX: Duration = Duration::from_millis(1);

/// Who is served less comes first; of those alike, who has waited longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    served: Served,
    number: u64,
}

#[derive(Default)]
struct Tenant {
    served: Served,
    fresh: VecDeque<Ticket>,
    begun: VecDeque<Ticket>,
    /// All of its work, the running one included.
    count: usize,
    /// Where it stands in both orders.
    rank: Option<Rank>,
}

impl<T> Schedule<T> {
    pub(super) fn new(workers: usize) -> Self {
        Self { queues: (0..workers).map(|_| Queue::default()).collect(), items: HashMap::new(), tickets: 0 }
    }

    /// New work for the worker with the least load; of those alike, for the preferred one. Gives the worker.
    pub(super) fn submit(&mut self, claim: Claim, work: T, preferred: Option<usize>) -> (Ticket, usize) {
        let least = |worker: &usize| (self.queues[*worker].load, Some(*worker) != preferred);
        let worker = (0..self.queues.len()).min_by_key(least).expect("there is a worker");
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        self.queues[worker].enter(&claim);
        self.queues[worker].add(ticket, &claim, State::Fresh);
        self.items.insert(ticket, Item { claim, worker, state: State::Fresh, is_running: false, work: Some(work) });
        (ticket, worker)
    }

    /// What the worker is to do now; it does nothing else until it has said what came of it.
    pub(super) fn next(&mut self, worker: usize, now: Duration) -> Option<(Ticket, T)> {
        if self.queues[worker].is_exhausted() {
            self.steal(worker);
        }
        let ticket = self.queues[worker].choose(now)?;
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        self.queues[worker].remove(ticket, &item.claim, item.state);
        item.is_running = true;
        Some((ticket, item.work.take().expect("what is queued is not running")))
    }

    /// The worker's work has used `cpu` and wants more. Gives it back if nobody knows it any more.
    pub(super) fn preempted(&mut self, ticket: Ticket, cpu: Duration, work: T) -> Option<T> {
        let Some(item) = self.items.get_mut(&ticket) else { return Some(work) };
        let was = std::mem::replace(&mut item.state, State::Begun);
        (item.is_running, item.work) = (false, Some(work));
        let queue = &mut self.queues[item.worker];
        queue.charge(&item.claim, was, cpu);
        queue.add(ticket, &item.claim, State::Begun);
        None
    }

    /// The worker's work has used `cpu` and is over.
    pub(super) fn over(&mut self, ticket: Ticket, cpu: Duration) {
        let Some(item) = self.items.remove(&ticket) else { return };
        let queue = &mut self.queues[item.worker];
        queue.charge(&item.claim, item.state, cpu);
        queue.leave(&item.claim);
    }

    /// Nobody waits for the work any more, or its deadline has passed: it comes next. Gives its worker.
    pub(super) fn hurry(&mut self, ticket: Ticket) -> Option<usize> {
        let item = self.items.get_mut(&ticket)?;
        let queue = &mut self.queues[item.worker];
        if !item.is_running {
            queue.due.remove(&(item.claim.deadline.unwrap_or_default(), ticket));
            queue.due.insert((Duration::ZERO, ticket));
        }
        item.claim.deadline = Some(Duration::ZERO);
        Some(item.worker)
    }

    /// Until when the work must be over, if it is not.
    pub(super) fn deadline(&self, ticket: Ticket) -> Option<Duration> {
        self.items.get(&ticket)?.claim.deadline
    }

    /// The worker's thread is gone, and with it what it was doing and all that it has begun, which is given back. What is
    /// fresh waits for another thread.
    pub(super) fn lose_thread(&mut self, worker: usize) -> Vec<T> {
        let is_lost = |item: &Item<T>| item.worker == worker && (item.is_running || item.state == State::Begun);
        let mut lost: Vec<_> = self.items.iter().filter(|(_, item)| is_lost(item)).map(|(ticket, _)| *ticket).collect();
        lost.sort();
        let lost = lost.into_iter().filter_map(|ticket| {
            let item = self.items.remove(&ticket)?;
            let queue = &mut self.queues[worker];
            if !item.is_running {
                queue.remove(ticket, &item.claim, item.state);
            }
            queue.leave(&item.claim);
            item.work
        });
        lost.collect()
    }

    /// Whether the work is short, as far as anybody knows.
    pub(super) fn is_fresh(&self, ticket: Ticket) -> bool {
        self.items.get(&ticket).is_some_and(|item| item.state == State::Fresh)
    }

    /// Whether the worker has anything to do.
    pub(super) fn is_idle(&self, worker: usize) -> bool {
        self.queues[worker].load == 0
    }

    /// Takes fresh work from whoever has most of it.
    fn steal(&mut self, thief: usize) {
        let victim = (0..self.queues.len()).max_by_key(|worker| self.queues[*worker].fresh.len());
        let Some(ticket) = victim.and_then(|victim| self.queues[victim].fresh_of_least_served()) else { return };
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        self.queues[item.worker].remove(ticket, &item.claim, State::Fresh);
        self.queues[item.worker].leave(&item.claim);
        item.worker = thief;
        self.queues[thief].enter(&item.claim);
        self.queues[thief].add(ticket, &item.claim, State::Fresh);
    }
}

impl Queue {
    /// New work of a tenant.
    fn enter(&mut self, claim: &Claim) {
        self.load += u64::from(claim.weight.get());
        let floor = self.floor;
        let tenant =
            self.tenants.entry(claim.tenant.clone()).or_insert_with(|| Tenant { served: floor, ..Tenant::default() });
        tenant.count += 1;
    }

    /// Work of a tenant is over, or elsewhere.
    fn leave(&mut self, claim: &Claim) {
        self.load -= u64::from(claim.weight.get());
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        tenant.count -= 1;
        if tenant.count == 0 {
            self.tenants.remove(&claim.tenant);
        }
    }

    fn add(&mut self, ticket: Ticket, claim: &Claim, state: State) {
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        match state {
            State::Fresh => tenant.fresh.push_back(ticket),
            State::Begun => tenant.begun.push_back(ticket),
        }
        if let Some(deadline) = claim.deadline {
            self.due.insert((deadline, ticket));
        }
        self.settle(&claim.tenant);
    }

    fn remove(&mut self, ticket: Ticket, claim: &Claim, state: State) {
        if let Some(deadline) = claim.deadline {
            self.due.remove(&(deadline, ticket));
        }
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        let list = if state == State::Fresh { &mut tenant.fresh } else { &mut tenant.begun };
        if let Some(at) = list.iter().position(|queued| *queued == ticket) {
            list.remove(at);
        }
        self.settle(&claim.tenant);
    }

    /// Puts a tenant where it belongs now.
    fn settle(&mut self, name: &Option<TenantId>) {
        let Some(tenant) = self.tenants.get_mut(name) else { return };
        if let Some(rank) = tenant.rank.take() {
            self.fresh.remove(&rank);
            self.begun.remove(&rank);
        }
        let rank = Rank { served: tenant.served, number: self.ranks };
        self.ranks += 1;
        tenant.rank = Some(rank);
        if !tenant.fresh.is_empty() {
            self.fresh.insert(rank, name.clone());
        }
        if !tenant.begun.is_empty() {
            self.begun.insert(rank, name.clone());
        }
    }

    fn is_exhausted(&self) -> bool {
        self.fresh.is_empty() && self.begun.is_empty()
    }

    /// What comes next. It is still queued.
    fn choose(&mut self, now: Duration) -> Option<Ticket> {
        if let Some((deadline, ticket)) = self.due.first()
            && *deadline <= now
        {
            return Some(*ticket);
        }
        if self.begun.is_empty() {
            self.ahead = Duration::ZERO; // Of nobody.
        }
        let least = [self.fresh.keys().next(), self.begun.keys().next()].into_iter().flatten().min()?;
        self.floor = self.floor.max(least.served);
        if self.begun.is_empty() || !self.fresh.is_empty() && self.ahead < AHEAD_MAX {
            return self.fresh_of_least_served();
        }
        let tenant = self.begun.values().next()?;
        self.tenants.get(tenant)?.begun.front().copied()
    }

    fn fresh_of_least_served(&self) -> Option<Ticket> {
        let tenant = self.fresh.values().next()?;
        self.tenants.get(tenant)?.fresh.front().copied()
    }

    fn charge(&mut self, claim: &Claim, was: State, cpu: Duration) {
        let cpu = cpu.max(COST_MIN);
        self.ahead = match was {
            State::Fresh => self.ahead.saturating_add(cpu),
            State::Begun => self.ahead.saturating_sub(cpu),
        };
        let nanoseconds = u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX);
        let cost = nanoseconds.saturating_mul(SCALE) / u64::from(claim.weight.get());
        if let Some(tenant) = self.tenants.get_mut(&claim.tenant) {
            tenant.served = tenant.served.saturating_add(cost);
        }
        self.settle(&claim.tenant);
    }
}

#[cfg(test)]
mod tests;
