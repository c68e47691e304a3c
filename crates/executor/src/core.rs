//! What the executor is made of, and the one function that composes it.

use std::sync::{Arc, Weak};
use std::time::Duration;

use isolet_cache::ProgramCache;
use isolet_core_traits::{
    Clock, CloseReason, Engine, EngineId, Environment, PermissionsPolicy, ProgramOrigin, ReportSink, ScriptSource, Vm,
    VmConfig,
};
use isolet_limits::{Limits, LimitsPolicy};
use isolet_pool::{Lease, Need, Pool, Request, Share};
use tracing::Instrument;

use crate::budgets::{Budget, Budgets};
use crate::bytecode::Bytecode;
use crate::caller::{Caller, Gone};
use crate::dispatch::{Dispatch, Host};
use crate::drive::{Drive, reset_and_finish};
use crate::gate::Gate;
use crate::metrics::{Counters, ExecutorMetrics};
use crate::panics::CatchPanic;
use crate::program::{Compilers, Wanted};
use crate::run::Run;
use crate::runtime::Runtime;
use crate::spans;
use crate::telemetry::Telemetry;
use crate::verdict::Verdict;
use crate::workers::{Claim, Lost, Workers};

/// How often the pool looks after its idle VMs.
const TICK: Duration = Duration::from_millis(250);

/// How often it looks for stuck workers.
const WATCH: Duration = Duration::from_millis(50);

/// The parts of an executor.
pub(crate) struct Core<E: Engine> {
    pub(crate) engine: Arc<E>,
    pub(crate) engine_id: EngineId,
    pub(crate) environment: Arc<Environment>,
    pub(crate) vm_config: VmConfig,
    /// Whether runs can leave their VMs while they wait for the host.
    pub(crate) parks: bool,
    pub(crate) limits: Limits,
    pub(crate) permissions_policy: Arc<dyn PermissionsPolicy>,
    pub(crate) limits_policy: Arc<dyn LimitsPolicy>,
    pub(crate) scripts: Option<Arc<dyn ScriptSource>>,
    pub(crate) reports: Option<Arc<dyn ReportSink>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cache: ProgramCache<E::Program>,
    pub(crate) bytecode: Option<Bytecode<E>>,
    pub(crate) compilers: Compilers<E::Vm>,
    pub(crate) pool: Pool<E::Vm>,
    pub(crate) workers: Arc<Workers>,
    pub(crate) host: Arc<Host>,
    pub(crate) runtime: Runtime,
    pub(crate) gate: Arc<Gate>,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) counters: Counters,
    pub(crate) telemetry: Telemetry,
    pub(crate) console_to_tracing: bool,
}

impl<E: Engine> Core<E> {
    /// One execution, from its checks to its last permit freed.
    pub(crate) async fn execute(&self, run: &mut Run, caller: &mut Caller) -> Result<(), Verdict> {
        self.look_up(run, caller).await?;
        run.check()?;
        let budget = self.budgets.of(&run.info.tenant, &run.limits);
        let within_budget = || budget.as_ref().map_or(Ok(()), Budget::check);
        within_budget()?;
        let program = self.program(run, caller).await?;
        let mut lease = self.grant(run, caller).await?;
        within_budget()?;
        let invocation = run.invocation()?;
        let mut dispatch = Dispatch::new(&self.host, &run.info, &run.limits);

        let span = spans::run();
        let drive = Drive::new(self, run, &mut dispatch, caller, budget).within(span.clone());
        let ended = drive.until_end(&mut lease, program, invocation).instrument(span).await;
        let (reset, cpu_used) = (ended.reset, ended.cpu);
        if let Some(reset) = reset {
            tell_bytes(&mut lease);
            lease.return_vm(reset);
        }
        let concluded = run.conclude(ended, dispatch.traffic());
        let concluded = concluded.map_err(|verdict| verdict.with_panic(dispatch.panic()));
        dispatch.close(if concluded.is_ok() { CloseReason::Completed } else { CloseReason::Failed }).await;
        match reset {
            Some(reset) => lease.finish(reset, cpu_used),
            None => self.workers.spawn(Claim::small(&run.info.tenant), move || reset_and_finish(lease, cpu_used)),
        }
        concluded
    }

