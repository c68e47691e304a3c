//! An execution that has begun owes a report, whatever happens to the task that drives it.

use std::sync::Arc;

use isolet_core_traits::{Abort, Engine, Report};
use tokio::sync::oneshot;

use crate::caller::Caller;
use crate::core::Core;
use crate::events;
use crate::run::Run;
use crate::verdict::Verdict;
use crate::workers::Lost;

/// An execution whose report is owed: paid at its end, or when the task is dropped or panics before.
pub(crate) struct Owed<E: Engine> {
    core: Arc<Core<E>>,
    debt: Option<(Run, oneshot::Sender<Report>)>,
}

impl<E: Engine> Owed<E> {
    pub(crate) fn new(core: Arc<Core<E>>, run: Run, report: oneshot::Sender<Report>) -> Self {
        core.counters.begin();
        Self { core, debt: Some((run, report)) }
    }

    /// Executes it and pays.
    pub(crate) async fn execute(mut self, mut caller: Caller) {
        if let Some((run, _)) = &mut self.debt {
            let verdict = self.core.execute(run, &mut caller).await;
            self.pay(verdict);
        }
    }

    fn pay(&mut self, verdict: Result<(), Verdict>) {
        let Some((mut run, sender)) = self.debt.take() else { return };
        let policy = &self.core.environment.policy;
        let panic = verdict.err().and_then(|verdict| run.fail(verdict.under(policy)));
        events::execution(&run.report, &run.info, panic.as_ref());
        self.core.counters.end(&run.report);
        // A caller that is gone wants no report; the log and the counters have it.
        let _ = sender.send(run.report);
    }
}

impl<E: Engine> Drop for Owed<E> {
    fn drop(&mut self) {
        if let Some((run, _)) = &self.debt {
            run.interrupt.request(Abort::Cancelled);
            self.pay(Err(Verdict::lost(Lost::Stopped)));
        }
    }
}
