//! An execution that has begun owes a report, whatever happens to the task that drives it.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Abort, Engine, JsonText, Report, ReportSink, Status};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::caller::Caller;
use crate::core::Core;
use crate::events;
use crate::gate::{Exit, Pass};
use crate::panics::CatchPanic;
use crate::run::Run;
use crate::spans;
use crate::verdict::Verdict;
use crate::workers::Lost;

/// How long a report's sink may take.
const RECORD_TIME: Duration = Duration::from_secs(10);

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
    /// By a shutdown at its deadline.
    is_killed: bool,
    stage: Stage,
}

/// How far an execution is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Executing,
    /// Its report is complete, and the sink has not been told.
    Concluded,
    Recorded,
}

impl<E: Engine> Owed<E> {
    pub(crate) fn new(core: Arc<Core<E>>, run: Run, report: oneshot::Sender<Report>) -> Self {
        core.counters.begin();
        let pass = core.gate.enter();
        Self { core, debt: Some(Debt { run, report, pass, is_killed: false, stage: Stage::Executing }) }
    }

    /// Executes it and pays.
    pub(crate) async fn execute(mut self, mut caller: Caller) {
        let Some(Debt { run, pass, .. }) = &mut self.debt else { return };
        let verdict = match pass {
            None => Err(Verdict::refused_by_drain(self.core.gate.inside())),
            Some(_) => {
                let span = spans::execution(&run.info);
                let verdict = self.core.execute(run, &mut caller).instrument(span).await;
                verdict.map_err(|verdict| verdict.shut_out(caller.is_shut_out()))
            }
        };
        self.conclude(verdict);
        self.record().await;
        self.hand_over();
    }

    /// The report is complete: the log and the figures are told.
    fn conclude(&mut self, verdict: Result<(), Verdict>) {
        let Some(Debt { run, is_killed, stage, .. }) = &mut self.debt else { return };
        *stage = Stage::Concluded;
        *is_killed = verdict.as_ref().is_err_and(Verdict::is_shut_down);
        let policy = &self.core.environment.policy;
        let panic = verdict.err().and_then(|verdict| run.fail(verdict.under(policy)));
        events::execution(&run.report, &run.info, panic.as_ref());
        self.core.telemetry.ended(&run.report);
        self.core.counters.end(&run.report);
    }

    /// Tells the sink, if there is one.
    async fn record(&mut self) {
        let (Some(debt), Some(sink)) = (&mut self.debt, &self.core.reports) else { return };
        debt.stage = Stage::Recorded;
        record(&**sink, &debt.run.report, debt.run.input()).await;
    }

    /// The same when nobody is left to wait for it.
    fn record_later(&mut self) {
        let (Some(debt), Some(sink)) = (&mut self.debt, &self.core.reports) else { return };
        debt.stage = Stage::Recorded;
        let (sink, report, input) = (sink.clone(), debt.run.report.clone(), debt.run.input().clone());
        self.core.runtime.handle().spawn(async move { record(&*sink, &report, &input).await });
    }

    fn hand_over(&mut self) {
        let Some(Debt { run, report: sender, pass, is_killed, .. }) = self.debt.take() else { return };
        let (status, id) = (run.report.status, &run.info.execution);
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

/// Gives a report to a sink. Whatever the sink does, it comes back in time.
async fn record(sink: &dyn ReportSink, report: &Report, input: &JsonText) {
    let taken = CatchPanic::new(async { sink.record(report, input).await });
    if !matches!(tokio::time::timeout(RECORD_TIME, taken).await, Ok(Ok(()))) {
        tracing::warn!(target: "isolet", execution = %report.id, "the sink did not take the report of an execution");
    }
}

impl<E: Engine> Drop for Owed<E> {
    fn drop(&mut self) {
        let Some(Debt { run, stage, .. }) = &self.debt else { return };
        let stage = *stage;
        if stage == Stage::Executing {
            run.interrupt.request(Abort::Cancelled);
            self.conclude(Err(Verdict::lost(Lost::Stopped)));
        }
        if stage != Stage::Recorded {
            self.record_later();
        }
        self.hand_over();
    }
}
