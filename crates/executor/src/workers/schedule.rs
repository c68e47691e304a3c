//! Which work a worker does next: a state machine without threads, locks or clocks.
//!
//! ```text
//! submit ─▶ placed: the worker with the least load ── next ─▶ running ── over
//!             ▲ fresh: may move to a worker that has none        │
//!             └ begun: stays with its worker ◀──── preempted ────┘
//! ```
//!
//! Of a worker's work that is runnable, what is past its deadline comes first, to be ended. Then comes the tenant that
//! has been served least: CPU time by weight. Who was away starts at what the least served have, so that nobody saves
//! up turns. Of one tenant, fresh work and work that has begun take turns, so that short runs do not wait for long ones,
//! and these get on nevertheless.
//!
//! A slice is never longer than what the engine makes of it; so no tenant with work on a worker is more than a slice
//! behind any other one there.

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
    /// None while it is running.
    work: Option<T>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Begun,
    Running,
}

/// CPU time in nanoseconds, divided by the weight of who used it, times [`SCALE`].
type Served = u64;

const SCALE: u64 = 1024;
/// What a slice costs at least: a clock may be coarse.
const COST_MIN: Duration = Duration::from_micros(1);

/// One worker's work.
#[derive(Default)]
struct Queue {
    tenants: HashMap<Option<TenantId>, Tenant>,
    /// Tenants with runnable work.
    order: BTreeMap<Rank, Option<TenantId>>,
    /// Tenants without, that were served more than others. Forgotten once the others have caught up.
    resting: BTreeMap<Rank, Option<TenantId>>,
    /// Runnable work with a deadline.
    due: BTreeSet<(Duration, Ticket)>,
    fresh: usize,
    /// Weights of all work, the running one included.
    load: u64,
    /// What whoever was served least had when a turn was given last.
    floor: Served,
    ranks: u64,
}

/// Who is served less comes first; of those alike, who has fresh work; of those alike, who has waited longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    served: Served,
    has_none_fresh: bool,
    number: u64,
}

#[derive(Default)]
struct Tenant {
    served: Served,
    fresh: VecDeque<Ticket>,
    begun: VecDeque<Ticket>,
    /// Whose turn it is, of the two.
    is_turn_of_begun: bool,
    /// Where it stands in the order, or among those that rest.
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
        self.queues[worker].load += u64::from(claim.weight.get());
        self.queues[worker].add(ticket, &claim, State::Fresh);
        self.items.insert(ticket, Item { claim, worker, state: State::Fresh, work: Some(work) });
        (ticket, worker)
    }

    /// What the worker is to do now; it does nothing else until it has said what came of it.
    pub(super) fn next(&mut self, worker: usize, now: Duration) -> Option<(Ticket, T)> {
        if self.queues[worker].order.is_empty() {
            self.steal(worker);
        }
        let ticket = self.queues[worker].choose(now)?;
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        self.queues[worker].remove(ticket, &item.claim, item.state);
        item.state = State::Running;
        Some((ticket, item.work.take().expect("what is queued is not running")))
    }

    /// The worker's work has used `cpu` and wants more. Gives it back if nobody knows it any more.
    pub(super) fn preempted(&mut self, ticket: Ticket, cpu: Duration, work: T) -> Option<T> {
        let Some(item) = self.items.get_mut(&ticket) else { return Some(work) };
        (item.state, item.work) = (State::Begun, Some(work));
        let queue = &mut self.queues[item.worker];
        queue.charge(&item.claim, cpu);
        queue.add(ticket, &item.claim, State::Begun);
        None
    }

    /// The worker's work has used `cpu` and is over.
    pub(super) fn over(&mut self, ticket: Ticket, cpu: Duration) {
        let Some(item) = self.items.remove(&ticket) else { return };
        let queue = &mut self.queues[item.worker];
        queue.charge(&item.claim, cpu);
        queue.load -= u64::from(item.claim.weight.get());
        queue.settle(&item.claim.tenant);
    }

    /// Nobody waits for the work any more, or its deadline has passed: it comes next. Gives its worker.
    pub(super) fn hurry(&mut self, ticket: Ticket) -> Option<usize> {
        let item = self.items.get_mut(&ticket)?;
        let queue = &mut self.queues[item.worker];
        if item.state != State::Running {
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
        let is_lost = |item: &Item<T>| item.worker == worker && item.state != State::Fresh;
        let mut lost: Vec<_> = self.items.iter().filter(|(_, item)| is_lost(item)).map(|(ticket, _)| *ticket).collect();
        lost.sort();
        let lost = lost.into_iter().filter_map(|ticket| {
            let item = self.items.remove(&ticket)?;
            let queue = &mut self.queues[worker];
            if item.state == State::Begun {
                queue.remove(ticket, &item.claim, item.state);
            }
            queue.load -= u64::from(item.claim.weight.get());
            queue.settle(&item.claim.tenant);
            item.work
        });
        lost.collect()
    }

    /// Whether the worker has anything to do.
    pub(super) fn is_idle(&self, worker: usize) -> bool {
        self.queues[worker].load == 0
    }

    /// Takes fresh work from whoever has most of it.
    fn steal(&mut self, thief: usize) {
        let victim = (0..self.queues.len()).max_by_key(|worker| self.queues[*worker].fresh);
        let Some(ticket) = victim.and_then(|victim| self.queues[victim].fresh_of_least_served()) else { return };
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        let weight = u64::from(item.claim.weight.get());
        self.queues[item.worker].remove(ticket, &item.claim, State::Fresh);
        self.queues[item.worker].load -= weight;
        self.queues[item.worker].settle(&item.claim.tenant);
        item.worker = thief;
        self.queues[thief].load += weight;
        self.queues[thief].add(ticket, &item.claim, State::Fresh);
    }
}

