//! The VM as the state machine of the contract.

use std::sync::Arc;

use isolet_core_traits::{
    Abort, Compilation, CompileFailure, End, EngineError, Interrupt, Invocation, KilledIn, LogLine, NotParkable,
    Outcome, Purpose, Reset, Resume, RunLimits, Source, SourceName, Step, Vm, VmConfig,
};

use crate::compile;
use crate::ending::{self, Ending};
use crate::failure::Origin;
use crate::host::{self, Reply};
use crate::images::{Budget, Images};
use crate::js::{Terminated, Value};
use crate::layout::Layout;
use crate::parked::Parked;
use crate::program::QuickJsProgram;
use crate::realm::Realm;
use crate::run::{self, Globals, Pause, Progress};

/// A VM for runs or for compilations, one at a time.
pub struct QuickJsVm {
    realm: Realm,
    /// None in a VM that is not restored, or runs nothing.
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

/// A run between two steps.
pub(crate) struct Run {
    program: QuickJsProgram,
    source_name: SourceName,
    progress: Progress,
}

impl QuickJsVm {
    pub(crate) fn new(mut realm: Realm, layout: Layout, budget: Budget, config: &VmConfig) -> Self {
        let (purpose, memory_bytes_max) = (config.purpose, config.memory_bytes_max);
        let keeps_images = purpose == Purpose::Run && realm.arena().is_some();
        let images = keeps_images.then(|| Images::new(budget));
        Self { realm, images, layout, purpose, memory_bytes_max, phase: Phase::Pristine }
    }

    /// Whether the VM may begin something of `purpose`; it is finished from then on.
    fn begins(&mut self, purpose: Purpose) -> bool {
        let pristine = matches!(std::mem::replace(&mut self.phase, Phase::Finished), Phase::Pristine);
        pristine && self.purpose == purpose
    }

    fn prepare(&mut self, limits: RunLimits, interrupt: Arc<Interrupt>) {
        let limits = RunLimits { memory_bytes: limits.memory_bytes.min(self.memory_bytes_max), ..limits };
        self.realm.state().begin(limits, interrupt);
    }

    /// The program, loaded: from its image, or by the engine. `Err` is how the run ended; `None` if it was left.
    fn load(&mut self, program: &QuickJsProgram) -> Result<Value, Option<Ending>> {
        let loaded = self.realm.run(|js| run::load(js, program)).ok_or(None)?.map_err(Some)?;
        if let (Some(images), Some(arena)) = (&mut self.images, self.realm.arena()) {
            images.keep(program, arena.lines(), loaded.alias());
        }
        Ok(loaded)
    }

    /// Makes the pristine VM one that has loaded `program`, if it did so before.
    fn load_image(&mut self, program: &QuickJsProgram) -> Option<Value> {
        let image = self.images.as_mut()?.get(program)?;
        self.realm.arena()?.apply(&image.lines).then(|| image.compiled.alias())
    }

    fn begin(&mut self, program: &QuickJsProgram, invocation: &Invocation, loaded: Option<Value>) -> Option<Pause> {
        let loaded = match loaded.map_or_else(|| self.load(program), Ok) {
            Ok(loaded) => loaded,
            Err(ending) => return ending.map(Pause::Ended),
        };
        let globals = Globals {
            input: Terminated::new([invocation.input.as_str()]),
            context: Terminated::new([invocation.context.as_str()]),
        };
        self.layout.seed_random(self.realm.enter(), invocation.random_seed);
        self.realm.run(|js| run::begin(js, program.form(), loaded, &globals))
    }

    /// What the executor sees of a pause; `None` if the run was left.
    fn paused(&mut self, program: QuickJsProgram, source_name: SourceName, pause: Option<Pause>) -> Step {
        let ending = match pause {
            Some(Pause::Waiting(progress)) => {
                let run = &mut self.realm.state().run;
                if run.pending.is_empty() {
                    self.phase = Phase::Stalled;
                    return Step::Stalled;
                }
                let calls = std::mem::take(&mut run.outbox);
                self.phase = Phase::Waiting(Run { program, source_name, progress });
                return Step::HostCalls { calls, cancelled: Vec::new() };
            }
            Some(Pause::Ended(ending)) => Some(ending),
            None => None,
        };
        let origin = Origin { name: &source_name, wide_text: program.wide_text() };
        Step::Done(ending::conclude(&mut self.realm, ending, &origin))
    }

    /// For measurements only: programs are loaded by the engine in each run.
    #[doc(hidden)]
    pub fn without_images(&mut self) {
        self.images = None;
    }

    /// For measurements only: the bytes that its script images hold.
    #[doc(hidden)]
    pub fn image_bytes(&self) -> usize {
        self.images.as_ref().map_or(0, Images::bytes)
    }

