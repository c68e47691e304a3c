//! The threads that step VMs, and the order in which they do.
//!
//! ```text
//!             run(work)                ┌────────── worker ──────────┐
//!   task ───────────────▶ shared queue ─▶ slice ── over ────────────┼──▶ back to the task
//!                                      │    │                       │
//!                                      │    ▼ preempted             │
//!                                      │  own queue ─▶ slice ─ …    │
//!                                      └────────────────────────────┘
//! ```
//!
//! All scheduling is here: another order changes [`Worker`] alone.
//! Now a worker takes from the shared queue and from its own by turns, so that new work is not kept waiting by runs
//! that never end, and those get on nevertheless.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool,
    Ordering::{Acquire, Release},
};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError};
use isolet_core_traits::{Engine, EngineError};
use tokio::sync::{oneshot, watch};

use crate::cpu;
use crate::panics::{Panic, catch};

/// Work that is done in slices, all of them on the same thread.
pub(crate) trait Work: Send + Sized + 'static {
    type Output: Send + 'static;

    /// Works until it is over or preempted.
    fn slice(self) -> Slice<Self>;
}

/// Where work stands after a slice.
pub(crate) enum Slice<W: Work> {
    Over(W::Output),
    Preempted(W),
}

/// What came of work.
#[derive(Debug)]
pub(crate) struct Worked<T> {
    pub(crate) output: T,
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
}

/// Enough for our own frames, whatever little the engine asks for.
const STACK_BYTES_MIN: usize = 1 << 20;

/// How long a worker without work stays awake. More than a task of the application takes to be woken and to answer.
const AWAKE: Duration = Duration::from_micros(100);

/// The queue of all workers; the threads end when it is dropped or told to [`stop`](Self::stop).
pub(crate) struct Workers {
    shared: Sender<Job>,
    count: usize,
    alive: watch::Sender<()>,
}

enum Job {
    Work(Box<dyn Sliced + Send>),
    Stop,
}

impl Workers {
    /// Starts `count` threads, each attached to the engine.
    pub(crate) fn start<E: Engine>(engine: &Arc<E>, count: usize) -> Result<Self, EngineError> {
        let (shared, jobs) = crossbeam_channel::unbounded();
        let (attached, attachments) = crossbeam_channel::bounded(count);
        let (alive, life) = watch::channel(());
        let is_awake = Arc::new(AtomicBool::new(false));
        let stack_bytes = engine.capabilities().thread_stack_bytes.max(STACK_BYTES_MIN);
        for number in 0..count {
            let (engine, jobs, attached, life) = (engine.clone(), jobs.clone(), attached.clone(), life.clone());
            let is_awake = is_awake.clone();
            let work = move || {
                let guard = engine.attach_thread();
                let is_attached = guard.is_ok();
                let _ = attached.send(guard.as_ref().err().cloned());
                drop(attached);
                if is_attached {
                    Worker { jobs, is_awake, own: VecDeque::new() }.run();
                }
                drop((guard, life));
            };
            thread::Builder::new()
                .name(format!("isolet-worker-{number}"))
                .stack_size(stack_bytes)
                .spawn(work)
                .map_err(|error| EngineError::Thread { message: error.to_string() })?;
        }
        drop(attached);
        attachments.iter().flatten().next().map_or(Ok(Self { shared, count, alive }), Err)
    }

    /// How many threads there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Does `work` on some worker. If the future is dropped, the work goes on and its output is dropped there.
    pub(crate) async fn run<W: Work>(&self, work: W) -> Result<Worked<W::Output>, Lost> {
        let (done, result) = oneshot::channel();
        self.submit(Box::new(Task { work, cpu: Duration::ZERO, preemptions: 0, done }));
        result.await.unwrap_or(Err(Lost::Stopped))
    }

    /// Does `work` on some worker, and tells nobody.
    pub(crate) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        self.submit(Box::new(Once(work)));
    }

    /// Ends the threads once they have done what was queued before, and waits for it.
    pub(crate) async fn stop(&self) {
        for _ in 0..self.count {
            let _ = self.shared.send(Job::Stop);
        }
        self.alive.closed().await;
    }

    fn submit(&self, work: Box<dyn Sliced + Send>) {
        // Without workers the work is dropped here, which tells whoever waits for it.
        let _ = self.shared.send(Job::Work(work));
    }
}

/// One thread's view: what all share, and what it has preempted.
struct Worker {
    jobs: Receiver<Job>,
    /// Whether a worker without work is awake.
    is_awake: Arc<AtomicBool>,
    own: VecDeque<Box<dyn Sliced>>,
}

impl Worker {
    /// Waits for a job. Looks for one for a moment before it sleeps: a run that was answered comes back soon, and waking
    /// a thread can cost more than the run does.
    ///
    /// One worker at a time looks; the others sleep, and leave their cores to the application.
    fn next(&self) -> Option<Job> {
        if !self.is_awake.swap(true, Acquire) {
            let found = self.look();
            self.is_awake.store(false, Release);
            if let Ok(found) = found {
                return Some(found);
            }
        }
        self.jobs.recv().ok()
    }

    fn look(&self) -> Result<Job, TryRecvError> {
        let began = Instant::now();
        loop {
            match self.jobs.try_recv() {
                Err(TryRecvError::Empty) if began.elapsed() < AWAKE => thread::yield_now(),
                found => return found,
            }
        }
    }

    fn run(mut self) {
        loop {
            let job = if self.own.is_empty() { self.next() } else { self.jobs.try_recv().ok() };
            match job {
                Some(Job::Work(work)) => self.own.extend(work.slice()),
                Some(Job::Stop) => return,
                None if self.own.is_empty() => return,
                None => {}
            }
            if let Some(work) = self.own.pop_front() {
                self.own.extend(work.slice());
            }
        }
    }
}

/// Work without its type. Gives itself back if it was preempted.
trait Sliced {
    fn slice(self: Box<Self>) -> Option<Box<dyn Sliced>>;
}

struct Task<W: Work> {
    work: W,
    cpu: Duration,
    preemptions: u64,
    done: oneshot::Sender<Result<Worked<W::Output>, Lost>>,
}

impl<W: Work> Sliced for Task<W> {
    fn slice(self: Box<Self>) -> Option<Box<dyn Sliced>> {
        let Self { work, cpu, preemptions, done } = *self;
        let before = cpu::thread_time();
        let slice = catch(|| work.slice());
        let cpu = cpu + cpu::thread_time().saturating_sub(before);
        let result = match slice {
            Ok(Slice::Preempted(work)) => {
                return Some(Box::new(Self { work, cpu, preemptions: preemptions + 1, done }));
            }
            Ok(Slice::Over(output)) => Ok(Worked { output, cpu, preemptions }),
            Err(panic) => Err(Lost::Panicked(panic)),
        };
        // A result that nobody waits for is dropped on this thread, as the VM in it requires.
        let _ = catch(|| drop(done.send(result)));
        None
    }
}

struct Once<F>(F);

impl<F: FnOnce()> Sliced for Once<F> {
    fn slice(self: Box<Self>) -> Option<Box<dyn Sliced>> {
        if let Err(panic) = catch(self.0) {
            tracing::error!(target: "isolet", %panic, "a worker's task panicked");
        }
        None
    }
}
