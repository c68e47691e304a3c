//! The task of an execution, and who polls it.
//!
//! ```text
//!   first poll: its caller ──▶ waiting ── woken ──▶ a turn on the runtime ──▶ waiting, or over
//!                                 └── its run is over: the worker polls it ──▶ over
//! ```
//!
//! So an execution that meets no obstacle changes threads twice: to the worker, and back to the caller with its report.
//! Every further hand-over would wake a thread, which can cost more than the run does.

use std::cell::RefCell;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use crate::panics::catch;

type Body = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task of an execution. If the runtime that it needs is gone, its body is dropped where it stands.
pub(crate) struct Task {
    state: Mutex<State>,
    runtime: Handle,
    /// Whether somebody [will poll it](Self::will_poll_here), so that being woken is nothing new.
    is_expected: AtomicBool,
    /// Whether its end is only microseconds away.
    is_imminent: AtomicBool,
}

/// For how long it is waited for without sleep: about what a core takes to fall asleep and to wake up.
const AWAKE: Duration = Duration::from_micros(50);

enum State {
    Waiting { body: Body, has_turn: bool },
    Polled { is_woken: bool },
    Over,
}

impl Task {
    /// A task that nobody has polled yet. `body` is told of it.
    pub(crate) fn new<F: Future<Output = ()> + Send + 'static>(
        runtime: &Handle,
        body: impl FnOnce(Weak<Self>) -> F,
    ) -> Arc<Self> {
        Arc::new_cyclic(|task| Self {
            state: Mutex::new(State::Waiting { body: Box::pin(body(task.clone())), has_turn: false }),
            runtime: runtime.clone(),
            is_expected: AtomicBool::new(false),
            is_imminent: AtomicBool::new(false),
        })
    }

    /// What wakes it next comes from this thread, which will then [poll it here](Self::poll_here): no turn is needed.
    pub(crate) fn will_poll_here(&self) {
        self.is_expected.store(true, SeqCst);
    }

    /// Waiting for its end is quicker than falling asleep.
    pub(crate) fn end_is_imminent(&self) {
        self.is_imminent.store(true, SeqCst);
    }

    /// Polls it for the first time, and if its end [is imminent](Self::end_is_imminent) waits for that: for
    /// microseconds, and not while it waits for anything else.
    pub(crate) fn begin_here(self: &Arc<Self>) {
        self.poll_here();
        if !self.is_imminent.load(SeqCst) {
            return;
        }
        let began = Instant::now();
        while !self.is_settled() && began.elapsed() < AWAKE {
            std::hint::spin_loop();
        }
    }

    /// Whether it is over, or goes on with a turn on the runtime.
    fn is_settled(&self) -> bool {
        matches!(*self.lock(), State::Over | State::Waiting { has_turn: true, .. })
    }

    /// Polls it on this thread, unless another one does so now: then that one polls again.
    pub(crate) fn poll_here(self: &Arc<Self>) {
        let mut state = self.lock();
        let mut body = match std::mem::replace(&mut *state, State::Polled { is_woken: true }) {
            State::Waiting { body, .. } => body,
            State::Polled { .. } => return,
            State::Over => return *state = State::Over,
        };
        *state = State::Polled { is_woken: false };
        drop(state);
        let (waker, _entered) = (Waker::from(self.clone()), self.runtime.enter());
        let mut context = Context::from_waker(&waker);
        loop {
            self.is_expected.store(false, SeqCst);
            let polled = catch(|| body.as_mut().poll(&mut context));
            let mut state = self.lock();
            if !matches!(polled, Ok(Poll::Pending)) {
                *state = State::Over;
                drop(state);
                let _ = catch(|| drop(body));
                return;
            }
            let is_woken = matches!(*state, State::Polled { is_woken: true });
            if is_woken && self.is_expected.load(SeqCst) {
                *state = State::Polled { is_woken: false };
                continue;
            }
            *state = State::Waiting { body, has_turn: is_woken };
            drop(state);
            if is_woken {
                self.take_turn();
            }
            return;
        }
    }

    /// Has the runtime poll it.
    fn take_turn(self: &Arc<Self>) {
        drop(self.runtime.spawn(Turn(Some(self.clone()))));
    }

    /// Drops its body.
    fn abandon(&self) {
        let mut state = self.lock();
        if let State::Waiting { body, .. } = std::mem::replace(&mut *state, State::Over) {
            drop(state);
            drop_in_turn(body);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.is_expected.load(SeqCst) {
            return;
        }
        let mut state = self.lock();
        let has_turn = match &mut *state {
            State::Waiting { has_turn, .. } => std::mem::replace(has_turn, true),
            State::Polled { is_woken } => {
                *is_woken = true;
                return;
            }
            State::Over => return,
        };
        drop(state);
        if !has_turn {
            self.take_turn();
        }
    }
}

thread_local! {
    /// What is still to be dropped; `None` outside of [`drop_in_turn`].
    static TO_DROP: RefCell<Option<Vec<Body>>> = const { RefCell::new(None) };
}

/// Drops a body. What it lets go may be granted to the next in the queue, which is abandoned then as well, and so on: so
/// one after the other, not one within the other.
fn drop_in_turn(body: Body) {
    let first = TO_DROP.with_borrow_mut(|to_drop| match to_drop {
        Some(bodies) => {
            bodies.push(body);
            None
        }
        None => {
            *to_drop = Some(Vec::new());
            Some(body)
        }
    });
    let mut next = first;
    while let Some(body) = next {
        let _ = catch(|| drop(body));
        next = TO_DROP.with_borrow_mut(|to_drop| {
            let next = to_drop.as_mut().and_then(Vec::pop);
            if next.is_none() {
                *to_drop = None;
            }
            next
        });
    }
}

/// One poll on the runtime. A runtime that has ended drops it unpolled.
struct Turn(Option<Arc<Task>>);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if let Some(task) = self.0.take() {
            task.poll_here();
        }
        Poll::Ready(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.abandon();
        }
    }
}

#[cfg(test)]
mod tests;
