//! From a source to its program: kept, shared with whoever compiles it now, out of a store, or compiled.
//!
//! Compiling is hostile work. It is done on VMs of its own, on the workers, with the tenant's permits and limits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_cache::{CompileError, Made, ProgramKey};
use isolet_core_traits::{
    Compilation, CompileFailure, Engine, EngineError, Interrupt, ProgramOrigin, Purpose, Reset, RunLimits, ScriptId,
    Source, Status, TenantId, Vm, VmConfig,
};
use isolet_limits::Limits;
use isolet_pool::{Lease, Need, Request};
use tracing::Instrument;

use crate::caller::AbortOnDrop;
use crate::core::{Core, share};
use crate::panics::catch;
use crate::spans;
use crate::verdict::Verdict;
use crate::workers::{Claim, Over, Slice, Turn, Work};

/// Whose program is wanted, and at whose expense.
pub(crate) struct Wanted<'a> {
    pub(crate) source: &'a Source,
    pub(crate) tenant: &'a TenantId,
    pub(crate) script: &'a ScriptId,
    pub(crate) limits: &'a Limits,
}

/// VMs for compiling that stand ready.
pub(crate) struct Compilers<V> {
    idle: Mutex<Vec<V>>,
    idle_max: usize,
}

impl<V> Compilers<V> {
    pub(crate) fn new(idle_max: usize) -> Self {
        Self { idle: Mutex::new(Vec::new()), idle_max }
    }

    fn take(&self) -> Option<V> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a VM for the next source, or gives it back if there are enough.
    fn keep(&self, vm: V) -> Option<V> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.idle_max {
            idle.push(vm);
            return None;
        }
        Some(vm)
    }

    /// Gives up all of them.
    pub(crate) fn clear(&self) -> Vec<V> {
        std::mem::take(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E: Engine> Core<E> {
    /// The program of a source, and where it came from. Dropping the future ends a compilation that it has begun.
    pub(crate) async fn compiled(&self, wanted: Wanted<'_>) -> (Result<E::Program, Verdict>, ProgramOrigin) {
        let key = ProgramKey::new(&self.engine_id, self.environment.fingerprint(), wanted.source);
        let (program, origin) = self.cache.get_or_make(&key, self.clock.now(), || self.make(&key, &wanted)).await;
        let program = program.map_err(|error| match error {
            CompileError::Syntax(failure) => Verdict::failure(Status::SyntaxError, *failure, wanted.source),
            CompileError::Own(verdict) => verdict,
        });
        (program, origin)
    }

    /// Out of the store behind the cache, or compiled and then saved there.
    async fn make(&self, key: &ProgramKey, wanted: &Wanted<'_>) -> Result<Made<E::Program>, CompileError<Verdict>> {
        if let Some(bytecode) = &self.bytecode
            && let Some(made) = bytecode.load(key).await
        {
            return Ok(made);
        }
        let made = self.compile(wanted).instrument(spans::compile()).await?;
        if let Some(bytecode) = &self.bytecode {
            bytecode.save(*key, made.program.clone(), made.compile_time);
        }
        Ok(made)
    }

    async fn compile(&self, wanted: &Wanted<'_>) -> Result<Made<E::Program>, CompileError<Verdict>> {
        let own = CompileError::Own;
        let (tenant, script) = (wanted.tenant.clone(), wanted.script.clone());
        let share = share(wanted.limits);
        let request = Request { tenant, script, need: Need::Permit, share, affinity: None };
        let lease =
            self.pool.acquire(request).instrument(spans::queue()).await.map_err(|rejected| own(rejected.into()))?;
        let interrupt = Arc::new(Interrupt::new(self.clock.clone()));
        let _abort = AbortOnDrop(interrupt.clone());
        let work = CompileWork {
            engine: self.engine.clone(),
            config: VmConfig { purpose: Purpose::Compile, ..self.vm_config.clone() },
            vm: self.compilers.take(),
            is_begun: false,
            source: wanted.source.clone(),
            limits: wanted.limits.compile_limits(),
            interrupt: interrupt.clone(),
            lease,
        };
        let expected = work.lease.expected_cpu();
        interrupt.start(wanted.limits.compile_wall_time);
        let claim = Claim { weight: wanted.limits.weight, ..Claim::of(wanted.tenant, expected, &interrupt) };
        let worked = self.workers.run(claim, work).await.map_err(|lost| own(Verdict::lost(lost)))?;
        let compiled = worked.output;
        let cpu = worked.cpu + compiled.cpu;
        compiled.lease.finish(Reset::Pristine, cpu);
        if let Some(budget) = self.budgets.of(wanted.tenant, wanted.limits) {
            budget.charge(cpu);
        }
        if let Some(surplus) = compiled.vm.and_then(|vm| self.compilers.keep(vm)) {
            self.workers.spawn(Claim::OWN, move || drop(surplus));
        }
        match compiled.result {
            Ok(Ok(program)) => {
                let bytes = self.engine.program_bytes(&program);
                Ok(Made { program, bytes, compile_time: cpu, is_stored: false })
            }
            Ok(Err(CompileFailure::Syntax(failure))) => Err(CompileError::Syntax(failure)),
            Ok(Err(failure)) => Err(own(Verdict::compile_failure(failure, interrupt.elapsed(), wanted.limits))),
            Err(error) => Err(own(Verdict::engine_error(&error))),
        }
    }
}

/// A compilation on its worker. It holds its permits until it is over, whether or not anyone still waits for it.
struct CompileWork<E: Engine> {
    engine: Arc<E>,
    config: VmConfig,
    vm: Option<E::Vm>,
    is_begun: bool,
    source: Source,
    limits: RunLimits,
    interrupt: Arc<Interrupt>,
    lease: Lease<E::Vm>,
}

struct Compiled<E: Engine> {
    result: Result<Result<E::Program, CompileFailure>, EngineError>,
    vm: Option<E::Vm>,
    lease: Lease<E::Vm>,
    /// CPU time of its last slice.
    cpu: Duration,
}

impl<E: Engine> Work for CompileWork<E> {
    type Output = Compiled<E>;

    fn slice(mut self, turn: Turn) -> Slice<Self> {
        let mut vm = match self.vm.take().map_or_else(|| self.engine.create_vm(&self.config), Ok) {
            Ok(vm) => vm,
            Err(error) => {
                let compiled = Compiled { result: Err(error), vm: None, lease: self.lease, cpu: turn.cpu() };
                return Slice::Over(Over::now(compiled, turn));
            }
        };
        let compilation =
            if self.is_begun { vm.resume_compile() } else { vm.compile(&self.source, &self.limits, &self.interrupt) };
        match compilation {
            Compilation::Preempted => Slice::Preempted(Self { vm: Some(vm), is_begun: true, ..self }),
            Compilation::Done(result) => {
                let is_pristine = matches!(catch(|| vm.reset()), Ok(Reset::Pristine));
                let vm = is_pristine.then_some(vm);
                Slice::Over(Over::now(Compiled { result: Ok(result), vm, lease: self.lease, cpu: turn.cpu() }, turn))
            }
        }
    }
}
