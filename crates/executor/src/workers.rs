//! The threads that step VMs.
//!
//! ```text
//!             run(claim, work)               ┌────────── worker ──────────┐
//!   task ──────────────────────▶ Schedule ───▶ slice ── over ─────────────┼──▶ back to the task
//!                                   ▲        │    │                       │
//!                                   └────────┼────┘ preempted             │
//!                                            └────────────────────────────┘
//! ```
//!
//! In what order they do is the [`schedule`]'s. Here it is locked, threads sleep and are woken, and one that is stuck is
//! replaced.

mod schedule;
mod worker;

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

use isolet_core_traits::{Clock, Engine, EngineError, Nudge};
use tokio::sync::{Notify, oneshot};

pub(crate) use self::schedule::Claim;
use self::schedule::{Placed, Schedule, Ticket};
use self::worker::{Done, Once, Reply, Sliceable, Task};
use crate::cpu::{self, Seen, ThreadNumber};
use crate::panics::Panic;
use crate::task;

/// Work that is done in slices, all of them on the same thread.
pub(crate) trait Work: Send + Sized + 'static {
    type Output: Send + 'static;

    /// Works until it is over or preempted.
    fn slice(self, turn: Turn) -> Slice<Self>;

    /// Has used so much CPU time until now, and is preempted.
    fn has_used(&mut self, _cpu: Duration) {}
}

/// A worker's time for a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Turn {
    /// The worker's number.
    pub(crate) worker: usize,
    /// CPU time of its thread when it began.
    began: Duration,
}

impl Turn {
    /// CPU time that was used since it began.
    pub(crate) fn cpu(&self) -> Duration {
        cpu::thread_time().saturating_sub(self.began)
    }
}

/// Where work stands after a slice.
pub(crate) enum Slice<W: Work> {
    Over(Over<W::Output>),
    Preempted(W),
}

/// Work that is over.
pub(crate) struct Over<T> {
    pub(crate) output: T,
    /// CPU time of its last slice.
    pub(crate) cpu: Duration,
    /// The task that waits for it, if what that does next can be done by the worker.
    pub(crate) task: Option<Arc<task::Task>>,
}

impl<T> Over<T> {
    /// Now, for a task that goes on elsewhere.
    pub(crate) fn now(output: T, turn: Turn) -> Self {
        Self { output, cpu: turn.cpu(), task: None }
    }
}

/// What came of work.
#[derive(Debug)]
pub(crate) struct Worked<T> {
    pub(crate) output: T,
    /// CPU time of its slices before the last one.
    pub(crate) cpu: Duration,
    pub(crate) preemptions: u64,
}

/// Work that will never have a result.
#[derive(Debug)]
pub(crate) enum Lost {
    /// It panicked.
    Panicked(Panic),
    /// The workers have stopped.
    Stopped,
    /// The VM is gone that it was parked by.
    Vm,
    /// It kept its worker beyond its deadline, inside of something that cannot be interrupted.
    Stuck,
    /// Its worker was lost to other work.
    Worker,
}

/// When others come, a slice of a long run is ended, and one of a run that may be short if it has lasted longer than this.
const NUDGED_AFTER: Duration = Duration::from_micros(200);

/// A worker that is so long in one slice, beyond the deadline of what it does, may be stuck. Engines that kill in natives
/// need a hundredth of it.
const STUCK_AFTER: Duration = Duration::from_millis(200);
/// It is not yet if the system does not let it run: not before it has used so much CPU time since,
const STUCK_CPU: Duration = Duration::from_millis(20);
/// or so much time has gone by.
const STARVED_MAX: Duration = Duration::from_secs(2);

/// Work that mostly uses less is over about when a core that fell asleep meanwhile would be awake again.
const IMMINENT: Duration = Duration::from_micros(50);

/// The threads; they end when this is dropped or told to [`stop`](Self::stop).
pub(crate) struct Workers {
    shared: Arc<Shared>,
}

