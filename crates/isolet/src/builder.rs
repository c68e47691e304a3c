//! How an isolet is put together.

use std::sync::Arc;

use isolet_cache::{BytecodeStore, CacheConfig};
use isolet_core_traits::{Clock, HostService, Permissions, PermissionsPolicy, ReportSink, ScriptSource, SealKeys};
use isolet_engine_quickjs::{OnFault, QuickJs};
use isolet_executor::{BuildError, BytecodeConfig, Executor, ExecutorBuilder};
use isolet_limits::{Limits, LimitsPolicy};
use isolet_pool::PoolConfig;
use isolet_sandbox::Policy;
use opentelemetry::metrics::Meter;
use tokio::runtime::Handle;

use crate::isolet::Isolet;

/// Puts an [`Isolet`] together. Whatever is not set has a default that serves.
#[derive(Debug)]
#[must_use = "a builder does nothing until it is asked to build"]
pub struct IsoletBuilder {
    /// Or why there is no engine, which [`build`](Self::build) will tell.
    executor: Result<ExecutorBuilder<QuickJs>, BuildError>,
    policy: Policy,
    pool: PoolConfig,
}

impl IsoletBuilder {
    pub(crate) fn new() -> Self {
        let executor = QuickJs::new().map(Executor::builder).map_err(BuildError::Engine);
        Self { executor, policy: Policy::default(), pool: PoolConfig::default() }
    }

    /// The limits of every execution: time, memory, sizes, rates and runs at once.
    pub fn limits(self, limits: Limits) -> Self {
        self.with(|executor| executor.limits(limits))
    }

    /// What tells the limits of each tenant and script, in place of the same for all. No policy gives more memory than
    /// [`limits`](Self::limits) has, for which VMs are made.
    pub fn limits_policy(self, policy: Arc<dyn LimitsPolicy>) -> Self {
        self.with(|executor| executor.limits_policy(policy))
    }

    /// What every script may use of the host. By default nothing.
    pub fn permissions(self, permissions: Permissions) -> Self {
        self.with(|executor| executor.permissions(permissions))
    }

    /// What tells the permissions of each tenant and script, in place of the same for all.
    pub fn permissions_policy(self, policy: impl PermissionsPolicy) -> Self {
        self.with(|executor| executor.permissions_policy(policy))
    }

    /// Where the scripts of [`Execution::stored`](crate::Execution::stored) come from.
    pub fn scripts(self, scripts: Arc<dyn ScriptSource>) -> Self {
        self.with(|executor| executor.scripts(scripts))
    }

    /// What takes the report of every execution, before its caller does.
    pub fn reports(self, reports: Arc<dyn ReportSink>) -> Self {
        self.with(|executor| executor.reports(reports))
    }

    /// VMs that stand ready from the start. 10 by default.
    pub fn vms_warm(self, vms: usize) -> Self {
        Self { pool: PoolConfig { vms_initial: vms, ..self.pool }, ..self }
    }

    /// The most VMs at once. 100 by default. Fewer than [`vms_warm`](Self::vms_warm) lowers that, too.
    pub fn vms_max(self, vms: usize) -> Self {
        let vms_initial = self.pool.vms_initial.min(vms);
        Self { pool: PoolConfig { vms_initial, vms_max: vms, ..self.pool }, ..self }
    }

    /// All figures of the VMs and the queue at once, for those that have no setter here.
    pub fn pool(self, pool: PoolConfig) -> Self {
        Self { pool, ..self }
    }

    /// Threads that run scripts. By default one for each core.
    pub fn workers(self, workers: usize) -> Self {
        self.with(|executor| executor.workers(workers))
    }

    /// Offers a host service to scripts. Call it once for each.
    pub fn host(self, service: impl HostService) -> Self {
        self.with(|executor| executor.host(service))
    }

    /// Offers a host service that is shared with others.
    pub fn host_arc(self, service: Arc<dyn HostService>) -> Self {
        self.with(|executor| executor.host_arc(service))
    }

