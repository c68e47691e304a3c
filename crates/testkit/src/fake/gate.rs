//! Gates: tests hold threads at a stage and let them go on, without sleeping.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A place in the code where a test can hold the threads that come by.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct GateState {
    holds: usize,
    waiting: usize,
    admitted: usize,
}

impl Gate {
    /// Returns at once, unless the gate is held.
    pub(crate) fn pass(&self) {
        let mut state = self.lock();
        state.waiting += 1;
        self.changed.notify_all();
        while state.holds > 0 && state.admitted == 0 {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.admitted = state.admitted.saturating_sub(1);
        state.waiting -= 1;
    }

    fn lock(&self) -> MutexGuard<'_, GateState> {
        // No code panics while it holds the lock, so the state is whole even after a panic elsewhere.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Holds a gate until it is released or dropped.
#[derive(Debug)]
#[must_use = "dropping it releases the gate"]
pub struct Hold(Arc<Gate>);

impl Hold {
    pub(crate) fn new(gate: &Arc<Gate>) -> Self {
        let mut state = gate.lock();
        state.holds += 1;
        // What an earlier hold admitted is no longer meant.
        state.admitted = 0;
        drop(state);
        Self(gate.clone())
    }

    /// How many threads wait at the gate.
    pub fn waiting(&self) -> usize {
        self.0.lock().waiting
    }

    /// Blocks until at least `threads` of them wait at the gate.
    pub fn wait_for(&self, threads: usize) {
        let mut state = self.0.lock();
        while state.waiting < threads {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets so many threads through, now or when they come, and keeps holding the others.
    pub fn admit(&self, threads: usize) {
        self.0.lock().admitted += threads;
        self.0.changed.notify_all();
    }

    /// Lets all through.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.lock().holds -= 1;
        self.0.changed.notify_all();
    }
}