/// What workers and those who give them work share.
struct Shared {
    clock: Arc<dyn Clock>,
    /// Told when a thread has ended.
    ended: Notify,
    state: Mutex<State>,
    doors: Box<[Door]>,
    /// Workers that were replaced.
    replaced: AtomicU64,
    /// Starts a thread for a worker.
    start: Box<dyn Fn(usize, u64) -> Result<JoinHandle<()>, EngineError> + Send + Sync>,
}

struct State {
    schedule: Schedule<Box<dyn Sliceable>>,
    threads: Box<[ThreadState]>,
    /// The worker that has nothing to do and is awake: one at a time looks for work, the others leave their cores to the
    /// application.
    awake: Option<usize>,
    is_stopping: bool,
    /// Threads that take work.
    open: usize,
    /// Threads that were replaced and have not come back.
    quarantined: Vec<Stuck>,
}

/// A thread that is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) worker: usize,
    generation: u64,
    /// Whether it is on a VM.
    pub(crate) has_vm: bool,
}

/// What became of the threads.
#[derive(Debug)]
pub(crate) struct Stopped {
    pub(crate) ended: usize,
    pub(crate) stuck: Vec<Stuck>,
}

/// What is known of a worker's thread.
#[derive(Default)]
struct ThreadState {
    /// How many there were before: a thread that was replaced finds another number here.
    generation: u64,
    /// None before it runs, and after.
    thread: Option<Thread>,
    nudge: Option<Arc<dyn Nudge>>,
    /// For looking at it from elsewhere.
    number: Option<ThreadNumber>,
    /// When its slice began, and what of.
    slice: Option<(Duration, Ticket)>,
    /// A slice that takes too long, and what the thread had used when that was seen.
    overdue: Option<((Duration, Ticket), Duration)>,
    /// Who waits for that.
    reply: Option<Arc<dyn Reply>>,
    /// Whether its slice was asked to end.
    is_nudged: bool,
    is_asleep: bool,
    has_ended: bool,
    handle: Option<JoinHandle<()>>,
}

impl ThreadState {
    /// Whether it is what it does that keeps it in this slice, and not the system.
    fn is_kept(&mut self, slice: (Duration, Ticket)) -> bool {
        let Some(Seen { wants_cpu: true, cpu }) = self.number.and_then(ThreadNumber::look) else { return true };
        let before = match self.overdue {
            Some((of, before)) if of == slice => before,
            _ => cpu,
        };
        self.overdue = Some((slice, before));
        cpu.saturating_sub(before) >= STUCK_CPU
    }

    /// It is stuck.
    fn stuck(&self, worker: usize) -> Stuck {
        Stuck { worker, generation: self.generation, has_vm: self.reply.is_some() }
    }
}

/// Where a worker looks for work without the lock.
#[derive(Default)]
struct Door {
    has_knocked: AtomicBool,
    /// The core on which it looked last.
    core: AtomicUsize,
}

impl Door {
    fn is_on(&self, core: Option<usize>) {
        self.core.store(core.unwrap_or(usize::MAX), Relaxed);
    }
}

impl Workers {
    /// Starts `count` threads, each attached to the engine.
    pub(crate) fn start<E: Engine>(engine: &Arc<E>, count: usize, clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        let engine = engine.clone();
        let shared = Arc::new_cyclic(|shared: &Weak<Shared>| {
            let shared = shared.clone();
            let start = move |worker, generation| worker::start(&engine, shared.clone(), worker, generation);
            Shared {
                clock,
                ended: Notify::new(),
                state: Mutex::new(State {
                    schedule: Schedule::new(count),
                    threads: (0..count).map(|_| ThreadState::default()).collect(),
                    awake: None,
                    is_stopping: false,
                    open: count,
                    quarantined: Vec::new(),
                }),
                doors: (0..count).map(|_| Door::default()).collect(),
                replaced: AtomicU64::new(0),
                start: Box::new(start),
            }
        });
        let workers = Self { shared };
        (0..count).try_for_each(|worker| workers.shared.start_thread(worker, 0))?;
        Ok(workers)
    }

    /// How many threads there are.
    pub(crate) fn count(&self) -> usize {
        self.shared.doors.len()
    }

