//! Who may begin, and what becomes of those who have begun when the executor shuts down.
//!
//! ```text
//!   open ── close ──▶ closed: nobody begins ── end all ──▶ ending: whoever is inside is ended
//!                       └──── nobody is inside any more: idle ────┘
//! ```

use std::pin::pin;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, PoisonError};

use isolet_core_traits::ExecutionId;
use tokio::sync::Notify;

/// Counts executions and preparations that have begun and not ended.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Twice the number of those inside; odd once it is closed.
    state: AtomicUsize,
    is_empty: Notify,
    is_ending: AtomicBool,
    ending: Notify,
    refused: AtomicU64,
    drained: Mutex<Drained>,
}

/// What became of the executions that were in flight when a shutdown or a drain began.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drained {
    /// They came to an end of their own, well or not.
    pub finished: u64,
    /// They were going on at the deadline and were ended then.
    pub killed: u64,
    /// Their callers gave them up.
    pub cancelled: u64,
    /// They waited in the queue until the deadline, or for longer than the queue allows.
    pub rejected: u64,
    /// Executions and preparations that were asked for later, and refused.
    pub refused: u64,
    /// Some of those that were killed: at most [`KILLED_IDS_MAX`](Self::KILLED_IDS_MAX).
    pub killed_ids: Vec<ExecutionId>,
}

impl Drained {
    /// Executions that are named.
    pub const KILLED_IDS_MAX: usize = 100;
}

/// How an execution left.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Exit<'a> {
    Finished,
    Killed(&'a ExecutionId),
    Cancelled,
    Rejected,
    /// It was no execution.
    Prepared,
}

/// Held by whoever is inside.
#[derive(Debug)]
pub(crate) struct Pass(Option<Arc<Gate>>);

impl Gate {
    /// Lets one in, unless the gate is closed.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Pass> {
        let before = self.state.fetch_add(2, SeqCst);
        if !is_odd(before) {
            return Some(Pass(Some(self.clone())));
        }
        self.leave();
        self.refused.fetch_add(1, Relaxed);
        None
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> usize {
        self.state.load(SeqCst) / 2
    }

    /// Lets nobody in any more.
    pub(crate) fn close(&self) {
        self.state.fetch_or(1, SeqCst);
    }

    pub(crate) fn is_closed(&self) -> bool {
        is_odd(self.state.load(SeqCst))
    }

    /// Tells all who are inside to end, now and later.
    pub(crate) fn end_all(&self) {
        self.is_ending.store(true, SeqCst);
        self.ending.notify_waiters();
    }

    /// Ready once all are told to end.
    pub(crate) async fn ending(&self) {
        let ending = self.ending.notified();
        if !self.is_ending.load(SeqCst) {
            ending.await;
        }
    }

    /// Waits until nobody is inside.
    pub(crate) async fn idle(&self) {
        loop {
            let mut is_empty = pin!(self.is_empty.notified());
            is_empty.as_mut().enable();
            if self.inside() == 0 {
                return;
            }
            is_empty.await;
        }
    }

    /// What became of those who were inside when it was closed, so far.
    pub(crate) fn drained(&self) -> Drained {
        let drained = self.drained.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Drained { refused: self.refused.load(Relaxed), ..drained }
    }

    /// Counts an exit if the gate is closed; then leaves.
    fn exit(&self, exit: Exit<'_>) {
        let open = |state: usize| (!is_odd(state)).then(|| state - 2);
        match self.state.fetch_update(SeqCst, SeqCst, open) {
            Ok(2) => self.is_empty.notify_waiters(),
            Ok(_) => {}
            Err(_) => {
                self.drained.lock().unwrap_or_else(PoisonError::into_inner).count(exit);
                self.leave();
            }
        }
    }

    fn leave(&self) {
        if self.state.fetch_sub(2, SeqCst) / 2 == 1 {
            self.is_empty.notify_waiters();
        }
    }
}

fn is_odd(state: usize) -> bool {
    state & 1 == 1
}

impl Drained {
    fn count(&mut self, exit: Exit<'_>) {
        *match exit {
            Exit::Finished => &mut self.finished,
            Exit::Killed(_) => &mut self.killed,
            Exit::Cancelled => &mut self.cancelled,
            Exit::Rejected => &mut self.rejected,
            Exit::Prepared => return,
        } += 1;
        if let Exit::Killed(id) = exit
            && self.killed_ids.len() < Self::KILLED_IDS_MAX
        {
            self.killed_ids.push(id.clone());
        }
    }
}

impl Pass {
    pub(crate) fn exit(mut self, exit: Exit<'_>) {
        if let Some(gate) = self.0.take() {
            gate.exit(exit);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.exit(Exit::Prepared);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exits_count_once_it_is_closed() {
        let gate = Arc::new(Gate::default());
        let mut passes: Vec<_> = std::iter::from_fn(|| gate.enter()).take(6).collect();
        let mut next = || passes.pop().expect("one is left");
        next().exit(Exit::Finished);
        gate.close();
        gate.close();
        assert!(gate.enter().is_none());
        let id = ExecutionId::new("x").expect("an id");
        for exit in [Exit::Killed(&id), Exit::Cancelled, Exit::Rejected, Exit::Finished] {
            next().exit(exit);
        }
        assert_eq!(gate.inside(), 1);
        drop(next());
        let killed_ids = vec![id];
        let drained = Drained { finished: 1, killed: 1, cancelled: 1, rejected: 1, refused: 1, killed_ids };
        assert_eq!((gate.inside(), gate.drained()), (0, drained));
    }

    #[test]
    fn names_are_bounded() {
        let mut drained = Drained::default();
        for number in 0..1_000 {
            drained.count(Exit::Killed(&ExecutionId::new(number.to_string()).expect("an id")));
        }
        assert_eq!((drained.killed, drained.killed_ids.len()), (1_000, Drained::KILLED_IDS_MAX));
    }

    #[test]
    fn nobody_is_missed() {
        for _ in 0..200 {
            let gate = Arc::new(Gate::default());
            let entered: u64 = std::thread::scope(|scope| {
                let enter = || {
                    let passes: Vec<_> = std::iter::from_fn(|| gate.enter()).take(50).collect();
                    let entered = passes.len() as u64;
                    passes.into_iter().for_each(|pass| pass.exit(Exit::Finished));
                    entered
                };
                let threads = [scope.spawn(enter), scope.spawn(enter)];
                gate.close();
                threads.map(|thread| thread.join().expect("no panic")).iter().sum()
            });
            let Drained { finished, .. } = gate.drained();
            assert!(gate.inside() == 0 && finished <= entered, "{finished} of {entered}");
        }
    }
}
