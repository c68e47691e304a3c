//! Events within the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use async_trait::async_trait;
use tokio::sync::broadcast::{self, error::RecvError};

use super::{Event, EventSink, SinkError};

/// Gives every event to everyone in the process who has subscribed. Clones share everything.
///
/// Publishing waits for nobody: a subscriber that is slow misses the oldest events, and is told how many. Without
/// subscribers events are dropped.
#[derive(Debug, Clone)]
pub struct Broadcast {
    sender: broadcast::Sender<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

impl Broadcast {
    /// Keeps up to `capacity` events for subscribers that have not received them yet; at least one.
    pub fn new(capacity: usize) -> Self {
        // tokio takes no more than half of what a number can say.
        let capacity = capacity.clamp(1, usize::MAX / 4);
        Self { sender: broadcast::Sender::new(capacity), missed: Arc::default() }
    }

    /// Receives every event from now on.
    pub fn subscribe(&self) -> Subscriber {
        Subscriber { receiver: self.sender.subscribe(), missed: self.missed.clone() }
    }

    /// Events that subscribers have missed, all of them together.
    pub fn missed(&self) -> u64 {
        self.missed.load(Relaxed)
    }
}

#[async_trait]
impl EventSink for Broadcast {
    async fn publish(&self, event: Event) -> Result<(), SinkError> {
        // It fails if nobody has subscribed, which is no failure.
        let _ = self.sender.send(Arc::new(event));
        Ok(())
    }
}

/// Receives events.
#[derive(Debug)]
pub struct Subscriber {
    receiver: broadcast::Receiver<Arc<Event>>,
    missed: Arc<AtomicU64>,
}

/// A subscriber was too slow for so many events, which are lost to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed(pub u64);

impl Subscriber {
    /// The next event, in the order of their publishing; `None` once nobody is left who could publish.
    ///
    /// # Errors
    /// [`Missed`]; the next call goes on with the oldest event that is left.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>, Missed>> {
        match self.receiver.recv().await {
            Ok(event) => Some(Ok(event)),
            Err(RecvError::Closed) => None,
            Err(RecvError::Lagged(missed)) => {
                self.missed.fetch_add(missed, Relaxed);
                Some(Err(Missed(missed)))
            }
        }
    }
}