    /// How many threads were replaced because they were stuck.
    pub(crate) fn replaced(&self) -> u64 {
        self.shared.replaced.load(Relaxed)
    }

    /// How many of them have not come back.
    pub(crate) fn quarantined(&self) -> usize {
        self.shared.lock().quarantined.len()
    }

    /// Does `work` on some worker. If the future is dropped, the work comes next and its output is dropped there.
    pub(crate) fn run<W: Work>(&self, claim: Claim, work: W) -> Working<W::Output> {
        let (done, result) = oneshot::channel();
        let task = Task { work, cpu: Duration::ZERO, preemptions: 0, done: Arc::new(Done::new(done)) };
        let submitted = self.shared.submit(claim, Box::new(task));
        let (ticket, is_imminent) = submitted.unzip();
        Working { ticket, is_imminent: is_imminent == Some(true), shared: self.shared.clone(), result }
    }

    /// Does `work` on some worker, and tells nobody.
    pub(crate) fn spawn(&self, claim: Claim, work: impl FnOnce() + Send + 'static) {
        self.shared.submit(claim, Box::new(Once(work)));
    }

    /// Gives those a report who wait for a worker that is stuck, and replaces it. To be called every now and then.
    pub(crate) fn replace_stuck(&self) {
        (0..self.count()).for_each(|worker| self.shared.replace_if_stuck(worker));
    }

    /// Ends the threads once they have done what was queued before, and waits for it, but no longer than `patience`.
    pub(crate) async fn stop(&self, patience: Duration) -> Stopped {
        self.close();
        let _ = tokio::time::timeout(patience, self.shared.all_ended()).await;
        let mut state = self.shared.lock();
        let ended = state.threads.iter_mut().filter(|thread| thread.has_ended);
        let handles: Vec<_> = ended.filter_map(|thread| thread.handle.take()).collect();
        drop(state);
        // They have nothing left to do but to end.
        handles.into_iter().for_each(|handle| drop(handle.join()));
        let state = self.shared.lock();
        let stuck = state.threads.iter().enumerate().filter(|(_, thread)| !thread.has_ended);
        let stuck = stuck.map(|(worker, thread)| thread.stuck(worker)).chain(state.quarantined.iter().copied());
        Stopped { ended: state.threads.iter().filter(|thread| thread.has_ended).count(), stuck: stuck.collect() }
    }

