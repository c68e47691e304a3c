//! A VM of the fake engine: the state machine, and the checks of who may call what and when.

use std::sync::Arc;
use std::thread::{self, ThreadId};

use isolet_core_traits::{
    Abort, Compilation, CompileFailure, End, EngineError, FailureKind, Interrupt, Invocation, KilledIn, LogBuffer,
    LogLine, NotParkable, Outcome, ParkedRun, Purpose, Reset, Resume, RunLimits, ScriptFailure, Source, Step, Vm,
    VmConfig,
};

use super::language::{self, Script};
use super::run::{Pause, Run, World};
use super::work::{Halt, Work};
use super::{FakeProgram, ParkFault, Shared, Stage, is_attached};

/// A VM of the [fake engine](super::FakeEngine).
#[derive(Debug)]
pub struct FakeVm {
    shared: Arc<Shared>,
    number: u64,
    config: VmConfig,
    state: State,
    world: World,
}

#[derive(Debug)]
enum State {
    Pristine,
    Compiling(Box<Compiling>, ThreadId),
    Waiting(Box<Run>),
    Preempted(Box<Run>, ThreadId),
    Stalled(Box<Run>),
    Finished,
    /// After its run was saved.
    Left,
    /// After a fault, a panic or a misuse. Also while a step runs, so that a panic leaves it so.
    Faulted,
}

/// A compilation between its steps.
#[derive(Debug)]
struct Compiling {
    text: Arc<str>,
    script: Script,
    /// The next statement.
    at: usize,
    work: Work,
}

/// A saved run of the [fake engine](super::FakeEngine).
#[derive(Debug)]
pub struct FakeParked {
    engine: Arc<Shared>,
    vm: u64,
    run: Box<Run>,
    world: World,
}

impl FakeVm {
    pub(crate) fn new(shared: Arc<Shared>, number: u64, config: VmConfig) -> Self {
        Self { shared, number, config, state: State::Pristine, world: World::default() }
    }

    /// Its number among the VMs of its engine, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The state, with `Faulted` in its place until the step is over.
    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Faulted)
    }

    /// The caller did what the state does not allow. The VM stays faulted.
    fn misused(&mut self) -> Outcome {
        self.shared.count(|counts| counts.misuses += 1);
        self.state = State::Faulted;
        bare_outcome(End::EngineFault, &self.world)
    }

    fn step(&mut self, mut run: Box<Run>) -> Step {
        let pause = run.step(&mut self.world, &self.shared);
        let (state, step) = match pause {
            Pause::Calls { calls, cancelled } => (State::Waiting(run), Step::HostCalls { calls, cancelled }),
            Pause::Preempted => (State::Preempted(run, thread::current().id()), Step::Preempted),
            Pause::Stalled => (State::Stalled(run), Step::Stalled),
            Pause::End(end) => {
                let state = if matches!(end, End::EngineFault) { State::Faulted } else { State::Finished };
                (state, Step::Done(run.outcome(end, &self.world)))
            }
        };
        self.state = state;
        step
    }

    fn compile_step(&mut self, mut compiling: Box<Compiling>) -> Compilation<FakeProgram> {
        let result = match compiling.step(&self.shared) {
            Ok(()) => {
                let Compiling { text, script, .. } = *compiling;
                Ok(FakeProgram { text, script: Arc::new(script) })
            }
            Err(Halt::Preempted) => {
                self.state = State::Compiling(compiling, thread::current().id());
                return Compilation::Preempted;
            }
            Err(Halt::Aborted { why, .. }) => Err(CompileFailure::Aborted(why)),
            Err(Halt::OutOfMemory { asked, used, max }) => Err(CompileFailure::OutOfMemory { asked, used, max }),
            Err(Halt::Fault) => return Compilation::Done(Err(CompileFailure::EngineFault)),
        };
        self.state = State::Finished;
        Compilation::Done(result)
    }

    fn compile_misused<P>(&mut self) -> Compilation<P> {
        self.misused();
        Compilation::Done(Err(CompileFailure::EngineFault))
    }

    fn work(&self, limits: &RunLimits, interrupt: &Arc<Interrupt>) -> Work {
        Work::new(interrupt.clone(), limits.memory_bytes.min(self.config.memory_bytes_max))
    }
}

impl Compiling {
    fn step(&mut self, shared: &Shared) -> Result<(), Halt> {
        loop {
            self.work.poll(KilledIn::Native)?;
            let Some(line) = self.script.compile.get(self.at) else { return Ok(()) };
            self.work.execute(&line.statement, shared)?;
            self.at += 1;
            self.work.next_statement();
        }
    }
}

fn bare_outcome(end: End, world: &World) -> Outcome {
    Outcome { end, memory_peak_bytes: 0, logs_truncated: world.logs.truncated(), warnings: Vec::new() }
}

fn refused(refusal: language::Refusal) -> CompileFailure {
    let failure = ScriptFailure::new(FailureKind::Runtime, "SyntaxError", refusal.message);
    CompileFailure::Syntax(Box::new(ScriptFailure { place: Some(refusal.place), ..failure }))
}

impl Vm for FakeVm {
    type Program = FakeProgram;
    type Parked = FakeParked;

