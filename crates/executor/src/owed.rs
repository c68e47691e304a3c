//! An execution that has begun owes a report, whatever happens to the task that drives it.

use std::sync::Arc;

use isolet_core_traits::{Abort, Engine, Report, Status};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::caller::Caller;
use crate::core::Core;
use crate::events;
use crate::gate::{Exit, Pass};
use crate::run::Run;
use crate::spans;
use crate::verdict::Verdict;
use crate::workers::Lost;

/// An execution whose report is owed: paid at its end, or when the task is dropped or panics before.
pub(crate) struct Owed<E: Engine> {
    core: Arc<Core<E>>,
    debt: Option<Debt>,
}

struct Debt {
    run: Run,
    report: oneshot::Sender<Report>,
    /// None if it came when the gate was closed.
    pass: Option<Pass>,
}

impl<E: Engine> Owed<E> {
    pub(crate) fn new(core: Arc<Core<E>>, run: Run, report: oneshot::Sender<Report>) -> Self {
        core.counters.begin();
        let pass = core.gate.enter();
        Self { core, debt: Some(Debt { run, report, pass }) }
    }

    /// Executes it and pays.
    pub(crate) async fn execute(mut self, mut caller: Caller) {
        let Some(Debt { run, pass, .. }) = &mut self.debt else { return };
        if pass.is_none() {
            return self.pay(Err(Verdict::refused_by_drain(self.core.gate.inside())));
        }
        let span = spans::execution(&run.info);
        let verdict = self.core.execute(run, &mut caller).instrument(span).await;
        self.pay(verdict.map_err(|verdict| verdict.shut_out(caller.is_shut_out())));
    }

    fn pay(&mut self, verdict: Result<(), Verdict>) {
        let Some(Debt { mut run, report: sender, pass }) = self.debt.take() else { return };
        let policy = &self.core.environment.policy;
        let is_killed = verdict.as_ref().is_err_and(Verdict::is_shut_down);
        let panic = verdict.err().and_then(|verdict| run.fail(verdict.under(policy)));
        events::execution(&run.report, &run.info, panic.as_ref());
        let (status, id) = (run.report.status, &run.info.execution);
        self.core.telemetry.ended(&run.report);
        self.core.counters.end(&run.report);
        // A caller that is gone wants no report; the log and the counters have it.
        let _ = sender.send(run.report);
        if let Some(pass) = pass {
            pass.exit(match status {
                Status::Cancelled if is_killed => Exit::Killed(id),
                Status::Cancelled => Exit::Cancelled,
                Status::Rejected => Exit::Rejected,
                _ => Exit::Finished,
            });
        }
    }
}

impl<E: Engine> Drop for Owed<E> {
    fn drop(&mut self) {
        if let Some(Debt { run, .. }) = &self.debt {
            run.interrupt.request(Abort::Cancelled);
            self.pay(Err(Verdict::lost(Lost::Stopped)));
        }
    }
}
