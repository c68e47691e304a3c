//! The executor as its users see it.

use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{Engine, ErrorReport, Report, Source, TenantId};
use isolet_limits::{Limits, check_size};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::builder::ExecutorBuilder;
use crate::caller::{CancelOnDrop, caller};
use crate::core::Core;
use crate::execution::Execution;
use crate::metrics::ExecutorMetrics;
use crate::owed::Owed;
use crate::prepared::Prepared;
use crate::program::Wanted;
use crate::run::Run;
use crate::shutdown::Shutdown;
use crate::task::Task;
use crate::verdict::Verdict;
use crate::workers::Lost;

/// Executes scripts on the VMs of one engine, for many tenants at once. A cheap handle: clone it freely.
///
/// Dropping the last handle ends its threads once they have done what they were at; nothing is waited for.
/// For an orderly end see [`shutdown`](Self::shutdown).
pub struct Executor<E: Engine>(Arc<Core<E>>);

impl<E: Engine> Executor<E> {
    /// Builds an executor over `engine`.
    pub fn builder(engine: E) -> ExecutorBuilder<E> {
        ExecutorBuilder::new(engine)
    }

    pub(crate) fn new(core: Core<E>) -> Self {
        let core = Arc::new(core);
        core.telemetry.offer(&core);
        core.runtime.handle().spawn(Core::keep_house(Arc::downgrade(&core)));
        core.runtime.handle().spawn(Core::watch_workers(Arc::downgrade(&core)));
        core.runtime.handle().spawn(Core::keep_warm(Arc::downgrade(&core)));
        Self(core)
    }

    /// Executes a script. Whatever happens, it ends in a report.
    ///
    /// Dropping the future cancels the execution: it is ended at once, its host sessions are closed, its permits are
    /// freed and its one event tells the log. The future may be awaited on any runtime.
    pub async fn execute(&self, execution: Execution) -> Report {
        self.begin(execution).report().await
    }

    /// Executes a script and blocks the calling thread meanwhile.
    ///
    /// If the executor was given a current-thread runtime, another thread must be driving that.
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn execute_blocking(&self, execution: Execution) -> Report {
        self.begin(execution).report_blocking()
    }

    /// Checks a source's syntax. What it compiles is kept for later executions.
    ///
    /// # Errors
    /// The report's error: `syntax_error` with the place, or why it could not be compiled.
    pub async fn check(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>> {
        self.prepare(source, tenant).await.map(drop)
    }

    /// [`check`](Self::check), blocking the calling thread meanwhile.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn check_blocking(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>> {
        self.prepare_blocking(source, tenant).map(drop)
    }

    /// Compiles a source ahead, at the expense of `tenant` and under the executor's limits.
    ///
    /// # Errors
    /// The report's error: `syntax_error` with the place, or why it could not be compiled.
    pub async fn prepare(&self, source: &Source, tenant: &TenantId) -> Result<Prepared, Box<ErrorReport>> {
        self.begin_preparing(source, tenant).result().await
    }