    /// Finds the script of an execution that names one.
    async fn look_up(&self, run: &mut Run, caller: &mut Caller) -> Result<(), Verdict> {
        if !run.is_stored {
            return Ok(());
        }
        let (tenant, script) = (&run.info.tenant, &run.info.script);
        let source = self.scripts.as_ref().ok_or_else(Verdict::no_scripts)?;
        let found = caller.wait_for(CatchPanic::new(source.script(tenant, script))).await?;
        let found = found.map_err(|panic| Verdict::lost(Lost::Panicked(panic)))??;
        let found = found.ok_or_else(|| Verdict::unknown_script(script))?;
        if found.policy.as_ref().is_some_and(|policy| **policy != *self.environment.policy) {
            return Err(Verdict::other_policy(&found, &self.environment.policy));
        }
        run.found(found)
    }

    async fn program(&self, run: &mut Run, caller: &mut Caller) -> Result<E::Program, Verdict> {
        let fingerprint = self.environment.fingerprint();
        let prepared = run.prepared.as_ref().and_then(|prepared| prepared.program(&self.engine_id, fingerprint));
        if let Some(program) = prepared {
            run.compiled(ProgramOrigin::Hit, Duration::ZERO);
            return Ok(program);
        }
        let began = self.clock.now();
        let (tenant, script) = (&run.info.tenant, &run.info.script);
        let wanted = Wanted { source: &run.source, tenant, script, limits: &run.limits };
        let (program, origin) = caller.wait_for(self.compiled(wanted)).await?;
        run.compiled(origin, self.clock.now().saturating_sub(began));
        program
    }

    async fn grant(&self, run: &mut Run, caller: &mut Caller) -> Result<Lease<E::Vm>, Verdict> {
        let (tenant, script) = (run.info.tenant.clone(), run.info.script.clone());
        let (share, affinity) = (share(&run.limits), Some(run.affinity()));
        let request = Request { tenant, script, need: Need::Vm, share, affinity };
        let lease = caller.wait_for(self.pool.acquire(request).instrument(spans::queue())).await??;
        run.granted(lease.queue(), lease.vm_origin());
        Ok(lease)
    }

    /// The figures of this moment.
    pub(crate) fn metrics(&self) -> ExecutorMetrics {
        ExecutorMetrics {
            pool: self.pool.stats(),
            cache: self.cache.stats(),
            bytecode: self.bytecode.as_ref().map(Bytecode::stats),
            executions: self.counters.counts(),
            kills: self.counters.kills(),
            violators: self.counters.violators(),
            host_calls: self.counters.host_calls(),
            host_calls_denied: self.counters.host_calls_denied(),
            in_flight: self.counters.in_flight(),
            is_draining: self.gate.is_closed(),
            workers: self.workers.count(),
            workers_replaced: self.workers.replaced(),
            workers_quarantined: self.workers.quarantined(),
        }
    }

    /// Looks for workers that are stuck, for as long as there is an executor.
    pub(crate) async fn watch_workers(core: Weak<Self>) {
        Self::every(WATCH, core, |core| core.workers.replace_stuck()).await;
    }

    /// Looks after the pool from time to time, for as long as there is an executor.
    pub(crate) async fn keep_house(core: Weak<Self>) {
        Self::every(TICK, core, |core| core.pool.tick()).await;
    }

    async fn every(period: Duration, core: Weak<Self>, work: impl Fn(&Self)) {
        let mut interval = tokio::time::interval(period);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            match core.upgrade() {
                Some(core) => work(&core),
                None => return,
            }
        }
    }
}

/// Tells the pool what a VM holds that is pristine again.
pub(crate) fn tell_bytes<V: Vm>(lease: &mut Lease<V>) {
    if let Some(bytes) = lease.vm().and_then(|vm| vm.bytes()) {
        lease.vm_holds(bytes);
    }
}

/// What a tenant may have of the pool.
pub(crate) fn share(limits: &Limits) -> Share {
    let (runs_per_tenant, runs_per_script) = (limits.runs_per_tenant, limits.runs_per_script);
    Share { weight: limits.weight, runs_per_tenant, runs_per_script }
}

impl From<Gone> for Verdict {
    fn from(gone: Gone) -> Self {
        match gone {
            Gone::Caller => Self::cancelled(),
            Gone::Executor => Self::shut_down(),
        }
    }
}
