//! The orderly end of an executor.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::Engine;
use tokio::time::timeout;

use crate::core::Core;
use crate::gate::Drained;
use crate::panics::CatchPanic;
use crate::workers::Claim;

/// How long it is waited for what is left when all executions are over: permits of what nobody waits for, and threads.
/// Whatever takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long the sink of reports may take to write what it has.
const FLUSH_TIME: Duration = Duration::from_secs(10);

/// What a shutdown came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shutdown {
    /// What became of the executions.
    pub executions: Drained,
    /// Workers that have ended.
    pub workers_ended: usize,
    /// Workers, by their number, with a thread that is stuck in something which cannot be interrupted. It ends when that
    /// comes back; until then it keeps what it is on.
    pub workers_stuck: Vec<usize>,
    /// VMs that such threads are on. Their memory is lost until they come back.
    pub vms_leaked: usize,
}

impl<E: Engine> Core<E> {
    /// Refuses executions from now on, and waits until those that have begun are over.
    pub(crate) async fn drain(&self) {
        self.gate.close();
        self.gate.idle().await;
        self.flush_reports().await;
        self.pool.drain();
        self.pool.drained().await;
    }

    /// Waits until the sink has written what it took.
    async fn flush_reports(&self) {
        let Some(sink) = &self.reports else { return };
        let flushed = CatchPanic::new(async { sink.flush().await });
        if !matches!(timeout(FLUSH_TIME, flushed).await, Ok(Ok(()))) {
            tracing::warn!(target: "isolet", "the sink did not write all reports");
        }
    }

    /// The same, but from the deadline on those who wait are turned away and those that are going on are ended. Then ends
    /// VMs and workers.
    pub(crate) async fn shut_down(self: Arc<Self>, deadline: Duration) -> Shutdown {
        self.gate.close();
        if timeout(deadline, self.gate.idle()).await.is_err() {
            self.pool.turn_away();
            self.gate.end_all();
            self.gate.idle().await;
        }
        self.flush_reports().await;
        self.pool.drain();
        let _ = timeout(PATIENCE, self.pool.drained()).await;
        if let Some(bytecode) = &self.bytecode {
            let _ = timeout(PATIENCE, bytecode.flush()).await;
            let _ = timeout(PATIENCE, self.note_used()).await;
        }
        let compilers = self.compilers.clear();
        self.workers.spawn(Claim::OWN, move || drop(compilers));
        let stopped = self.workers.stop(PATIENCE).await;
        Shutdown {
            executions: self.gate.drained(),
            workers_ended: stopped.ended,
            vms_leaked: stopped.stuck.iter().filter(|stuck| stuck.has_vm).count(),
            workers_stuck: stopped.stuck.into_iter().map(|stuck| stuck.worker).collect(),
        }
    }
}