    /// [`prepare`](Self::prepare), blocking the calling thread meanwhile.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn prepare_blocking(&self, source: &Source, tenant: &TenantId) -> Result<Prepared, Box<ErrorReport>> {
        self.begin_preparing(source, tenant).result_blocking()
    }

    /// Refuses executions from now on, and waits until all that have begun are over, those in the queue included.
    /// There is no way back.
    pub async fn drain(&self) {
        self.0.drain().await;
    }

    /// [Drains](Self::drain) until the deadline. Then rejects who still waits in the queue, ends what is going on, and
    /// ends VMs and workers. Every execution has its report when it comes back.
    ///
    /// What was going on at the deadline ends at once, but for the time that its host sessions take to close, and a fraction
    /// of a second for what cannot be interrupted. It may be called again, and at the same time: the earliest deadline
    /// holds. It goes on if the future is dropped.
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        let ended = self.0.runtime.handle().spawn(self.0.clone().shut_down(deadline)).await;
        ended.unwrap_or_else(|_| self.shutdown_without_runtime())
    }

    /// [`shutdown`](Self::shutdown), blocking the calling thread meanwhile.
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn shutdown_blocking(&self, deadline: Duration) -> Shutdown {
        let (sender, receiver) = oneshot::channel();
        let core = self.0.clone();
        drop(self.0.runtime.handle().spawn(async move {
            // Whoever waits may have been stopped by a panic.
            let _ = sender.send(core.shut_down(deadline).await);
        }));
        receiver.blocking_recv().unwrap_or_else(|_| self.shutdown_without_runtime())
    }

    /// The runtime is gone, and with it all that was going on.
    fn shutdown_without_runtime(&self) -> Shutdown {
        self.0.gate.close();
        self.0.workers.close();
        Shutdown { executions: self.0.gate.drained(), ..Shutdown::default() }
    }

    /// The figures of this moment.
    pub fn metrics(&self) -> ExecutorMetrics {
        self.0.metrics()
    }

    /// The limits of every execution that asks for no lower ones, unless a policy tells others.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// The engine.
    pub fn engine(&self) -> &E {
        &self.0.engine
    }

    fn begin(&self, execution: Execution) -> Begun {
        let core = &self.0;
        let run = Run::new(execution, core);
        let (cancel, caller) = caller(&run.interrupt, &core.gate);
        let (sender, report) = oneshot::channel();
        let owed = |run| Owed::new(core.clone(), run, sender).execute(caller);
        let task = Task::new(core.runtime.handle(), |task| owed(run.driven_by(task)));
        Begun { task, report, _cancel: cancel }
    }

    fn begin_preparing(&self, source: &Source, tenant: &TenantId) -> Preparing {
        let (core, source, tenant) = (self.0.clone(), source.clone(), tenant.clone());
        let (sender, result) = oneshot::channel();
        let pass = core.gate.enter();
        let task = core.runtime.handle().clone().spawn(async move {
            let prepared = match &pass {
                None => Err(Verdict::refused_by_drain(core.gate.inside())),
                Some(_) => tokio::select! {
                    biased;
                    prepared = prepare(&core, source, &tenant) => prepared,
                    () = core.gate.ending() => Err(Verdict::shut_down()),
                },
            };
            let _ = sender.send(prepared.map_err(|verdict| verdict.error));
            drop(pass);
        });
        Preparing { result, task: task.abort_handle() }
    }
}

impl<E: Engine> Clone for Executor<E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<E: Engine> std::fmt::Debug for Executor<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Executor").field("engine", &self.0.engine_id).finish_non_exhaustive()
    }
}

async fn prepare<E: Engine>(core: &Core<E>, source: Source, tenant: &TenantId) -> Result<Prepared, Verdict> {
    let limits = core.limits_policy.limits(tenant, source.name());
    limits.check()?;
    check_size("source", source.text().len(), limits.source_bytes)?;
    if let Some(budget) = core.budgets.of(tenant, &limits) {
        budget.check()?;
    }
    let wanted = Wanted { source: &source, tenant, script: source.name(), limits: &limits };
    let program = core.compiled(wanted).await.0.map_err(|verdict| verdict.under(&core.environment.policy))?;
    Ok(Prepared::new(source, core.engine_id.clone(), core.environment.fingerprint().clone(), program))
}

/// An execution that has begun; dropping it cancels.
struct Begun {
    task: Arc<Task>,
    report: oneshot::Receiver<Report>,
    _cancel: CancelOnDrop,
}

/// `Owed` sends the report when it ends and when it is dropped.
const REPORT_IS_SENT: &str = "an execution that has begun sends its report";

impl Begun {
    async fn report(self) -> Report {
        self.task.begin_here();
        self.report.await.expect(REPORT_IS_SENT)
    }

    fn report_blocking(self) -> Report {
        self.task.begin_here();
        self.report.blocking_recv().expect(REPORT_IS_SENT)
    }
}

/// A source that is being compiled ahead; dropping it ends that.
struct Preparing {
    result: oneshot::Receiver<Result<Prepared, Box<ErrorReport>>>,
    task: AbortHandle,
}

impl Preparing {
    async fn result(mut self) -> Result<Prepared, Box<ErrorReport>> {
        (&mut self.result).await.unwrap_or_else(|_| Err(lost()))
    }

    fn result_blocking(mut self) -> Result<Prepared, Box<ErrorReport>> {
        let (_, closed) = oneshot::channel();
        let result = std::mem::replace(&mut self.result, closed);
        result.blocking_recv().unwrap_or_else(|_| Err(lost()))
    }
}

impl Drop for Preparing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The runtime ended before the source was compiled.
fn lost() -> Box<ErrorReport> {
    Verdict::lost(Lost::Stopped).error
}
