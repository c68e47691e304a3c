//! Which work a worker does next: a state machine without threads, locks or clocks.
//!
//! ```text
//! submit ─▶ placed: the worker with the least load ── next ─▶ running ── over
//!             ▲ unbound: may move to a worker that has none      │
//!             └ bound: stays with its worker ◀───── preempted ───┘
//! ```
//!
//! Of a worker's work that is runnable, what is past its deadline comes first, to be ended; between two of them a short one
//! may have its turn, because ending a run takes time when it has used much memory. Then short work has precedence
//! over long work, until it has had as much CPU time; then it is the turn of whoever has been served least: so short runs
//! do not wait for long ones, and these get on nevertheless. Work is long once it was preempted, and from its start if
//! more is expected of it: by what the pool knows of its script, less what the run has used before. Within both, the tenant comes next that has been served least: CPU time by weight.
//! Whoever was away starts at what the least served have, so that nobody saves up turns.
//!
//! Short work that waits for a worker which is held up is taken by another one at its next turn.
//!
//! A slice is never longer than what the engine makes of it; so no tenant that always has work is more than two slices
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
    /// CPU time that it is expected to use, if anything is known of that.
    pub(crate) expected: Option<Duration>,
    /// By the executor's clock.
    pub(crate) deadline: Option<Duration>,
}

impl Claim {
    /// What the executor does for itself: little, and others wait for it.
    pub(crate) const OWN: Self =
        Self { tenant: None, weight: NonZeroU32::new(16).expect("not 0"), expected: None, deadline: None };

    /// For something that was left of what a tenant did.
    pub(crate) fn small(tenant: &TenantId) -> Self {
        Self { tenant: Some(tenant.clone()), weight: NonZeroU32::MIN, expected: None, deadline: None }
    }

    /// For a tenant of weight 1, until the deadline that the interrupt has now.
    pub(crate) fn of(tenant: &TenantId, expected: Duration, interrupt: &Interrupt) -> Self {
        let (tenant, expected) = (Some(tenant.clone()), Some(expected));
        Self { tenant, weight: NonZeroU32::MIN, expected, deadline: interrupt.deadline() }
    }
}

/// Work of every worker; `T` is what it takes to do it.
pub(super) struct Schedule<T> {
    queues: Vec<Queue>,
    items: HashMap<Ticket, Item<T>>,
    tickets: u64,
}

/// New work, on its worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placed {
    pub(super) ticket: Ticket,
    pub(super) worker: usize,
}

struct Item<T> {
    claim: Claim,
    worker: usize,
    length: Length,
    /// Whether it has begun, and stays with its worker.
    is_bound: bool,
    is_running: bool,
    /// None while it is running.
    work: Option<T>,
}

/// How long work is, as far as anybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Short,
    Long,
}

/// What uses more is long.
const SHORT_MAX: Duration = Duration::from_millis(1);
/// A worker that is so long in one slice is held up: by giving back what a run has used, for example.
const HELD_UP: Duration = Duration::from_micros(1_500);

/// CPU time in nanoseconds, divided by the weight of who used it, times [`SCALE`].
type Served = u64;

/// Fine enough for weights up to some dozens; a worker that is always busy counts on for nine years.
const SCALE: u64 = 64;
/// What a slice costs at least: a clock may be coarse.
const COST_MIN: Duration = Duration::from_micros(1);

/// One worker's work.
#[derive(Default)]
struct Queue {
    /// Those with work on it, the running one included.
    tenants: HashMap<Option<TenantId>, Tenant>,
    /// Tenants with short work, and with long work.
    short: Order,
    long: Order,
    /// Runnable work with a deadline.
    due: BTreeSet<(Duration, Ticket)>,
    /// How much runnable work has not begun.
    unbound: usize,
    /// Weights of all work, the running one included.
    load: u64,
    /// What whoever was served least had when a turn was given last.
    floor: Served,
    /// Since when it does what it does.
    busy_since: Option<Duration>,
    /// Whether the last turn was given to end something.
    was_due: bool,
    /// CPU time that short work has had while long work has not.
    ahead: Duration,
    ranks: u64,
}

type Order = BTreeMap<Rank, Option<TenantId>>;

/// Short work may be so far ahead of long work.
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
    short: VecDeque<Ticket>,
    long: VecDeque<Ticket>,
    /// All of its work, the running one included.
    count: usize,
    /// Where it stands in both orders.
    rank: Option<Rank>,
}

impl<T> Schedule<T> {
    pub(super) fn new(workers: usize) -> Self {
        let queues = (0..workers).map(|_| Queue::default()).collect();
        Self { queues, items: HashMap::new(), tickets: 0 }
    }

