//! One worker's thread.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError, Weak, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use isolet_core_traits::{Engine, EngineError};
use tokio::sync::oneshot;

use super::schedule::Ticket;
use super::{Lost, Shared, Slice, Work, Worked};
use crate::cpu;
use crate::panics::catch;

/// Enough for our own frames, whatever little the engine asks for.
const STACK_BYTES_MIN: usize = 1 << 20;

/// How long a worker without work stays awake. More than a task of the application takes to be woken and to answer.
const AWAKE: Duration = Duration::from_micros(100);

/// Starts a thread for a worker, attached to the engine, and waits until it is.
pub(super) fn start<E: Engine>(
    engine: &Arc<E>,
    shared: Weak<Shared>,
    number: usize,
    generation: u64,
) -> Result<(), EngineError> {
    let stack_bytes = engine.capabilities().thread_stack_bytes.max(STACK_BYTES_MIN);
    let (attached, is_attached) = mpsc::sync_channel(1);
    let engine = engine.clone();
    let work = move || {
        let guard = match engine.attach_thread() {
            Ok(guard) => guard,
            Err(error) => {
                let _ = attached.send(Err(error));
                return;
            }
        };
        let Some(shared) = shared.upgrade() else { return };
        let life = shared.alive.subscribe();
        let nudge = engine.nudge(&guard);
        let mut state = shared.lock();
        let thread = &mut state.threads[number];
        if thread.generation == generation {
            (thread.thread, thread.nudge) = (Some(thread::current()), nudge);
        }
        drop(state);
        let _ = attached.send(Ok(()));
        Worker { shared, number, generation }.run();
        drop((guard, life));
    };
    let builder = thread::Builder::new().name(format!("isolet-worker-{number}")).stack_size(stack_bytes);
    builder.spawn(work).map_err(|error| EngineError::Thread { message: error.to_string() })?;
    is_attached.recv().unwrap_or(Ok(()))
}

struct Worker {
    shared: Arc<Shared>,
    number: usize,
    generation: u64,
}

impl Worker {
    fn run(self) {
        let mut last = None;
        while let Some(next) = self.next(last.take()) {
            last = match next {
                Some((ticket, work)) => Some(Did { ticket, after: work.slice() }),
                None => {
                    self.rest();
                    None
                }
            };
        }
    }

    /// Says what came of the last slice and takes the next one. `Some(None)`: there is nothing to do now; `None`: there
    /// never will be.
    #[expect(clippy::option_option, reason = "said above")]
    fn next(&self, last: Option<Did>) -> Option<Option<(Ticket, Box<dyn Sliced>)>> {
        let now = self.shared.clock.now();
        let mut forgotten = None;
        let mut state = self.shared.lock();
        if let Some(Did { ticket, after: After { cpu, preempted } }) = last {
            match preempted {
                Some(work) => forgotten = state.schedule.preempted(ticket, cpu, work),
                None => state.schedule.over(ticket, cpu),
            }
        }
        if state.threads[self.number].generation != self.generation {
            drop(state);
            drop(forgotten);
            return None;
        }
        self.shared.doors[self.number].has_knocked.store(false, Relaxed);
        let next = state.schedule.next(self.number, now);
        let thread = &mut state.threads[self.number];
        thread.is_nudged = false;
        thread.slice = next.as_ref().map(|(ticket, _)| (now, *ticket));
        thread.reply = next.as_ref().and_then(|(_, work)| work.reply());
        if next.is_none() && state.is_stopping && state.schedule.is_idle(self.number) {
            state.open -= 1;
            state.threads[self.number].thread = None;
            return None;
        }
        Some(next)
    }

