//! How a caller that goes away is noticed.

use std::convert::Infallible;
use std::sync::Arc;

use isolet_core_traits::{Abort, Interrupt};
use tokio::sync::oneshot;

use crate::gate::Gate;

/// Held by the caller's future: dropping it cancels the execution, unless that has ended.
pub(crate) struct CancelOnDrop {
    interrupt: Arc<Interrupt>,
    _gone: oneshot::Sender<Infallible>,
}

impl Drop for CancelOnDrop {
    /// First what a script on a worker sees, then what wakes a task that waits.
    fn drop(&mut self) {
        self.interrupt.request(Abort::Cancelled);
    }
}

/// Held by the execution's task: tells when the caller is gone, or the executor ends what is going on.
pub(crate) struct Caller {
    caller: oneshot::Receiver<Infallible>,
    gate: Arc<Gate>,
    gone: Option<Gone>,
}

/// Why an execution is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    /// Its caller is gone.
    Caller,
    /// The executor shuts down.
    Executor,
}

/// The two ends of one execution's cancellation.
pub(crate) fn caller(interrupt: &Arc<Interrupt>, gate: &Arc<Gate>) -> (CancelOnDrop, Caller) {
    let (sender, caller) = oneshot::channel();
    (CancelOnDrop { interrupt: interrupt.clone(), _gone: sender }, Caller { caller, gate: gate.clone(), gone: None })
}

impl Caller {
    /// Ready once the execution is to end, and from then on.
    pub(crate) async fn gone(&mut self) -> Gone {
        if let Some(gone) = self.gone {
            return gone;
        }
        let gone = tokio::select! {
            biased;
            _ = &mut self.caller => Gone::Caller,
            () = self.gate.ending() => Gone::Executor,
        };
        *self.gone.insert(gone)
    }

    /// Waits for `work` as long as the execution is not to end. What is there already is taken all the same.
    pub(crate) async fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::select! {
            biased;
            result = work => Ok(result),
            gone = self.gone() => Err(gone),
        }
    }

    /// Whether the executor ended it.
    pub(crate) fn is_shut_out(&self) -> bool {
        self.gone == Some(Gone::Executor)
    }
}

/// Ends what runs under an interrupt when whoever waits for it is dropped. Harmless once that is over.
pub(crate) struct AbortOnDrop(pub(crate) Arc<Interrupt>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.request(Abort::Cancelled);
    }
}
