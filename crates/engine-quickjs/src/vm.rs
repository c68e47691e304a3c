//! The VM as the state machine of the contract.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use isolet_core_traits::{
    Abort, Compilation, CompileFailure, End, EngineError, HostReply, Interrupt, Invocation, KilledIn, LogLine,
    NotParkable, Outcome, Purpose, Reset, Resume, RunLimits, RunTime, Source, SourceName, Step, Vm, VmConfig, Warning,
};

use crate::compile::Compiling;
use crate::ending::{self, Ending};
use crate::failure::Origin;
use crate::fiber::{At, Fiber, Ran};
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
    /// What the step under way works on.
    work: Work,
    /// What the run under way runs.
    script: Option<Script>,
}

enum Phase {
    Pristine,
    /// Its slice was over, too.
    Compiling(Box<Compiling>, ThreadId),
    /// Waits for replies.
    Waiting(Progress),
    /// Its slice was over. Goes on with the thread that it was on (F3).
    Preempted(Fiber<Pause>, ThreadId),
    Stalled,
    /// Its run was saved, which put its memory back.
    Saved,
    Finished,
}

/// What a fiber refers to. Changed only while there is none.
#[derive(Default)]
struct Work {
    globals: Option<Box<Globals>>,
    replies: Vec<Reply>,
}

/// What is needed to tell how a run ended.
pub(crate) struct Script {
    program: QuickJsProgram,
    source_name: SourceName,
}

impl QuickJsVm {
    pub(crate) fn new(mut realm: Realm, layout: Layout, budget: Budget, config: &VmConfig) -> Self {
        let (purpose, memory_bytes_max) = (config.purpose, config.memory_bytes_max);
        let keeps_images = purpose == Purpose::Run && realm.arena().is_some();
        let images = keeps_images.then(|| Images::new(budget));
        let (phase, work) = (Phase::Pristine, Work::default());
        Self { realm, images, layout, purpose, memory_bytes_max, phase, work, script: None }
    }

    /// Whether the VM may begin something of `purpose`; it is finished from then on.
    fn begins(&mut self, purpose: Purpose) -> bool {
        let is_pristine = matches!(self.phase, Phase::Pristine);
        self.finish();
        is_pristine && self.purpose == purpose
    }

    /// Nothing goes on from here: a fiber that is dropped leaves the engine in the midst of something, so that a finished
    /// VM enters it no more before it is restored.
    fn finish(&mut self) -> Phase {
        std::mem::replace(&mut self.phase, Phase::Finished)
    }

    fn prepare(&mut self, limits: RunLimits, interrupt: Arc<Interrupt>) {
        let limits = RunLimits { memory_bytes: limits.memory_bytes.min(self.memory_bytes_max), ..limits };
        self.realm.state().begin(limits, interrupt);
    }

    fn compile_on(&mut self, compiling: Box<Compiling>) -> Compilation<QuickJsProgram> {
        match compiling.go_on(&mut self.realm) {
            Ok(compiled) => Compilation::Done(compiled),
            Err(compiling) => {
                self.phase = Phase::Compiling(compiling, thread::current().id());
                Compilation::Preempted
            }
        }
    }

    /// The program, loaded by the engine; the second time its image is kept. `Err` is how the run ended; `None` if it was
    /// left.
    fn load(&mut self, program: &QuickJsProgram) -> Result<Value, Option<Ending>> {
        let loaded = self.realm.run(|js| run::load(js, program)).ok_or(None)?.map_err(Some)?;
        let used = self.realm.state().used_by_run();
        if let (Some(images), Some(arena)) = (&mut self.images, self.realm.arena())
            && images.loaded(program)
        {
            images.keep(program, arena.lines(), loaded.alias(), used);
        }
        Ok(loaded)
    }

    /// Makes the pristine VM one that has loaded `program`, if it did so before. Not if that is more than the run may
    /// use, which crosses its limit where the engine loads it.
    fn load_image(&mut self, program: &QuickJsProgram, limits: &RunLimits) -> Option<Value> {
        let image = self.images.as_mut()?.get(program).filter(|image| image.used <= limits.memory_bytes)?;
        self.realm.arena()?.apply(&image.lines).then(|| image.compiled.alias())
    }

    fn begin(&mut self, program: &QuickJsProgram, invocation: &Invocation, loaded: Option<Value>) -> Ran<Pause> {
        let loaded = match loaded.map_or_else(|| self.load(program), Ok) {
            Ok(loaded) => loaded,
            Err(ending) => return ending.map_or(Ran::Left, |ending| Ran::Returned(Pause::Ended(ending))),
        };
        self.layout.seed_random(self.realm.enter(), invocation.random_seed.value());
        let run = &mut self.realm.state().run;
        (run.random_seed, run.time) = (invocation.random_seed, RunTime::new(invocation.now));
        let globals = Globals {
            input: Terminated::new([invocation.input.as_str()]),
            context: Terminated::new([invocation.context.as_str()]),
        };
        let globals: *const Globals = &raw const **self.work.globals.insert(Box::new(globals));
        let form = program.form();
        self.realm.state().run.start_slice();
        // SAFETY: F1: plain data only. The globals are boxed and stay while there is a fiber.
        unsafe { self.realm.start(move |js| run::begin(js, form, loaded, &*globals)) }
    }