    /// Waits for work. Looks for it for a moment before it sleeps: a run that was answered comes back soon, and waking a
    /// thread can cost more than the run does.
    fn rest(&self) {
        let door = &self.shared.doors[self.number];
        let mut state = self.shared.lock();
        if state.awake.is_none() {
            state.awake = Some(self.number);
            drop(state);
            let began = Instant::now();
            while !door.has_knocked.load(Relaxed) && began.elapsed() < AWAKE {
                thread::yield_now();
            }
            state = self.shared.lock();
            if state.awake == Some(self.number) {
                state.awake = None;
            }
        }
        if door.has_knocked.load(Relaxed) || state.threads[self.number].generation != self.generation {
            return;
        }
        state.threads[self.number].is_asleep = true;
        drop(state);
        while !door.has_knocked.load(Relaxed) {
            thread::park();
        }
    }
}

/// What a worker did last.
struct Did {
    ticket: Ticket,
    after: After,
}

/// What a slice has used; the work, if it wants more.
pub(super) struct After {
    cpu: Duration,
    preempted: Option<Box<dyn Sliced>>,
}

/// Work without its type.
pub(super) trait Sliced: Send {
    fn slice(self: Box<Self>) -> After;

    /// It was on a thread that is lost.
    fn lose(self: Box<Self>);

    /// Who waits for it, if anybody does.
    fn reply(&self) -> Option<Arc<dyn Reply>>;
}

pub(super) struct Task<W: Work> {
    pub(super) work: W,
    pub(super) cpu: Duration,
    pub(super) preemptions: u64,
    pub(super) done: Arc<Done<W::Output>>,
}

impl<W: Work> Sliced for Task<W> {
    fn slice(self: Box<Self>) -> After {
        let Self { work, cpu: cpu_before, preemptions, done } = *self;
        let before = cpu::thread_time();
        let slice = catch(|| work.slice());
        let cpu = cpu::thread_time().saturating_sub(before);
        let cpu_in_all = cpu_before + cpu;
        let result = match slice {
            Ok(Slice::Preempted(mut work)) => {
                work.has_used(cpu_in_all);
                let task = Self { work, cpu: cpu_in_all, preemptions: preemptions + 1, done };
                return After { cpu, preempted: Some(Box::new(task)) };
            }
            Ok(Slice::Over(output)) => Ok(Worked { output, cpu: cpu_in_all, preemptions }),
            Err(panic) => Err(Lost::Panicked(panic)),
        };
        // A result that nobody waits for is dropped on this thread, as the VM in it requires.
        let _ = catch(|| done.send(result));
        After { cpu, preempted: None }
    }

    fn lose(self: Box<Self>) {
        let Self { work, done, .. } = *self;
        done.fail(Lost::Worker);
        let _ = catch(|| drop(work));
    }

    fn reply(&self) -> Option<Arc<dyn Reply>> {
        Some(self.done.clone())
    }
}

/// Who waits for work: told once, by the worker or by whoever finds it stuck.
pub(super) struct Done<T>(Mutex<Option<Sender<T>>>);

type Sender<T> = oneshot::Sender<Result<Worked<T>, Lost>>;

impl<T> Done<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self(Mutex::new(Some(sender)))
    }

    fn send(&self, result: Result<Worked<T>, Lost>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(sender) = sender {
            drop(sender.send(result));
        }
    }
}

/// [`Done`] without its type.
pub(super) trait Reply: Send + Sync {
    fn fail(&self, lost: Lost);
}

impl<T: Send> Reply for Done<T> {
    fn fail(&self, lost: Lost) {
        self.send(Err(lost));
    }
}

pub(super) struct Once<F>(pub(super) F);

impl<F: FnOnce() + Send> Sliced for Once<F> {
    fn slice(self: Box<Self>) -> After {
        let before = cpu::thread_time();
        if let Err(panic) = catch(self.0) {
            tracing::error!(target: "isolet", %panic, "a worker's task panicked");
        }
        After { cpu: cpu::thread_time().saturating_sub(before), preempted: None }
    }

    fn lose(self: Box<Self>) {}

    fn reply(&self) -> Option<Arc<dyn Reply>> {
        None
    }
}
