//! The pool as its users see it: asynchronous, thread-safe, cheap to clone.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;

use isolet_core_traits::Clock;
use tokio::sync::oneshot;

use crate::admission::{Admission, PoolStats, Request, Ticket};
use crate::config::{ConfigError, PoolConfig};
use crate::factory::VmFactory;
use crate::lease::Lease;
use crate::rejected::Rejected;
use crate::shared::{Answer, Requested, Shared};

/// VMs and the queue before them. Clones share both.
///
/// When the last clone, lease and slot is gone, the VMs that stand ready are destroyed.
pub struct Pool<V> {
    shared: Arc<Shared<V>>,
}

impl<V> Pool<V> {
    /// A pool that begins at once to make its first VMs, through `factory`.
    ///
    /// `clock` measures all times. Timers run in tokio's time: a clock that stands still while tokio's time goes on
    /// makes timers fire without effect.
    ///
    /// # Errors
    /// [`ConfigError`] if [`PoolConfig::check`] refuses the figures.
    pub fn new(config: PoolConfig, factory: Arc<dyn VmFactory<V>>, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let shared = Arc::new(Shared::new(Admission::new(config)?, factory, clock));
        shared.tick();
        Ok(Self { shared })
    }

    /// Waits for the permits that `request` needs, and for a VM if it needs one. All are granted at once.
    ///
    /// Dropping the future cancels the request; a grant that was on its way goes back unused.
    ///
    /// # Errors
    /// [`Rejected`], with the figures at the time.
    ///
    /// # Panics
    /// If the request has to wait outside of a tokio runtime with time enabled.
    pub async fn acquire(&self, request: Request) -> Result<Lease<V>, Rejected> {
        match self.shared.request(request) {
            Requested::Answered(answer) => *answer,
            Requested::Waiting(ticket, receiver) => {
                Waiter { shared: Arc::clone(&self.shared), ticket, receiver }.answer().await
            }
        }
    }

    /// Does what has become due: destroys idle VMs, ends waits that were too long, tries again to make VMs.
    ///
    /// Each request, grant and return does the same, and those who wait see to their own timers. So this is needed only
    /// to shrink or to heal a pool that nobody uses, and for those who come to lack a VM while they wait for something
    /// else: a few times a second is enough.
    pub fn tick(&self) {
        self.shared.tick();
    }

    /// The figures as they are now.
    pub fn stats(&self) -> PoolStats {
        self.shared.stats()
    }

    /// Rejects all further requests. Those who wait are served as ever; then the VMs that stand ready are destroyed, and
    /// those that come back. There is no way back.
    pub fn drain(&self) {
        self.shared.drain();
    }

    /// [Drains](Self::drain), and rejects those who wait as well.
    pub fn turn_away(&self) {
        self.shared.turn_away();
    }

    /// Waits until [`drain`](Self::drain) was called, nobody waits and no lease is out any more.
    pub async fn drained(&self) {
        loop {
            let mut drained = pin!(self.shared.drained.notified());
            drained.as_mut().enable();
            if self.shared.is_drained() {
                return;
            }
            drained.await;
        }
    }
}

impl<V> Clone for Pool<V> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<V> fmt::Debug for Pool<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pool").field(&self.stats()).finish()
    }
}

/// A request in the queue.
struct Waiter<V> {
    shared: Arc<Shared<V>>,
    ticket: Ticket,
    receiver: oneshot::Receiver<Answer<V>>,
}

impl<V> Waiter<V> {
    async fn answer(mut self) -> Answer<V> {
        loop {
            let mut hastened = pin!(self.shared.hastened.notified());
            hastened.as_mut().enable();
            let Some(pause) = self.shared.pause(self.ticket) else {
                return received((&mut self.receiver).await);
            };
            tokio::select! {
                biased;
                answer = &mut self.receiver => return received(answer),
                () = tokio::time::sleep(pause) => self.shared.tick(),
                () = hastened => {}
            }
        }
    }
}

impl<V> Drop for Waiter<V> {
    fn drop(&mut self) {
        self.shared.cancel(self.ticket);
    }
}

/// A sender goes without an answer only if a waker or a factory panicked before its turn: the request has no lease then.
fn received<V>(answer: Result<Answer<V>, oneshot::error::RecvError>) -> Answer<V> {
    answer.unwrap_or(Err(Rejected::Draining { in_use: 0 }))
}
