//! How an executor is put together, and everything that is checked meanwhile.

use std::num::NonZero;
use std::sync::Arc;

use isolet_cache::{BytecodeStore, CacheConfig, ProgramCache, ProgramTarget};
use isolet_core_traits::{
    Clock, Engine, EngineError, HostInterface, HostService, InterfaceError, MonotonicClock, Permissions,
    PermissionsPolicy, Purpose, ReportSink, ScriptSource, SealKeys, VmConfig,
};
use isolet_limits::{ApiRates, Limits, LimitsError, LimitsPolicy, Plans};
use isolet_pool::{ConfigError, Pool, PoolConfig, VmFactory, VmSlot};
use isolet_sandbox::Policy;
use opentelemetry::metrics::Meter;
use tokio::runtime::Handle;

use crate::budgets::Budgets;
use crate::bytecode::{Bytecode, BytecodeConfig, Shelf};
use crate::core::Core;
use crate::dispatch::Host;
use crate::executor::Executor;
use crate::metrics::Counters;
use crate::panics;
use crate::program::Compilers;
use crate::runtime::Runtime;
use crate::spans;
use crate::telemetry::Telemetry;
use crate::workers::{Claim, Workers};

/// Puts an [`Executor`] together. Whatever is not set has a default that serves.
#[must_use = "a builder does nothing until it is asked to build"]
pub struct ExecutorBuilder<E: Engine> {
    engine: E,
    policy: Policy,
    services: Vec<Arc<dyn HostService>>,
    limits: Limits,
    limits_policy: Option<Arc<dyn LimitsPolicy>>,
    permissions_policy: Arc<dyn PermissionsPolicy>,
    scripts: Option<Arc<dyn ScriptSource>>,
    reports: Option<Arc<dyn ReportSink>>,
    pool: PoolConfig,
    cache: CacheConfig,
    shelf: Option<Shelf>,
    workers: usize,
    runtime: Option<Handle>,
    clock: Arc<dyn Clock>,
    console_to_tracing: bool,
    meter: Option<Meter>,
}

/// Why an executor cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The host services' namespaces do not go together.
    #[error("the host services make no interface: {0}")]
    Interface(InterfaceError),
    /// A limit is out of its range, or an operation's cost is over the rate's burst.
    #[error("the limits cannot hold: {0}")]
    Limits(LimitsError),
    /// The pool's figures do not go together.
    #[error("the pool cannot be made: {0}")]
    Pool(ConfigError),
    /// No worker was asked for.
    #[error("0 workers cannot run anything: ask for at least 1")]
    NoWorkers,
    /// The engine does not work here, or could not prepare the workers' threads.
    #[error("the engine could not be started: {0}")]
    Engine(EngineError),
    /// The executor's own runtime could not be started.
    #[error("the runtime could not be started: {message}")]
    Runtime {
        /// Why.
        message: String,
    },
    /// The given runtime, or the one that `build` was called on, has no timer.
    #[error("the runtime has no timer: build it with enable_time or enable_all")]
    RuntimeWithoutTimer,
}

impl<E: Engine> ExecutorBuilder<E> {
    pub(crate) fn new(engine: E) -> Self {
        Self {
            engine,
            policy: Policy::default(),
            services: Vec::new(),
            limits: Limits::default(),
            limits_policy: None,
            permissions_policy: Arc::new(Arc::new(Permissions::default())),
            scripts: None,
            reports: None,
            pool: PoolConfig::default(),
            cache: CacheConfig::default(),
            shelf: None,
            workers: std::thread::available_parallelism().map_or(1, NonZero::get),
            runtime: None,
            clock: Arc::new(MonotonicClock::new()),
            console_to_tracing: false,
            meter: None,
        }
    }

    /// Changes the engine.
    pub fn engine(self, change: impl FnOnce(E) -> E) -> Self {
        Self { engine: change(self.engine), ..self }
    }

    /// What scripts find besides the language.
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Offers a host service to scripts. Call it once for each.
    pub fn host(self, service: impl HostService) -> Self {
        self.host_arc(Arc::new(service))
    }

