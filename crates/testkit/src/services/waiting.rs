//! Services that answer when the test says so: one waits, the other blocks its thread.

use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::{HostFailure, HostNamespace, HostService, HostSession, Payload, RunInfo};
use tokio::sync::{Semaphore, watch};

use super::namespace;
use crate::fake::{Gate, Hold};

/// Answers with its first argument when it is released. Clones share the waiting calls.
#[derive(Debug, Clone)]
pub struct Slow(Arc<SlowState>);

#[derive(Debug)]
struct SlowState {
    released: Semaphore,
    waiting: watch::Sender<usize>,
}

impl Default for Slow {
    fn default() -> Self {
        Self(Arc::new(SlowState { released: Semaphore::new(0), waiting: watch::Sender::new(0) }))
    }
}

impl Slow {
    /// Answers so many calls, the oldest first, now or when they come.
    pub fn release(&self, calls: usize) {
        self.0.released.add_permits(calls);
    }

    /// Forgets the releases that no call has taken, for example because its run ended before it could.
    pub fn take_back(&self) {
        self.0.released.forget_permits(usize::MAX);
    }

    /// How many calls wait now. A call that was dropped does not.
    pub fn waiting(&self) -> usize {
        *self.0.waiting.borrow()
    }

    /// Waits until exactly so many calls wait.
    pub async fn wait_until_waiting(&self, calls: usize) {
        let mut waiting = self.0.waiting.subscribe();
        // The sender lives in `self`, so there is no error.
        let _ = waiting.wait_for(|waiting| *waiting == calls).await;
    }
}

/// Counts a call as waiting until it is answered or dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn new(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|waiting| *waiting += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|waiting| *waiting -= 1);
    }
}

#[async_trait]
impl HostService for Slow {
    fn namespace(&self) -> HostNamespace {
        namespace("slow", &["wait"])
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl HostSession for Slow {
    async fn call(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let waiting = Waiting::new(&self.0.waiting);
        // The semaphore is never closed, so a permit always comes in the end.
        if let Ok(permit) = self.0.released.acquire().await {
            permit.forget();
        }
        drop(waiting);
        super::first_argument(arguments)
    }
}

/// Answers with its first argument; marked as blocking. Blocks its thread while it is held. Clones share the hold.
#[derive(Debug, Clone, Default)]
pub struct Blocking(Arc<Gate>);

impl Blocking {
    /// Blocks all calls until the hold is released or dropped.
    pub fn hold(&self) -> Hold {
        Hold::new(&self.0)
    }
}

#[async_trait]
impl HostService for Blocking {
    fn namespace(&self) -> HostNamespace {
        let mut namespace = namespace("blocking", &["wait"]);
        for operation in &mut namespace.operations {
            operation.blocking = true;
        }
        namespace
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl HostSession for Blocking {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        // An executor that comes here has not read `HostOperation::blocking`.
        panic!("a blocking operation was called as an asynchronous one")
    }

    fn call_blocking(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        self.0.pass();
        super::first_argument(arguments)
    }
}
