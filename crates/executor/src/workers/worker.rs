//! One worker's thread.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use isolet_core_traits::{Engine, EngineError};
use tokio::sync::oneshot;

use super::schedule::Ticket;
use super::{Lost, Over, Shared, Slice, State, Turn, Work, Worked};
use crate::cpu::{self, ThreadNumber};
use crate::panics::catch;
use crate::task;

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
) -> Result<JoinHandle<()>, EngineError> {
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
        let life = Life { shared: shared.clone(), number, generation };
        let nudge = engine.nudge(&guard);
        let mut state = shared.lock();
        let thread = &mut state.threads[number];
        if thread.generation == generation {
            (thread.thread, thread.nudge) = (Some(thread::current()), nudge);
            thread.number = Some(ThreadNumber::current());
        }
        drop(state);
        let _ = attached.send(Ok(()));
        Worker { shared, number, generation }.run();
        drop((guard, life));
    };
    let builder = thread::Builder::new().name(format!("isolet-worker-{number}")).stack_size(stack_bytes);
    let handle = builder.spawn(work).map_err(|error| EngineError::Thread { message: error.to_string() })?;
    is_attached.recv().unwrap_or(Ok(())).map(|()| handle)
}

/// Of a thread: tells when it is over.
struct Life {
    shared: Arc<Shared>,
    number: usize,
    generation: u64,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.shared.thread_ended(self.number, self.generation);
    }
}

struct Worker {
    shared: Arc<Shared>,
    number: usize,
    generation: u64,
}

impl Worker {
    fn run(self) {
        let mut last = None;
        loop {
            match self.next(last.take()) {
                Next::Slice(ticket, work) => {
                    let turn = Turn { worker: self.number, began: cpu::thread_time() };
                    last = Some(Did { ticket, sliced: work.slice(turn) });
                }
                Next::Rest { awake } => self.rest(awake),
                Next::End => return,
            }
        }
    }

    /// Says what came of the last slice and takes the next one. Whoever waits for the last one is told in between: what
    /// they ask for then finds this worker free.
    fn next(&self, last: Option<Did>) -> Next {
        let now = self.shared.clock.now();
        let (mut reply, mut forgotten) = (None, None);
        let mut state = self.shared.lock();
        match last {
            Some(Did { ticket, sliced: Sliced::Preempted(cpu, work) }) => {
                forgotten = state.schedule.preempted(ticket, cpu, work);
            }
            Some(Did { ticket, sliced: Sliced::Over(cpu, whose) }) => {
                state.schedule.over(ticket, cpu);
                reply = whose;
            }
            None => {}
        }
        let next = self.choose(&mut state, now);
        drop(state);
        drop(forgotten);
        if let Some(reply) = reply {
            reply.deliver();
        }
        next
    }

    fn choose(&self, state: &mut State, now: Duration) -> Next {
        if state.threads[self.number].generation != self.generation {
            return Next::End;
        }
        self.shared.doors[self.number].has_knocked.store(false, Relaxed);
        let next = state.schedule.next(self.number, now);
        let thread = &mut state.threads[self.number];
        thread.is_nudged = false;
        thread.slice = next.as_ref().map(|(ticket, _)| (now, *ticket));
        thread.reply = next.as_ref().and_then(|(_, work)| work.reply());
        if let Some((ticket, work)) = next {
            return Next::Slice(ticket, work);
        }
        if state.is_stopping && state.schedule.is_idle(self.number) {
            state.open -= 1;
            state.threads[self.number].thread = None;
            return Next::End;
        }
        let awake = *state.awake.get_or_insert(self.number) == self.number;
        self.shared.doors[self.number].is_on(cpu::core());
        Next::Rest { awake }
    }

