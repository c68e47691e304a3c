//! How a caller that goes away is noticed.

use std::convert::Infallible;
use std::sync::Arc;

use isolet_core_traits::{Abort, Interrupt};
use tokio::sync::oneshot;

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

/// Held by the execution's task: tells when the caller is gone.
pub(crate) struct Caller(Option<oneshot::Receiver<Infallible>>);

/// The caller is gone.
#[derive(Debug)]
pub(crate) struct Gone;

/// The two ends of one execution's cancellation.
pub(crate) fn caller(interrupt: &Arc<Interrupt>) -> (CancelOnDrop, Caller) {
    let (sender, receiver) = oneshot::channel();
    (CancelOnDrop { interrupt: interrupt.clone(), _gone: sender }, Caller(Some(receiver)))
}

impl Caller {
    /// Ready once the caller is gone, and from then on.
    pub(crate) async fn gone(&mut self) {
        if let Some(receiver) = &mut self.0 {
            let _ = receiver.await;
            self.0 = None;
        }
    }

    /// Waits for `work` as long as the caller is there.
    pub(crate) async fn wait_for<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Gone> {
        tokio::select! {
            biased;
            () = self.gone() => Err(Gone),
            result = work => Ok(result),
        }
    }
}

/// Ends what runs under an interrupt when whoever waits for it is dropped. Harmless once that is over.
pub(crate) struct AbortOnDrop(pub(crate) Arc<Interrupt>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.request(Abort::Cancelled);
    }
}