    /// Offers `db` to scripts that may use it: `Sqlite`, a file for each tenant, or
    /// `Postgres`, a schema for each.
    #[cfg(any(feature = "sdk-db-sqlite", feature = "sdk-db-postgres"))]
    pub fn db(self, db: impl Into<isolet_sdk::db::Db>) -> Self {
        self.host(db.into())
    }

    /// Offers `fetch` and `http` to scripts, for the hosts that their permissions name.
    #[cfg(feature = "sdk-http")]
    pub fn http(self, http: isolet_sdk::http::Http) -> Self {
        self.host(http)
    }

    /// What scripts find besides the language.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Whether scripts may turn text into code (`eval`, `Function`). Off by default.
    pub fn allow_eval(self, on: bool) -> Self {
        Self { policy: self.policy.with_eval(on), ..self }
    }

    /// Whether signals are used: `SIGURG`, by which deadlines hold inside of builtins, and those of faults. On by default,
    /// where the system has what it takes; handlers pass on what is not their own.
    ///
    /// Without them deadlines hold where scripts poll. A builtin that does not end by itself keeps its thread: the caller
    /// gets the report a fraction of a second late, and the thread is replaced.
    pub fn signals(self, on: bool) -> Self {
        if on { self } else { self.with(|executor| executor.engine(QuickJs::without_signals)) }
    }

    /// What becomes of faults in the engine's own code. They end their run by default.
    pub fn on_engine_fault(self, on_fault: OnFault) -> Self {
        self.with(|executor| executor.engine(|engine| engine.on_fault(on_fault)))
    }

    /// The most compiled programs that are kept. 1,000 by default.
    pub fn cache_entries(self, entries_max: usize) -> Self {
        self.with(|executor| executor.cache_entries(entries_max))
    }

    /// How much is kept of compiled programs and of syntax failures, all figures at once.
    pub fn cache(self, cache: CacheConfig) -> Self {
        self.with(|executor| executor.cache(cache))
    }

    /// Where compiled programs are kept beyond the process, sealed under `keys`. By default nowhere.
    ///
    /// Whatever the store does, executions go on: see [`BytecodeConfig`] for how long one waits for it.
    pub fn bytecode(self, store: Arc<dyn BytecodeStore>, keys: SealKeys, config: BytecodeConfig) -> Self {
        self.with(|executor| executor.bytecode(store, keys, config))
    }

    /// The runtime that drives executions and calls host services. By default the one that [`build`](Self::build) is
    /// called on, else one on a thread of its own. It needs a timer.
    pub fn runtime(self, runtime: Handle) -> Self {
        self.with(|executor| executor.runtime(runtime))
    }

    /// Whether console lines of scripts are also `tracing` events, with the target `isolet::console`. Off by default.
    pub fn console_to_tracing(self, on: bool) -> Self {
        self.with(|executor| executor.console_to_tracing(on))
    }

    /// Where the figures go. By default to OpenTelemetry's global meter provider, if there is one when it is built.
    /// Give each isolet a meter of its own, or they write over each other's figures.
    pub fn meter(self, meter: Meter) -> Self {
        self.with(|executor| executor.meter(meter))
    }

    /// The clock of limits, rates and figures. For tests; waiting for host calls is timed by tokio's clock.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        self.with(|executor| executor.clock(clock))
    }

    /// What scripts find, as a [TypeScript declaration file](Policy::declarations) for editors.
    ///
    /// # Errors
    /// [`BuildError`], as [`build`](Self::build).
    pub fn declarations(self) -> Result<String, BuildError> {
        self.executor?.policy(self.policy).declarations()
    }

    /// Checks everything, starts the workers and has the first VMs made.
    ///
    /// # Errors
    /// [`BuildError`], which says what to change.
    pub fn build(self) -> Result<Isolet, BuildError> {
        let executor = self.executor?.policy(self.policy).pool(self.pool).build()?;
        Ok(Isolet::new(executor))
    }

    fn with(self, change: impl FnOnce(ExecutorBuilder<QuickJs>) -> ExecutorBuilder<QuickJs>) -> Self {
        Self { executor: self.executor.map(change), ..self }
    }
}