    /// Waits for work. Looks for it for a moment before it sleeps: a run that was answered comes back soon, and waking a
    /// thread can cost more than the run does.
    fn rest(&self, awake: bool) {
        let door = &self.shared.doors[self.number];
        if awake {
            let began = Instant::now();
            while !door.has_knocked.load(Relaxed) && began.elapsed() < AWAKE {
                door.is_on(cpu::core());
                thread::yield_now();
            }
        }
        let mut state = self.shared.lock();
        if state.awake == Some(self.number) {
            state.awake = None;
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

/// What a worker does next.
enum Next {
    Slice(Ticket, Box<dyn Sliceable>),
    /// There is nothing to do now. One worker at a time stays awake.
    Rest {
        awake: bool,
    },
    /// There never will be anything to do.
    End,
}

/// What a worker did last.
struct Did {
    ticket: Ticket,
    sliced: Sliced,
}

/// What came of a slice, and the CPU time that it used.
pub(super) enum Sliced {
    Preempted(Duration, Box<dyn Sliceable>),
    Over(Duration, Option<Arc<dyn Reply>>),
}

/// Work without its type.
pub(super) trait Sliceable: Send {
    fn slice(self: Box<Self>, turn: Turn) -> Sliced;

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

impl<W: Work> Sliceable for Task<W> {
    fn slice(self: Box<Self>, turn: Turn) -> Sliced {
        let Self { work, cpu: cpu_before, preemptions, done } = *self;
        let (cpu, result, task) = match catch(|| work.slice(turn)) {
            Ok(Slice::Preempted(mut work)) => {
                let cpu = turn.cpu();
                let cpu_in_all = cpu_before + cpu;
                work.has_used(cpu_in_all);
                let task = Self { work, cpu: cpu_in_all, preemptions: preemptions + 1, done };
                return Sliced::Preempted(cpu, Box::new(task));
            }
            Ok(Slice::Over(Over { output, cpu, task })) => {
                (cpu, Ok(Worked { output, cpu: cpu_before, preemptions }), task)
            }
            Err(panic) => (turn.cpu(), Err(Lost::Panicked(panic)), None),
        };
        done.keep(result, task);
        Sliced::Over(cpu, Some(done))
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
pub(super) struct Done<T>(Mutex<Awaited<T>>);

struct Awaited<T> {
    sender: Option<oneshot::Sender<Answer<T>>>,
    /// What is to be told, and the task to be polled then.
    kept: Option<(Answer<T>, Option<Arc<task::Task>>)>,
}

type Answer<T> = Result<Worked<T>, Lost>;

impl<T> Done<T> {
    pub(super) fn new(sender: oneshot::Sender<Answer<T>>) -> Self {
        Self(Mutex::new(Awaited { sender: Some(sender), kept: None }))
    }

    fn keep(&self, answer: Answer<T>, task: Option<Arc<task::Task>>) {
        self.lock().kept = Some((answer, task));
    }

    fn lock(&self) -> MutexGuard<'_, Awaited<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`Done`] without its type.
pub(super) trait Reply: Send + Sync {
    /// Tells what came of it, on the thread that did it: an answer that nobody waits for is dropped there, as the VM in
    /// it requires.
    fn deliver(&self);

    fn fail(&self, lost: Lost);
}

impl<T: Send> Reply for Done<T> {
    fn deliver(&self) {
        let mut awaited = self.lock();
        let (sender, kept) = (awaited.sender.take(), awaited.kept.take());
        drop(awaited);
        let Some((answer, task)) = kept else { return };
        let task = task.filter(|_| sender.is_some());
        if let Some(task) = &task {
            task.will_poll_here();
        }
        let _ = catch(|| match sender {
            Some(sender) => drop(sender.send(answer)),
            None => drop(answer),
        });
        if let Some(task) = task {
            task.poll_here();
        }
    }

    fn fail(&self, lost: Lost) {
        let sender = self.lock().sender.take();
        if let Some(sender) = sender {
            drop(sender.send(Err(lost)));
        }
    }
}

pub(super) struct Once<F>(pub(super) F);

impl<F: FnOnce() + Send> Sliceable for Once<F> {
    fn slice(self: Box<Self>, turn: Turn) -> Sliced {
        if let Err(panic) = catch(self.0) {
            tracing::error!(target: "isolet", %panic, "a worker's task panicked");
        }
        Sliced::Over(turn.cpu(), None)
    }

    fn lose(self: Box<Self>) {}

    fn reply(&self) -> Option<Arc<dyn Reply>> {
        None
    }
}