    /// New work for the worker with the least load; of those alike, for the preferred one.
    pub(super) fn submit(&mut self, claim: Claim, work: T, preferred: Option<usize>) -> Placed {
        let least = |worker: &usize| (self.queues[*worker].load, Some(*worker) != preferred);
        let worker = (0..self.queues.len()).min_by_key(least).expect("there is a worker");
        let ticket = Ticket(self.tickets);
        self.tickets += 1;
        let is_long = claim.expected.is_some_and(|expected| expected > SHORT_MAX);
        let length = if is_long { Length::Long } else { Length::Short };
        self.queues[worker].enter(&claim);
        self.queues[worker].add(ticket, &claim, length);
        self.queues[worker].unbound += 1;
        let (is_bound, is_running) = (false, false);
        self.items.insert(ticket, Item { claim, worker, length, is_bound, is_running, work: Some(work) });
        Placed { ticket, worker }
    }

    /// What the worker is to do now; it does nothing else until it has said what came of it.
    pub(super) fn next(&mut self, worker: usize, now: Duration) -> Option<(Ticket, T)> {
        if self.queues[worker].is_exhausted() {
            self.steal(worker);
        } else if self.queues[worker].short.is_empty() {
            self.help(worker, now);
        }
        let ticket = self.queues[worker].choose(now)?;
        self.queues[worker].busy_since = Some(now);
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        self.queues[worker].remove(ticket, &item.claim, item.length);
        self.queues[worker].unbound -= usize::from(!item.is_bound);
        item.is_running = true;
        Some((ticket, item.work.take().expect("what is queued is not running")))
    }

    /// The worker's work has used `cpu` and wants more. Gives it back if nobody knows it any more.
    pub(super) fn preempted(&mut self, ticket: Ticket, cpu: Duration, work: T) -> Option<T> {
        let Some(item) = self.items.get_mut(&ticket) else { return Some(work) };
        let was = std::mem::replace(&mut item.length, Length::Long);
        (item.is_bound, item.is_running, item.work) = (true, false, Some(work));
        let queue = &mut self.queues[item.worker];
        queue.busy_since = None;
        queue.charge(&item.claim, was, cpu);
        queue.add(ticket, &item.claim, Length::Long);
        None
    }

    /// The worker's work has used `cpu` and is over.
    pub(super) fn over(&mut self, ticket: Ticket, cpu: Duration) {
        let Some(item) = self.items.remove(&ticket) else { return };
        let queue = &mut self.queues[item.worker];
        queue.busy_since = None;
        queue.charge(&item.claim, item.length, cpu);
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
        self.queues[worker].busy_since = None;
        let is_lost = |item: &Item<T>| item.worker == worker && (item.is_running || item.is_bound);
        let mut lost: Vec<_> = self.items.iter().filter(|(_, item)| is_lost(item)).map(|(ticket, _)| *ticket).collect();
        lost.sort();
        let lost = lost.into_iter().filter_map(|ticket| {
            let item = self.items.remove(&ticket)?;
            let queue = &mut self.queues[worker];
            if !item.is_running {
                queue.remove(ticket, &item.claim, item.length);
            }
            queue.leave(&item.claim);
            item.work
        });
        lost.collect()
    }

    /// Whether the work is short, as far as anybody knows.
    pub(super) fn is_short(&self, ticket: Ticket) -> bool {
        self.items.get(&ticket).is_some_and(|item| item.length == Length::Short)
    }

    /// Whether the worker has anything to do.
    pub(super) fn is_idle(&self, worker: usize) -> bool {
        self.queues[worker].load == 0
    }

    /// Takes work that has not begun from whoever has most of it.
    fn steal(&mut self, thief: usize) {
        let victim = (0..self.queues.len()).max_by_key(|worker| self.queues[*worker].unbound);
        let Some(victim) = victim.filter(|victim| self.queues[*victim].unbound > 0) else { return };
        let is_unbound = |ticket: &Ticket| self.items.get(ticket).is_some_and(|item| !item.is_bound);
        let found = self.queues[victim].in_order().find(is_unbound);
        if let Some(ticket) = found {
            self.take(victim, thief, ticket);
        }
    }