    fn compile(&mut self, source: &Source, limits: &RunLimits, interrupt: &Arc<Interrupt>) -> Compilation<FakeProgram> {
        let is_pristine = matches!(self.state, State::Pristine);
        if !is_pristine || self.config.purpose != Purpose::Compile || !is_attached() {
            return self.compile_misused();
        }
        self.shared.count(|counts| counts.compiles += 1);
        self.shared.pass(Stage::Compile);
        self.state = State::Faulted;
        match language::parse(source.text()) {
            Ok(script) => {
                let work = self.work(limits, interrupt);
                self.compile_step(Box::new(Compiling { text: source.text().into(), script, at: 0, work }))
            }
            Err(refusal) => {
                self.state = State::Finished;
                Compilation::Done(Err(refused(refusal)))
            }
        }
    }

    fn resume_compile(&mut self) -> Compilation<FakeProgram> {
        match self.take_state() {
            State::Compiling(compiling, thread) if thread == thread::current().id() && is_attached() => {
                self.compile_step(compiling)
            }
            _ => self.compile_misused(),
        }
    }

    fn start(
        &mut self,
        program: &FakeProgram,
        invocation: Invocation,
        limits: RunLimits,
        interrupt: Arc<Interrupt>,
    ) -> Step {
        let is_pristine = matches!(self.state, State::Pristine);
        if !is_pristine || self.config.purpose != Purpose::Run || !is_attached() {
            return Step::Done(self.misused());
        }
        self.shared.count(|counts| counts.starts += 1);
        self.shared.pass(Stage::Start);
        self.state = State::Faulted;
        self.world.logs = LogBuffer::new(limits.log_bytes, limits.log_lines);
        let work = self.work(&limits, &interrupt);
        let host = self.config.environment.host.clone();
        self.step(Box::new(Run::new(program, invocation, limits, work, host)))
    }

    fn resume(&mut self, with: Resume) -> Step {
        self.shared.count(|counts| counts.resumes += 1);
        match (self.take_state(), with) {
            (State::Preempted(run, thread), Resume::Go) if thread == thread::current().id() && is_attached() => {
                self.step(run)
            }
            (State::Waiting(mut run), Resume::Replies(replies)) if is_attached() => {
                run.take_replies(replies);
                self.step(run)
            }
            _ => Step::Done(self.misused()),
        }
    }

    fn abort(&mut self, why: Abort) -> Outcome {
        self.shared.count(|counts| counts.aborts += 1);
        let end = |place| End::Aborted { why, place };
        let (outcome, state) = match self.take_state() {
            State::Waiting(run) => (run.outcome(end(KilledIn::Host), &self.world), State::Finished),
            State::Preempted(run, _) | State::Stalled(run) => {
                (run.outcome(end(KilledIn::Script), &self.world), State::Finished)
            }
            State::Faulted => (bare_outcome(end(KilledIn::Script), &self.world), State::Faulted),
            State::Pristine | State::Compiling(..) | State::Finished | State::Left => {
                (bare_outcome(end(KilledIn::Script), &self.world), State::Finished)
            }
        };
        self.state = state;
        outcome
    }

    fn take_logs(&mut self) -> Vec<LogLine> {
        self.world.logs.take()
    }

    fn park(&mut self) -> Result<FakeParked, NotParkable> {
        if !self.shared.options.park {
            return Err(NotParkable::Unsupported);
        }
        if self.shared.has_park_fault(ParkFault::Declined) {
            return Err(NotParkable::NotWaiting);
        }
        assert!(!self.shared.has_park_fault(ParkFault::Panics), "a test told the fake engine to panic");
        match self.take_state() {
            State::Waiting(run) => {
                self.shared.count(|counts| counts.parks += 1);
                self.state = State::Left;
                let world = std::mem::take(&mut self.world);
                Ok(FakeParked { engine: self.shared.clone(), vm: self.number, run, world })
            }
            other => {
                self.state = other;
                Err(NotParkable::NotWaiting)
            }
        }
    }

    fn unpark(&mut self, parked: FakeParked) -> Result<(), EngineError> {
        if parked.vm != self.number || !Arc::ptr_eq(&parked.engine, &self.shared) {
            self.shared.count(|counts| counts.misuses += 1);
            return Err(EngineError::State { message: "unpark: the run belongs to another VM" });
        }
        if !matches!(self.state, State::Pristine) {
            self.shared.count(|counts| counts.misuses += 1);
            return Err(EngineError::State { message: "unpark: the VM must be reset before" });
        }
        if self.shared.has_park_fault(ParkFault::Refused) {
            return Err(EngineError::State { message: "unpark: a test told the fake engine to refuse" });
        }
        self.shared.count(|counts| counts.unparks += 1);
        self.world = parked.world;
        self.state = State::Waiting(parked.run);
        Ok(())
    }

    fn reset(&mut self) -> Reset {
        let may = match self.state {
            State::Compiling(..) | State::Preempted(..) | State::Faulted => false,
            State::Left => !self.shared.has_park_fault(ParkFault::Discarded),
            _ => true,
        };
        self.world = World::default();
        if may && self.shared.options.reuse {
            self.shared.count(|counts| counts.resets += 1);
            self.state = State::Pristine;
            Reset::Pristine
        } else {
            self.shared.count(|counts| counts.discards += 1);
            self.state = State::Faulted;
            Reset::Discard
        }
    }
}

impl ParkedRun for FakeParked {
    fn abort(self, why: Abort) -> Outcome {
        self.engine.count(|counts| counts.aborts += 1);
        self.run.outcome(End::Aborted { why, place: KilledIn::Host }, &self.world)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + size_of::<Run>()
    }
}

impl Drop for FakeVm {
    fn drop(&mut self) {
        self.shared.count(|counts| counts.vms_dropped += 1);
    }
}
