//! The VM as the state machine of the contract.

use std::sync::Arc;

use isolet_core_traits::{
    Abort, Compilation, CompileFailure, End, EngineError, Interrupt, Invocation, KilledIn, LogLine, NotParkable,
    Outcome, ParkedRun, Purpose, Reset, Resume, RunLimits, Source, Step, Vm, VmConfig,
};

use crate::compile;
use crate::host;
use crate::images::{Budget, Images};
use crate::js::{Js, Value};
use crate::layout::Layout;
use crate::program::QuickJsProgram;
use crate::realm::Realm;
use crate::run::{self, Run};
use crate::state;

/// A VM for runs or for compilations, one at a time.
pub struct QuickJsVm {
    realm: Realm,
    /// None in a VM that is not restored.
    images: Option<Images>,
    layout: Layout,
    purpose: Purpose,
    memory_bytes_max: u64,
    phase: Phase,
}

enum Phase {
    Pristine,
    /// Waits for replies.
    Waiting(Run),
    Stalled,
    Finished,
}

/// This form of the engine parks no run.
#[derive(Debug)]
pub enum NeverParked {}

impl QuickJsVm {
    pub(crate) fn new(realm: Realm, layout: Layout, budget: Budget, config: &VmConfig) -> Self {
        let (purpose, memory_bytes_max) = (config.purpose, config.memory_bytes_max);
        Self { realm, images: Some(Images::new(budget)), layout, purpose, memory_bytes_max, phase: Phase::Pristine }
    }

    fn keep(&mut self, (step, run): (Step, Option<Run>)) -> Step {
        self.phase = match (run, &step) {
            (Some(_), Step::Stalled) => Phase::Stalled,
            (Some(run), _) => Phase::Waiting(run),
            (None, _) => Phase::Finished,
        };
        step
    }

    /// Whether the VM may begin something of `purpose`; it is finished from then on.
    fn begins(&mut self, purpose: Purpose) -> bool {
        let pristine = matches!(std::mem::replace(&mut self.phase, Phase::Finished), Phase::Pristine);
        pristine && self.purpose == purpose
    }

    fn prepare(&mut self, limits: RunLimits, interrupt: Arc<Interrupt>) -> Js {
        let limits = RunLimits { memory_bytes: limits.memory_bytes.min(self.memory_bytes_max), ..limits };
        let js = self.realm.enter();
        state::with(js, |state| state.begin(limits, interrupt));
        js
    }

    /// Makes the pristine VM one that has loaded `program`, if it did so before.
    fn load_image(&mut self, program: &QuickJsProgram) -> Option<Value> {
        let image = self.images.as_mut()?.get(program)?;
        self.realm.arena()?.apply(&image.lines).then(|| image.compiled.alias())
    }

    /// Keeps what loading `program` has changed, unless that was too much for its run.
    fn keep_image(&mut self, js: Js, program: &QuickJsProgram, compiled: &Value) {
        if state::with(js, |state| state.meter().over_limit().is_some()) {
            return;
        }
        if let (Some(images), Some(arena)) = (&mut self.images, self.realm.arena()) {
            images.keep(program, arena.lines(), compiled.alias());
        }
    }

    /// For measurements only: makes a VM startable again with all that its run left behind, as if a restore were free.
    #[doc(hidden)]
    pub fn stay_dirty(&mut self) {
        self.images = None;
        self.realm.forget_run();
        self.phase = Phase::Pristine;
    }

    /// The answer to a call that the state does not allow: nothing runs.
    fn misused(&mut self) -> Outcome {
        self.phase = Phase::Finished;
        state::with(self.realm.enter(), |state| state.outcome(End::EngineFault))
    }
}

impl ParkedRun for NeverParked {
    fn abort(self, _why: Abort) -> Outcome {
        match self {}
    }

    fn bytes(&self) -> usize {
        match *self {}
    }
}

impl Vm for QuickJsVm {
    type Program = QuickJsProgram;
    type Parked = NeverParked;

    fn compile(
        &mut self,
        source: &Source,
        limits: &RunLimits,
        interrupt: &Arc<Interrupt>,
    ) -> Compilation<QuickJsProgram> {
        if !self.begins(Purpose::Compile) {
            return Compilation::Done(Err(CompileFailure::EngineFault));
        }
        let js = self.prepare(limits.clone(), interrupt.clone());
        Compilation::Done(compile::compile(js, source))
    }

    fn resume_compile(&mut self) -> Compilation<QuickJsProgram> {
        self.phase = Phase::Finished;
        Compilation::Done(Err(CompileFailure::EngineFault))
    }

    fn start(
        &mut self,
        program: &QuickJsProgram,
        invocation: Invocation,
        limits: RunLimits,
        interrupt: Arc<Interrupt>,
    ) -> Step {
        if !self.begins(Purpose::Run) {
            return Step::Done(self.misused());
        }
        let loaded = self.load_image(program);
        let js = self.prepare(limits, interrupt);
        let loaded = match loaded {
            Some(compiled) => Ok(compiled),
            None => run::load(js, program, &invocation.source_name)
                .inspect(|compiled| self.keep_image(js, program, compiled)),
        };
        self.layout.seed_random(js, invocation.random_seed);
        match loaded.and_then(|compiled| run::begin(js, program, compiled, &invocation)) {
            Ok(run) => self.keep(run.pump(js)),
            Err(outcome) => Step::Done(*outcome),
        }
    }

    fn resume(&mut self, with: Resume) -> Step {
        match (std::mem::replace(&mut self.phase, Phase::Finished), with) {
            (Phase::Waiting(run), Resume::Replies(replies)) => {
                let js = self.realm.enter();
                for reply in &replies {
                    if let Err(thrown) = host::settle(js, reply) {
                        js.swallow(thrown); // Only the run's end throws here, and the pump sees it.
                    }
                }
                self.keep(run.pump(js))
            }
            _ => Step::Done(self.misused()),
        }
    }

    fn abort(&mut self, why: Abort) -> Outcome {
        let place = match std::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Waiting(_) => KilledIn::Host,
            Phase::Stalled | Phase::Pristine | Phase::Finished => KilledIn::Script,
        };
        run::aborted(self.realm.enter(), why, place)
    }

    fn take_logs(&mut self) -> Vec<LogLine> {
        state::with(self.realm.enter(), |state| state.logs.take())
    }

    fn park(&mut self) -> Result<NeverParked, NotParkable> {
        Err(NotParkable::Unsupported)
    }

    fn unpark(&mut self, parked: NeverParked) -> Result<(), EngineError> {
        match parked {}
    }

    fn reset(&mut self) -> Reset {
        match self.realm.restore() {
            true => {
                self.phase = Phase::Pristine;
                Reset::Pristine
            }
            false => {
                self.phase = Phase::Finished;
                Reset::Discard
            }
        }
    }
}

impl std::fmt::Debug for QuickJsVm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuickJsVm").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

#[cfg(test)]
impl QuickJsVm {
    /// For the tests of exactness: the VM's memory.
    fn arena(&mut self) -> &mut crate::arena::Arena {
        self.realm.arena().expect("a VM that is restored")
    }

    pub(crate) fn differences(&mut self) -> Result<(), String> {
        self.arena().differences()
    }

    pub(crate) fn used_bytes(&mut self) -> Vec<u8> {
        self.arena().used()
    }
}