    /// Offers a host service that is shared with others.
    pub fn host_arc(mut self, service: Arc<dyn HostService>) -> Self {
        self.services.push(service);
        self
    }

    /// The limits of every execution, unless a [policy](Self::limits_policy) tells others. VMs are made for their memory:
    /// no policy can give more of that.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// What tells the limits of each tenant and script, in place of the same for all.
    pub fn limits_policy(self, policy: Arc<dyn LimitsPolicy>) -> Self {
        Self { limits_policy: Some(policy), ..self }
    }

    /// What every script may use of the host. By default nothing.
    pub fn permissions(self, permissions: Permissions) -> Self {
        self.permissions_policy(Arc::new(permissions))
    }

    /// What tells the permissions of each tenant and script, in place of the same for all.
    pub fn permissions_policy(self, policy: impl PermissionsPolicy) -> Self {
        Self { permissions_policy: Arc::new(policy), ..self }
    }

    /// Where the scripts of [`Execution::stored`](crate::Execution::stored) come from.
    pub fn scripts(self, scripts: Arc<dyn ScriptSource>) -> Self {
        Self { scripts: Some(scripts), ..self }
    }

    /// What takes the report of every execution, before its caller does.
    pub fn reports(self, reports: Arc<dyn ReportSink>) -> Self {
        Self { reports: Some(reports), ..self }
    }

    /// The number of VMs and the queue.
    pub fn pool(self, pool: PoolConfig) -> Self {
        Self { pool, ..self }
    }

    /// The most compiled programs that are kept. 1,000 by default.
    pub fn cache_entries(self, entries_max: usize) -> Self {
        Self { cache: CacheConfig { entries_max, ..self.cache }, ..self }
    }

    /// How much is kept of compiled programs and of syntax failures, all figures at once.
    pub fn cache(self, cache: CacheConfig) -> Self {
        Self { cache, ..self }
    }

    /// Where compiled programs are kept beyond the process, sealed under `keys`. By default nowhere.
    ///
    /// Whatever the store does, executions go on: see [`BytecodeConfig`] for how long one waits for it.
    pub fn bytecode(self, store: Arc<dyn BytecodeStore>, keys: SealKeys, config: BytecodeConfig) -> Self {
        Self { shelf: Some(Shelf { store, keys, config }), ..self }
    }

    /// Threads that run scripts. By default one for each core.
    pub fn workers(self, workers: usize) -> Self {
        Self { workers, ..self }
    }

    /// The runtime that drives executions and calls host services. By default the one that [`build`](Self::build) is
    /// called on, else one on a thread of the executor's own. It needs a timer.
    pub fn runtime(self, runtime: Handle) -> Self {
        Self { runtime: Some(runtime), ..self }
    }

    /// Whether console lines of scripts are also `tracing` events, with the target `isolet::console`. Off by default.
    pub fn console_to_tracing(self, on: bool) -> Self {
        Self { console_to_tracing: on, ..self }
    }

    /// Where the figures go. By default to OpenTelemetry's global meter provider, if there is one when it is built.
    /// Give each executor a meter of its own, or they write over each other's figures.
    pub fn meter(self, meter: Meter) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// The clock of limits, rates and figures. For tests; waiting for host calls is timed by tokio's clock.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// What scripts find, as a [TypeScript declaration file](Policy::declarations) for editors.
    ///
    /// # Errors
    /// [`BuildError::Interface`].
    pub fn declarations(&self) -> Result<String, BuildError> {
        let mut declarations = self.policy.declarations(&self.interface()?);
        for service in &self.services {
            declarations += &service.declarations();
        }
        Ok(declarations)
    }

    fn interface(&self) -> Result<HostInterface, BuildError> {
        let namespaces = self.services.iter().map(|service| service.namespace());
        let namespaces = namespaces.chain([isolet_sandbox::timers_namespace()]).collect();
        HostInterface::new(namespaces).map_err(BuildError::Interface)
    }