impl Queue {
    fn add(&mut self, ticket: Ticket, claim: &Claim, state: State) {
        let floor = self.floor;
        let tenant = self.tenants.entry(claim.tenant.clone()).or_default();
        if tenant.fresh.is_empty() && tenant.begun.is_empty() {
            tenant.served = tenant.served.max(floor);
        }
        match state {
            State::Fresh => {
                tenant.fresh.push_back(ticket);
                self.fresh += 1;
            }
            State::Begun | State::Running => tenant.begun.push_back(ticket),
        }
        if let Some(deadline) = claim.deadline {
            self.due.insert((deadline, ticket));
        }
        self.settle(&claim.tenant);
    }

    /// What comes next. It is still queued.
    fn choose(&mut self, now: Duration) -> Option<Ticket> {
        if let Some((deadline, ticket)) = self.due.first()
            && *deadline <= now
        {
            return Some(*ticket);
        }
        let (rank, tenant) = self.order.first_key_value()?;
        self.floor = self.floor.max(rank.served);
        let tenant = self.tenants.get_mut(tenant).expect("who is in the order is there");
        let takes_begun = tenant.is_turn_of_begun && !tenant.begun.is_empty() || tenant.fresh.is_empty();
        tenant.is_turn_of_begun = !takes_begun;
        if takes_begun { tenant.begun.front().copied() } else { tenant.fresh.front().copied() }
    }

    fn fresh_of_least_served(&self) -> Option<Ticket> {
        self.order.values().find_map(|tenant| self.tenants.get(tenant)?.fresh.front().copied())
    }

    /// The work is not queued any more. Its tenant keeps its place until it is [settled](Self::settle).
    fn remove(&mut self, ticket: Ticket, claim: &Claim, state: State) {
        if let Some(deadline) = claim.deadline {
            self.due.remove(&(deadline, ticket));
        }
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        let list = if state == State::Fresh { &mut tenant.fresh } else { &mut tenant.begun };
        if let Some(at) = list.iter().position(|queued| *queued == ticket) {
            list.remove(at);
            self.fresh -= usize::from(state == State::Fresh);
        }
        self.settle(&claim.tenant);
    }

    fn charge(&mut self, claim: &Claim, cpu: Duration) {
        let nanoseconds = u64::try_from(cpu.max(COST_MIN).as_nanos()).unwrap_or(u64::MAX);
        let cost = nanoseconds.saturating_mul(SCALE) / u64::from(claim.weight.get());
        let floor = self.floor;
        let tenant = self.tenants.entry(claim.tenant.clone()).or_default();
        tenant.served = tenant.served.max(floor).saturating_add(cost);
    }

    /// Puts a tenant where it belongs now.
    fn settle(&mut self, name: &Option<TenantId>) {
        if self.load == 0 {
            // Nobody is behind anybody.
            (self.resting, self.floor) = (BTreeMap::new(), 0);
            self.tenants.clear();
            self.order.clear();
            return;
        }
        let Some(tenant) = self.tenants.get_mut(name) else { return };
        if let Some(rank) = tenant.rank.take() {
            self.order.remove(&rank);
            self.resting.remove(&rank);
        }
        let is_runnable = !tenant.fresh.is_empty() || !tenant.begun.is_empty();
        let number = self.ranks;
        self.ranks += 1;
        let rank = Rank { served: tenant.served, has_none_fresh: tenant.fresh.is_empty(), number };
        tenant.rank = Some(rank);
        match is_runnable {
            true => self.order.insert(rank, name.clone()),
            false => self.resting.insert(rank, name.clone()),
        };
        while let Some(entry) = self.resting.first_entry()
            && entry.key().served <= self.floor
        {
            self.tenants.remove(&entry.remove());
        }
    }
}

#[cfg(test)]
mod tests;
