//! A host service that lets nobody pass until it is opened.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isolet::{HostFailure, HostNamespace, HostOperation, HostService, HostSession, Payload, RunInfo};
use tokio::sync::watch;

/// Clones are the same gate.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<State>);

#[derive(Default)]
struct State {
    is_open: watch::Sender<bool>,
    arrived: watch::Sender<usize>,
}

impl Gate {
    /// Waits until so many calls have arrived, but no longer than `time_max`, and gives how many have.
    pub(super) async fn wait_for(&self, calls: usize, time_max: Duration) -> usize {
        let mut arrived = self.0.arrived.subscribe();
        // Whoever comes later than that does not count; the sender lives in `self`, so there is no other error.
        let _ = tokio::time::timeout(time_max, arrived.wait_for(|arrived| *arrived >= calls)).await;
        *self.0.arrived.borrow()
    }

    /// Lets everybody pass from now on.
    pub(super) fn open(&self) {
        self.0.is_open.send_replace(true);
    }
}

#[async_trait]
impl HostService for Gate {
    fn namespace(&self) -> HostNamespace {
        // It costs nothing, so that no rate holds it up.
        let pass = HostOperation { cost: 0, ..HostOperation::new("pass") };
        HostNamespace { name: "gate".into(), exposed: true, operations: vec![pass] }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl HostSession for Gate {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        let mut is_open = self.0.is_open.subscribe();
        self.0.arrived.send_modify(|arrived| *arrived += 1);
        // The sender lives in `self`, so there is no error.
        let _ = is_open.wait_for(|is_open| *is_open).await;
        Ok(Payload { json: "true".into(), buffers: Vec::new() })
    }
}