    fn reply(&mut self, progress: Progress, replies: Vec<HostReply>) -> Ran<Pause> {
        self.work.replies = replies.into_iter().map(Reply::new).collect();
        let replies: *const [Reply] = &raw const self.work.replies[..];
        self.realm.state().run.start_slice();
        // SAFETY: F1: plain data only. The replies stay while there is a fiber.
        unsafe {
            self.realm.start(move |js| {
                for reply in &*replies {
                    if let Err(thrown) = host::settle(js, reply) {
                        js.swallow(thrown); // Only the run's end throws here, and the pump sees it.
                    }
                }
                run::pump(js, progress)
            })
        }
    }

    /// What the executor sees.
    fn step(&mut self, ran: Ran<Pause>) -> Step {
        let ending = match ran {
            Ran::Suspended(fiber) => {
                self.phase = Phase::Preempted(fiber, thread::current().id());
                return Step::Preempted;
            }
            Ran::Returned(Pause::Waiting(progress)) => {
                self.work = Work::default();
                let run = &mut self.realm.state().run;
                if run.pending.is_empty() {
                    self.phase = Phase::Stalled;
                    return Step::Stalled;
                }
                let (calls, cancelled) = (std::mem::take(&mut run.outbox), std::mem::take(&mut run.cancelled));
                self.phase = Phase::Waiting(progress);
                return Step::HostCalls { calls, cancelled };
            }
            Ran::Returned(Pause::Ended(ending)) => Some(ending),
            Ran::Left => None,
            Ran::Faulted(signal) => {
                (self.work, self.script) = (Work::default(), None);
                let message = format!("the engine's code has faulted, with signal {signal}");
                self.realm.state().run.warnings.push(Warning { code: "engine_fault".into(), message });
                return Step::Done(self.misused());
            }
        };
        self.work = Work::default();
        match self.script.take() {
            Some(Script { program, source_name }) => {
                let origin = Origin { name: &source_name, wide_text: program.wide_text() };
                Step::Done(ending::conclude(&mut self.realm, ending, &origin))
            }
            None => Step::Done(self.misused()),
        }
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
        (self.work, self.script) = (Work::default(), None);
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
        self.finish();
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
        self.compile_on(Compiling::new(source))
    }

    fn resume_compile(&mut self) -> Compilation<QuickJsProgram> {
        match self.finish() {
            Phase::Compiling(compiling, thread) if thread == thread::current().id() => self.compile_on(compiling),
            _ => Compilation::Done(Err(CompileFailure::EngineFault)),
        }
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
        let loaded = self.load_image(program, &limits);
        self.prepare(limits, interrupt);
        let ran = self.begin(program, &invocation, loaded);
        self.script = Some(Script { program: program.clone(), source_name: invocation.source_name });
        self.step(ran)
    }

    fn resume(&mut self, with: Resume) -> Step {
        match (self.finish(), with) {
            (Phase::Waiting(progress), Resume::Replies(replies)) => {
                let ran = self.reply(progress, replies);
                self.step(ran)
            }
            (Phase::Preempted(fiber, thread), Resume::Go) if thread == thread::current().id() => {
                let ran = self.realm.resume(fiber);
                self.step(ran)
            }
            _ => Step::Done(self.misused()),
        }
    }

    fn abort(&mut self, why: Abort) -> Outcome {
        let place = match self.finish() {
            Phase::Waiting(_) => KilledIn::Host,
            Phase::Preempted(fiber, _) if fiber.at() == At::Native => KilledIn::Native,
            Phase::Preempted(..)
            | Phase::Compiling(..)
            | Phase::Stalled
            | Phase::Pristine
            | Phase::Saved
            | Phase::Finished => KilledIn::Script,
        };
        ending::aborted(&mut self.realm, why, place)
    }

    fn take_logs(&mut self) -> Vec<LogLine> {
        self.realm.state().run.logs.take()
    }

    fn park(&mut self) -> Result<Parked, NotParkable> {
        let Some(arena) = self.realm.arena() else { return Err(NotParkable::Unsupported) };
        match (&self.phase, self.script.take()) {
            (Phase::Waiting(_), Some(script)) => {
                let lines = arena.lines();
                arena.undo(&lines);
                let Phase::Waiting(progress) = self.finish() else { return Err(NotParkable::NotWaiting) };
                let parked = Parked::new(lines, script, progress, self.realm.state());
                self.realm.forget_run();
                self.phase = Phase::Saved;
                Ok(parked)
            }
            (_, script) => {
                self.script = script;
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
        self.script = Some(parked.script);
        self.phase = Phase::Waiting(parked.progress);
        Ok(())
    }

    fn bytes(&self) -> Option<usize> {
        let images = self.images.as_ref().map_or(0, Images::bytes);
        Some(self.realm.kept_bytes()? + images)
    }

    fn reset(&mut self) -> Reset {
        let phase = self.finish();
        (self.work, self.script) = (Work::default(), None);
        let is_back = match phase {
            Phase::Saved => true,
            Phase::Preempted(..) | Phase::Compiling(..) => false,
            _ => self.realm.restore(),
        };
        match is_back {
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

    pub(crate) fn realm(&mut self) -> &mut Realm {
        &mut self.realm
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
