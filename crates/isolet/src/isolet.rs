//! The executor over QuickJS.

use std::time::Duration;

use isolet_core_traits::{Capabilities, Engine, ErrorReport, Report, Source, TenantId};
use isolet_engine_quickjs::QuickJs;
use isolet_executor::{Execution, Executor, ExecutorMetrics, Prepared, Shutdown};
use isolet_limits::Limits;

use crate::builder::IsoletBuilder;

/// Executes JavaScript for many tenants at once. A cheap handle: clone it freely.
///
/// Dropping the last handle ends its threads once they have done what they were at; nothing is waited for.
/// For an orderly end see [`shutdown`](Self::shutdown).
#[derive(Debug, Clone)]
pub struct Isolet(Executor<QuickJs>);

impl Isolet {
    /// Puts one together.
    pub fn builder() -> IsoletBuilder {
        IsoletBuilder::new()
    }

    pub(crate) fn new(executor: Executor<QuickJs>) -> Self {
        Self(executor)
    }

    /// Executes a script. Whatever happens, it ends in a report.
    ///
    /// Dropping the future cancels the execution: it is ended at once, its host sessions are closed, its permits are
    /// freed and its one event tells the log. The future may be awaited on any runtime.
    pub async fn execute(&self, execution: Execution) -> Report {
        self.0.execute(execution).await
    }

    /// Executes a script and blocks the calling thread meanwhile.
    ///
    /// If the isolet was given a current-thread runtime, another thread must be driving that.
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn execute_blocking(&self, execution: Execution) -> Report {
        self.0.execute_blocking(execution)
    }

    /// Checks a source's syntax, at the expense of `tenant`. What it compiles is kept for later executions.
    ///
    /// # Errors
    /// The report's error: `syntax_error` with the place, or why it could not be compiled.
    pub async fn check(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>> {
        self.0.check(source, tenant).await
    }

    /// [`check`](Self::check), blocking the calling thread meanwhile.
    ///
    /// # Errors
    /// As for [`check`](Self::check).
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn check_blocking(&self, source: &Source, tenant: &TenantId) -> Result<(), Box<ErrorReport>> {
        self.0.check_blocking(source, tenant)
    }

    /// Compiles a source ahead, at the expense of `tenant`.
    ///
    /// # Errors
    /// The report's error: `syntax_error` with the place, or why it could not be compiled.
    pub async fn prepare(&self, source: &Source, tenant: &TenantId) -> Result<Prepared, Box<ErrorReport>> {
        self.0.prepare(source, tenant).await
    }

    /// [`prepare`](Self::prepare), blocking the calling thread meanwhile.
    ///
    /// # Errors
    /// As for [`prepare`](Self::prepare).
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn prepare_blocking(&self, source: &Source, tenant: &TenantId) -> Result<Prepared, Box<ErrorReport>> {
        self.0.prepare_blocking(source, tenant)
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
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use isolet::Isolet;
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let isolet = Isolet::builder().build()?;
    /// let shutdown = isolet.shutdown(Duration::from_secs(10)).await;
    /// assert_eq!((shutdown.executions.killed, shutdown.vms_leaked), (0, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn shutdown(&self, deadline: Duration) -> Shutdown {
        self.0.shutdown(deadline).await
    }

    /// [`shutdown`](Self::shutdown), blocking the calling thread meanwhile.
    ///
    /// # Panics
    /// In an async context, as tokio's blocking functions do.
    pub fn shutdown_blocking(&self, deadline: Duration) -> Shutdown {
        self.0.shutdown_blocking(deadline)
    }

    /// The figures of this moment.
    pub fn metrics(&self) -> ExecutorMetrics {
        self.0.metrics()
    }

    /// The limits of every execution that asks for no lower ones.
    pub fn limits(&self) -> &Limits {
        self.0.limits()
    }

    /// What the engine can do on this machine.
    pub fn capabilities(&self) -> Capabilities {
        self.0.engine().capabilities()
    }
}