    /// For measurements only: makes a VM startable again with all that its run left behind, as if a restore were free.
    #[doc(hidden)]
    pub fn stay_dirty(&mut self) {
        self.images = None;
        self.realm.forget_run();
        self.phase = Phase::Pristine;
    }

    /// For trials only: whether every byte of a VM that was reset is what it was when the VM was made.
    ///
    /// # Errors
    /// What is not, in words.
    #[doc(hidden)]
    pub fn differences(&mut self) -> Result<(), String> {
        self.realm.arena().map_or(Ok(()), |arena| arena.differences())
    }

    /// The answer to a call that the state does not allow: nothing runs.
    fn misused(&mut self) -> Outcome {
        self.phase = Phase::Finished;
        self.realm.state().outcome(End::EngineFault)
    }
}

impl Vm for QuickJsVm {
    type Program = QuickJsProgram;
    type Parked = Parked;

    fn compile(
        &mut self,
        source: &Source,
        limits: &RunLimits,
        interrupt: &Arc<Interrupt>,
    ) -> Compilation<QuickJsProgram> {
        if !self.begins(Purpose::Compile) {
            return Compilation::Done(Err(CompileFailure::EngineFault));
        }
        self.prepare(limits.clone(), interrupt.clone());
        Compilation::Done(compile::compile(&mut self.realm, source))
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
        self.prepare(limits, interrupt);
        let pause = self.begin(program, &invocation, loaded);
        self.paused(program.clone(), invocation.source_name, pause)
    }

    fn resume(&mut self, with: Resume) -> Step {
        match (std::mem::replace(&mut self.phase, Phase::Finished), with) {
            (Phase::Waiting(Run { program, source_name, progress }), Resume::Replies(replies)) => {
                let replies: Vec<Reply> = replies.into_iter().map(Reply::new).collect();
                let pause = self.realm.run(|js| {
                    for reply in &replies {
                        if let Err(thrown) = host::settle(js, reply) {
                            js.swallow(thrown); // Only the run's end throws here, and the pump sees it.
                        }
                    }
                    run::pump(js, progress)
                });
                self.paused(program, source_name, pause)
            }
            _ => Step::Done(self.misused()),
        }
    }

    fn abort(&mut self, why: Abort) -> Outcome {
        let place = match std::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Waiting(_) => KilledIn::Host,
            Phase::Stalled | Phase::Pristine | Phase::Finished => KilledIn::Script,
        };
        ending::aborted(&mut self.realm, why, place)
    }

    fn take_logs(&mut self) -> Vec<LogLine> {
        self.realm.state().run.logs.take()
    }

    fn park(&mut self) -> Result<Parked, NotParkable> {
        let Some(arena) = self.realm.arena() else { return Err(NotParkable::Unsupported) };
        let lines = arena.lines();
        match std::mem::replace(&mut self.phase, Phase::Finished) {
            Phase::Waiting(run) => Ok(Parked::new(lines, run, self.realm.state())),
            other => {
                self.phase = other;
                Err(NotParkable::NotWaiting)
            }
        }
    }

    fn unpark(&mut self, parked: Parked) -> Result<(), EngineError> {
        let is_own = self.realm.arena().is_some_and(|arena| arena.is_origin_of(&parked.lines));
        if !is_own {
            return Err(EngineError::State { message: "unpark: the run belongs to another VM" });
        }
        if !matches!(self.phase, Phase::Pristine) {
            return Err(EngineError::State { message: "unpark: the VM must be reset before" });
        }
        if let Some(arena) = self.realm.arena() {
            arena.apply(&parked.lines);
        }
        self.realm.state().run = parked.data;
        self.phase = Phase::Waiting(parked.run);
        Ok(())
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

/// For trials: what is inside.
#[cfg(test)]
impl QuickJsVm {
    fn arena(&mut self) -> &mut crate::arena::Arena {
        self.realm.arena().expect("a VM that is restored")
    }

    pub(crate) fn used_bytes(&mut self) -> Vec<u8> {
        self.arena().used()
    }

    pub(crate) fn resident_bytes(&mut self) -> usize {
        self.arena().resident_bytes()
    }

    /// The next run is refused an allocation after so many.
    pub(crate) fn refuse_after(&mut self, allocations: u64) {
        self.realm.state().refuse_after = Some(allocations);
    }

    /// How many are left of them.
    pub(crate) fn refused_after(&mut self) -> u64 {
        self.realm.state().meter().refused_after()
    }

    pub(crate) fn forget_images(&mut self) {
        self.images = Some(Images::new(Budget::default()));
    }
}