    /// Ends the threads once they have done what was queued before.
    pub(crate) fn close(&self) {
        self.shared.close();
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the work to a worker; tells whether its result is imminent.
    fn submit(&self, claim: Claim, work: Box<dyn Sliceable>) -> Option<(Ticket, bool)> {
        let mut state = self.lock();
        if state.open == 0 {
            return None; // The work is dropped here, which tells whoever waits for it.
        }
        let awake = state.awake;
        let is_brief = claim.expected.is_some_and(|expected| expected < IMMINENT);
        let Placed { ticket, worker } = state.schedule.submit(claim, work, awake);
        self.call(state, worker);
        // On this core it could do nothing while somebody waits here.
        let is_elsewhere = cpu::core().is_some_and(|core| core != self.doors[worker].core.load(Relaxed));
        let is_awake = awake == Some(worker) && is_elsewhere;
        Some((ticket, is_awake && is_brief))
    }

    /// The work comes next.
    fn hurry(&self, ticket: Ticket) {
        let mut state = self.lock();
        if let Some(worker) = state.schedule.hurry(ticket) {
            self.call(state, worker);
        }
    }

    /// Sees to it that a worker looks at its queue soon.
    fn call(&self, mut guard: MutexGuard<'_, State>, worker: usize) {
        let state = &mut *guard;
        let thread = &mut state.threads[worker];
        let wakes = std::mem::take(&mut thread.is_asleep).then(|| thread.thread.clone()).flatten();
        let is_long = |(since, ticket): (Duration, Ticket)| {
            !state.schedule.is_short(ticket) || self.clock.now().saturating_sub(since) >= NUDGED_AFTER
        };
        let is_to_nudge = !thread.is_nudged && thread.nudge.is_some() && thread.slice.is_some_and(is_long);
        thread.is_nudged |= is_to_nudge;
        let nudge = thread.nudge.clone().filter(|_| is_to_nudge);
        self.doors[worker].has_knocked.store(true, Relaxed);
        drop(guard);
        if let Some(thread) = wakes {
            thread.unpark();
        }
        if let Some(nudge) = nudge {
            nudge.nudge();
        }
    }

    /// Threads end once they have nothing to do.
    fn close(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        self.doors.iter().for_each(|door| door.has_knocked.store(true, Relaxed));
        let threads: Vec<_> = state.threads.iter().filter_map(|thread| thread.thread.clone()).collect();
        drop(state);
        threads.iter().for_each(Thread::unpark);
    }

    fn start_thread(&self, worker: usize, generation: u64) -> Result<(), EngineError> {
        let handle = (self.start)(worker, generation)?;
        let thread = &mut self.lock().threads[worker];
        if thread.generation == generation {
            thread.handle = Some(handle);
        }
        Ok(())
    }

    /// Waits until each worker's thread has ended.
    async fn all_ended(&self) {
        loop {
            let mut ended = pin!(self.ended.notified());
            ended.as_mut().enable();
            if self.lock().threads.iter().all(|thread| thread.has_ended) {
                return;
            }
            ended.await;
        }
    }

    /// A thread of a worker has ended.
    fn thread_ended(&self, worker: usize, generation: u64) {
        let mut state = self.lock();
        let thread = &mut state.threads[worker];
        thread.has_ended |= thread.generation == generation;
        state.quarantined.retain(|stuck| (stuck.worker, stuck.generation) != (worker, generation));
        drop(state);
        self.ended.notify_waiters();
    }

    /// A worker that is stuck gets another thread. What the old one was doing and what it has begun is lost; it ends when
    /// it comes back.
    fn replace_if_stuck(&self, worker: usize) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(slice @ (since, ticket)) = state.threads[worker].slice else { return };
        let Some(deadline) = state.schedule.deadline(ticket) else { return };
        let overdue = deadline.max(since).saturating_add(STUCK_AFTER);
        let is_starved =
            |state: &mut State| now < overdue.saturating_add(STARVED_MAX) && !state.threads[worker].is_kept(slice);
        if now < overdue || is_starved(&mut state) {
            return;
        }
        let lost = state.schedule.lose_thread(worker);
        let generation = state.threads[worker].generation + 1;
        let replaced = ThreadState { generation, ..ThreadState::default() };
        let old = std::mem::replace(&mut state.threads[worker], replaced);
        state.quarantined.push(old.stuck(worker));
        drop(state);
        self.replaced.fetch_add(1, Relaxed);
        tracing::error!(target: "isolet", worker, lost_runs = lost.len(), "a worker is stuck in a native and was replaced");
        if let Some(reply) = old.reply {
            reply.fail(Lost::Stuck);
        }
        for work in lost {
            work.lose();
        }
        if let Err(error) = self.start_thread(worker, generation) {
            tracing::error!(target: "isolet", worker, %error, "a stuck worker could not be replaced");
            self.thread_ended(worker, generation);
        }
    }
}

/// Work under way. Dropping it has the work come next, which should then be made to end.
pub(crate) struct Working<T> {
    /// None once it is over, or if there are no workers.
    ticket: Option<Ticket>,
    is_imminent: bool,
    shared: Arc<Shared>,
    result: oneshot::Receiver<Result<Worked<T>, Lost>>,
}

impl<T> Working<T> {
    /// Whether it is on a core now, and will most likely be over before a thread that sleeps for it could wake.
    pub(crate) fn is_imminent(&self) -> bool {
        self.is_imminent
    }

    /// Has it come next.
    pub(crate) fn hurry(&self) {
        if let Some(ticket) = self.ticket {
            self.shared.hurry(ticket);
        }
    }
}

impl<T> Future for Working<T> {
    type Output = Result<Worked<T>, Lost>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        self.ticket = None;
        Poll::Ready(result.unwrap_or(Err(Lost::Stopped)))
    }
}

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.hurry();
    }
}