    /// Checks everything, starts the workers and has the first VMs made.
    ///
    /// Adds a panic hook, once a process, that goes on to the one before it: the log gets the backtraces of panics in
    /// host services, if `RUST_BACKTRACE` asks for them.
    ///
    /// # Errors
    /// [`BuildError`], which says what to change.
    pub fn build(self) -> Result<Executor<E>, BuildError> {
        let interface = self.interface()?;
        self.limits.check().map_err(BuildError::Limits)?;
        self.limits.check_costs(&interface).map_err(BuildError::Limits)?;
        if self.workers == 0 {
            return Err(BuildError::NoWorkers);
        }
        panics::install_hook();
        let runtime = Runtime::choose(self.runtime);
        let runtime = runtime.map_err(|error| BuildError::Runtime { message: error.to_string() })?;
        if !runtime.has_timer() {
            return Err(BuildError::RuntimeWithoutTimer);
        }

        let engine = Arc::new(self.engine);
        let capabilities = engine.capabilities();
        let workers = Workers::start(&engine, self.workers, self.clock.clone()).map_err(BuildError::Engine)?;
        let workers = Arc::new(workers);
        let mut environment = self.policy.environment(interface.clone());
        let scripts = self.services.iter().flat_map(|service| service.scripts());
        Arc::make_mut(&mut environment).lazy.extend(scripts);
        let vm_config =
            VmConfig { memory_bytes_max: self.limits.memory_bytes, ..VmConfig::new(Purpose::Run, environment.clone()) };
        let factory = Factory { engine: engine.clone(), config: vm_config.clone(), workers: workers.clone() };
        let pool = Pool::new(self.pool, Arc::new(factory), self.clock.clone()).map_err(BuildError::Pool)?;
        let limits_policy = match self.limits_policy {
            Some(policy) => policy,
            None => Arc::new(Plans::new(self.limits.clone()).map_err(BuildError::Limits)?),
        };
        let target = ProgramTarget::new(&engine.id(), environment.fingerprint());
        let bytecode =
            self.shelf.map(|shelf| Bytecode::new(engine.clone(), target, self.clock.clone(), shelf, runtime.handle()));
        let (rates, budgets) = (ApiRates::new(self.clock.clone()), Budgets::new(self.clock.clone()));
        let host = Host { interface, services: self.services, rates, runtime: runtime.handle().clone() };
        Ok(Executor::new(Core {
            engine_id: engine.id(),
            engine,
            environment,
            vm_config,
            parks: capabilities.park && capabilities.reuse,
            limits: self.limits,
            limits_policy,
            permissions_policy: self.permissions_policy,
            scripts: self.scripts,
            reports: self.reports,
            clock: self.clock,
            cache: ProgramCache::new(self.cache),
            bytecode,
            compilers: Compilers::new(self.workers),
            pool,
            workers,
            host: Arc::new(host),
            runtime,
            gate: Arc::default(),
            budgets: Arc::new(budgets),
            counters: Counters::default(),
            telemetry: Telemetry::new(self.meter.unwrap_or_else(|| opentelemetry::global::meter("isolet"))),
            console_to_tracing: self.console_to_tracing,
        }))
    }
}

impl<E: Engine> std::fmt::Debug for ExecutorBuilder<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExecutorBuilder").field("engine", &self.engine.id()).finish_non_exhaustive()
    }
}

/// Makes the pool's VMs on the workers, which are prepared for the engine, and drops them there.
struct Factory<E: Engine> {
    engine: Arc<E>,
    config: VmConfig,
    workers: Arc<Workers>,
}

impl<E: Engine> VmFactory<E::Vm> for Factory<E> {
    fn create(&self, slot: VmSlot<E::Vm>) {
        let (engine, config) = (self.engine.clone(), self.config.clone());
        self.workers.spawn(Claim::OWN, move || match spans::vm().in_scope(|| engine.create_vm(&config)) {
            Ok(vm) => slot.ready(vm),
            Err(error) => slot.failed(error),
        });
    }

    fn destroy(&self, vm: E::Vm) {
        self.workers.spawn(Claim::OWN, move || drop(vm));
    }
}