    /// Takes short work that has not begun from a worker that is at something which takes long without a break.
    fn help(&mut self, helper: usize, now: Duration) {
        let is_held_up = |queue: &Queue| queue.busy_since.is_some_and(|since| now.saturating_sub(since) >= HELD_UP);
        for worker in 0..self.queues.len() {
            let queue = &self.queues[worker];
            if worker == helper || queue.unbound == 0 || !is_held_up(queue) {
                continue;
            }
            let is_new = |ticket: &Ticket| {
                self.items.get(ticket).is_some_and(|item| !item.is_bound && item.length == Length::Short)
            };
            let found = queue.in_order().find(is_new);
            if let Some(ticket) = found {
                return self.take(worker, helper, ticket);
            }
        }
    }

    fn take(&mut self, victim: usize, thief: usize, ticket: Ticket) {
        let item = self.items.get_mut(&ticket).expect("what is queued is there");
        self.queues[victim].remove(ticket, &item.claim, item.length);
        self.queues[victim].leave(&item.claim);
        item.worker = thief;
        self.queues[thief].enter(&item.claim);
        self.queues[thief].add(ticket, &item.claim, item.length);
        (self.queues[victim].unbound, self.queues[thief].unbound) =
            (self.queues[victim].unbound - 1, self.queues[thief].unbound + 1);
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

    fn add(&mut self, ticket: Ticket, claim: &Claim, length: Length) {
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        match length {
            Length::Short => tenant.short.push_back(ticket),
            Length::Long => tenant.long.push_back(ticket),
        }
        if let Some(deadline) = claim.deadline {
            self.due.insert((deadline, ticket));
        }
        self.settle(&claim.tenant);
    }

    fn remove(&mut self, ticket: Ticket, claim: &Claim, length: Length) {
        if let Some(deadline) = claim.deadline {
            self.due.remove(&(deadline, ticket));
        }
        let Some(tenant) = self.tenants.get_mut(&claim.tenant) else { return };
        let list = if length == Length::Short { &mut tenant.short } else { &mut tenant.long };
        if let Some(at) = list.iter().position(|queued| *queued == ticket) {
            list.remove(at);
        }
        self.settle(&claim.tenant);
    }

    /// Puts a tenant where it belongs now.
    fn settle(&mut self, name: &Option<TenantId>) {
        let Some(tenant) = self.tenants.get_mut(name) else { return };
        if let Some(rank) = tenant.rank.take() {
            self.short.remove(&rank);
            self.long.remove(&rank);
        }
        let rank = Rank { served: tenant.served, number: self.ranks };
        self.ranks += 1;
        tenant.rank = Some(rank);
        if !tenant.short.is_empty() {
            self.short.insert(rank, name.clone());
        }
        if !tenant.long.is_empty() {
            self.long.insert(rank, name.clone());
        }
    }

    fn is_exhausted(&self) -> bool {
        self.short.is_empty() && self.long.is_empty()
    }

    /// What comes next. It is still queued.
    fn choose(&mut self, now: Duration) -> Option<Ticket> {
        let has_turn_of_short = !self.short.is_empty() && self.ahead < AHEAD_MAX;
        if let Some((deadline, ticket)) = self.due.first()
            && *deadline <= now
            && !(self.was_due && has_turn_of_short)
        {
            self.was_due = true;
            return Some(*ticket);
        }
        self.was_due = false;
        if self.long.is_empty() {
            self.ahead = Duration::ZERO; // Of nobody.
        }
        let least = |order: &Order| order.first_key_value().map(|(rank, name)| (*rank, name.clone()));
        let (short, long) = (least(&self.short), least(&self.long));
        // Whoever comes new does not come before those who have long work, but in the turns of short work.
        self.floor = self.floor.max(long.as_ref().or(short.as_ref())?.0.served);
        if self.long.is_empty() || has_turn_of_short {
            return self.tenants.get(&short?.1)?.short.front().copied();
        }
        let tenant = self.tenants.get(&[short, long].into_iter().flatten().min_by_key(|(rank, _)| *rank)?.1)?;
        tenant.long.front().or(tenant.short.front()).copied()
    }

    /// All that is runnable: short work first, of those served least first.
    fn in_order(&self) -> impl Iterator<Item = Ticket> {
        let lists = |order: &'_ Order, list: fn(&Tenant) -> &VecDeque<Ticket>| {
            let tenants = order.values().filter_map(|name| self.tenants.get(name));
            tenants.flat_map(list).copied().collect::<Vec<_>>()
        };
        let short = lists(&self.short, |tenant| &tenant.short);
        short.into_iter().chain(lists(&self.long, |tenant| &tenant.long))
    }

    fn charge(&mut self, claim: &Claim, was: Length, cpu: Duration) {
        let cpu = cpu.max(COST_MIN);
        self.ahead = match was {
            Length::Short => self.ahead.saturating_add(cpu),
            Length::Long => self.ahead.saturating_sub(cpu),
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
