//! Rows about the state machine: what is done to a VM, and what it answers to each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use isolet_core_traits::{
    Abort, Capabilities, Compilation, CompileFailure, Engine, HostFailureKind, HostReply, Interrupt, Outcome,
    ParkedRun, Purpose, Reset, Resume, RunLimits, SourceKind, Step, Vm,
};

use super::dialect::{Dialect, Program};
use super::stage::{self, Checked, Stage, ensure, go_on, inspect_call, inspect_logs, inspect_outcome, on_thread};
use super::{Need, text, world};
use crate::clock::TickingClock;

/// A row: steps, each with what it must answer.
///
/// An answer is compared as a whole, or up to a final `…`. `let a` takes note of it, `is a` and `not a` compare with
/// what was noted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trace {
    pub(super) name: &'static str,
    pub(super) needs: &'static [Need],
    pub(super) limits: fn(&mut RunLimits),
    pub(super) steps: &'static [(Action, &'static str)],
}

pub(super) const fn trace(name: &'static str, steps: &'static [(Action, &'static str)]) -> Trace {
    Trace { name, needs: &[], limits: |_| (), steps }
}

impl Trace {
    pub(super) const fn needs(self, needs: &'static [Need]) -> Self {
        Self { needs, ..self }
    }

    pub(super) const fn limits(self, limits: fn(&mut RunLimits)) -> Self {
        Self { limits, ..self }
    }
}

/// What is done to the VM in use. Runs that are preempted go on by themselves, unless the action says otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) enum Action {
    /// From here on uses this VM, which is made if it is not there; answers nothing.
    Use(usize),
    Start(Program),
    StartSeeded(Program, u64),
    /// Starts, and leaves a preempted run preempted.
    StartOnce(Program),
    /// Starts under a clock that stands still; another thread asks the run to end once it has polled a few times.
    StartAndRequest(Program, Abort),
    /// Starts with an end requested already.
    StartRequested(Program, Abort),
    /// Starts when the deadline is over already.
    StartExpired(Program),
    /// Starts on a VM for compiling.
    StartOnCompiler(Program),
    /// Resumes a preempted run once.
    GoOnce,
    /// Resumes with replies.
    Reply(&'static [(u32, &'static str)]),
    /// Resumes with a failure.
    Fail(u32, HostFailureKind),
    /// Asks the run to end.
    Request(Abort),
    /// Moves the clock past the deadline.
    Expire,
    Abort(Abort),
    /// Does it on another thread.
    Elsewhere(&'static Action),
    /// Saves the run; runs are numbered from 0.
    Park,
    Unpark(usize),
    DropParked(usize),
    AbortParked(usize, Abort),
    Reset,
    Logs,
    /// The lines that the last end says were dropped.
    LogsTruncated,
    /// The codes of the last end's warnings.
    Warnings,
    /// Compiles on a VM of its own.
    Compile(Program),
    /// Compiles with an end requested already.
    CompileRequested(Program, Abort),
    /// Compiles, resets, compiles again, all on one VM.
    CompileTwice(Program),
    CompileOnRunner(Program),
    ResumeCompile,
}

/// The wall time of all traces. Each reading of their clock takes a millisecond.
const WALL_TIME: Duration = Duration::from_secs(2);
const TICK: Duration = Duration::from_millis(1);
const INPUT: &str = r#"{"n":1}"#;
const CONTEXT: &str = r#"{"tenant":"acme","user":{"id":7}}"#;

/// The limits of all rows, unless they say otherwise.
pub(super) fn limits(change: fn(&mut RunLimits)) -> RunLimits {
    let slice = 10 * TICK;
    let mut limits = RunLimits { slice, memory_bytes: 16 << 20, host_payload_bytes: 64 << 10, ..RunLimits::default() };
    change(&mut limits);
    limits
}

/// Whether the language can say all programs of the row.
pub(super) fn is_expressible(trace: &Trace, dialect: &impl Dialect) -> bool {
    trace.steps.iter().filter_map(|(action, _)| program(action)).all(|program| dialect.source(program).is_some())
}

fn program(action: &Action) -> Option<Program> {
    match *action {
        Action::Start(program)
        | Action::StartSeeded(program, _)
        | Action::StartOnce(program)
        | Action::StartAndRequest(program, _)
        | Action::StartRequested(program, _)
        | Action::StartExpired(program)
        | Action::StartOnCompiler(program)
        | Action::Compile(program)
        | Action::CompileRequested(program, _)
        | Action::CompileTwice(program)
        | Action::CompileOnRunner(program) => Some(program),
        Action::Elsewhere(action) => program(action),
        _ => None,
    }
}

/// Does all steps and compares their answers.
pub(super) fn check<E: Engine>(engine: &E, dialect: &impl Dialect, trace: &Trace) -> Checked<()> {
    let mut limits = limits(trace.limits);
    limits.wall_time = WALL_TIME;
    let capabilities = engine.capabilities();
    on_thread(engine, stage::thread_bytes(engine), || {
        let stage = Stage { engine, environment: world::environment(false) };
        let mut bench = Bench {
            capabilities,
            stage,
            dialect,
            limits,
            programs: HashMap::new(),
            places: Vec::new(),
            used: 0,
            parked: Vec::new(),
            outcome: None,
        };
        let mut notes = HashMap::new();
        for (at, (action, expected)) in trace.steps.iter().enumerate() {
            let failed = |message| format!("step {} ({action:?}): {message}", at + 1);
            let answer = bench.act(action).map_err(failed)?;
            compare(&answer, expected, &mut notes).map_err(failed)?;
        }
        Ok(())
    })
}

fn compare(answer: &str, expected: &'static str, notes: &mut HashMap<&'static str, String>) -> Checked<()> {
    let noted = |name: &str| notes.get(name).map_or("nothing", String::as_str);
    let holds = if let Some(name) = expected.strip_prefix("let ") {
        notes.insert(name, answer.to_owned());
        true
    } else if let Some(name) = expected.strip_prefix("is ") {
        answer == noted(name)
    } else if let Some(name) = expected.strip_prefix("not ") {
        answer != noted(name)
    } else {
        expected.strip_suffix('…').map_or(answer == expected, |start| answer.starts_with(start))
    };
    ensure(holds, || format!("expected {expected:?}, got {answer:?}; noted: {notes:?}"))
}

/// The VMs of a row and what belongs to them.
struct Bench<'row, E: Engine, D> {
    capabilities: Capabilities,
    stage: Stage<'row, E>,
    dialect: &'row D,
    limits: RunLimits,
    programs: HashMap<Program, E::Program>,
    places: Vec<Place<E::Vm>>,
    used: usize,
    parked: Vec<Option<(<E::Vm as Vm>::Parked, Run)>>,
    outcome: Option<Outcome>,
}

/// A VM with its run.
struct Place<V> {
    vm: V,
    run: Run,
}

/// What the outside knows of a run.
#[derive(Clone)]
struct Run {
    clock: Arc<TickingClock>,
    interrupt: Arc<Interrupt>,
    last_call: Option<u32>,
}

impl Run {
    fn new(tick: Duration) -> Self {
        let clock = Arc::new(TickingClock::new(tick));
        let interrupt = Arc::new(Interrupt::new(clock.clone()));
        interrupt.start(WALL_TIME);
        Self { clock, interrupt, last_call: None }
    }
}

impl<E: Engine, D: Dialect> Bench<'_, E, D> {
    fn act(&mut self, action: &Action) -> Checked<String> {
        match *action {
            Action::Use(used) => {
                self.used = used;
                self.place().map(|_| String::new())
            }
            Action::Start(program) => self.start(program, Run::new(TICK), 1, true),
            Action::StartSeeded(program, seed) => self.start(program, Run::new(TICK), seed, true),
            Action::StartOnce(program) => self.start(program, Run::new(TICK), 1, false),
            Action::StartAndRequest(program, why) => self.start_and_request(program, why),
            Action::StartRequested(program, why) => {
                let run = Run::new(TICK);
                run.interrupt.request(why);
                self.start(program, run, 1, true)
            }
            Action::StartExpired(program) => {
                let run = Run::new(TICK);
                run.clock.advance(WALL_TIME);
                self.start(program, run, 1, true)
            }
            Action::StartOnCompiler(program) => self.start_on_compiler(program),
            Action::GoOnce => self.resume(Resume::Go, false),
            Action::Reply(replies) => {
                let replies = replies.iter().map(|&(call, json)| world::reply(call, json)).collect();
                self.resume(Resume::Replies(replies), true)
            }
            Action::Fail(call, kind) => {
                let failure = HostReply { result: Err(world::host_failure(kind)), ..world::reply(call, "") };
                self.resume(Resume::Replies(vec![failure]), true)
            }
            Action::Request(why) => {
                self.place()?.run.interrupt.request(why);
                Ok(String::new())
            }
            Action::Expire => {
                self.place()?.run.clock.advance(WALL_TIME);
                Ok(String::new())
            }
            Action::Abort(why) => {
                let outcome = self.place()?.vm.abort(why);
                self.ended(Step::Done(outcome))
            }
            Action::Elsewhere(action) => {
                let engine = self.stage.engine;
                on_thread(engine, stage::thread_bytes(engine), || self.act(action))
            }
            Action::Park => self.park(),
            Action::Unpark(number) => self.unpark(number),
            Action::DropParked(number) => self.take_parked(number).map(|_| String::new()),
            Action::AbortParked(number, why) => {
                let (parked, _) = self.take_parked(number)?;
                ensure(parked.bytes() > 0, || "a parked run that holds nothing".into())?;
                self.ended(Step::Done(parked.abort(why)))
            }
            Action::Reset => self.reset(),
            Action::Logs => {
                let lines = self.place()?.vm.take_logs();
                inspect_logs(&lines, &self.limits)?;
                Ok(text::logs(&lines))
            }
            Action::LogsTruncated => {
                let outcome = self.outcome.as_ref().ok_or("no run has ended")?;
                Ok(outcome.logs_truncated.map_or("none".into(), |cut| format!("{} lines", cut.lines)))
            }
            Action::Warnings => Ok(text::warnings(self.outcome.as_ref().ok_or("no run has ended")?)),
            Action::Compile(program) => self.compile(program, None).map(|result| text::compiled(&result)),
            Action::CompileRequested(program, why) => {
                self.compile(program, Some(why)).map(|result| text::compiled(&result))
            }
            Action::CompileTwice(program) => self.compile_twice(program),
            Action::CompileOnRunner(program) => {
                let source = self.source(program)?;
                let (limits, interrupt) = (self.limits.clone(), Run::new(TICK).interrupt);
                Ok(compiled_once(self.place()?.vm.compile(&source, &limits, &interrupt)))
            }
            Action::ResumeCompile => Ok(compiled_once(self.place()?.vm.resume_compile())),
        }
    }

    /// The VM in use.
    fn place(&mut self) -> Checked<&mut Place<E::Vm>> {
        while self.places.len() <= self.used {
            let vm = self.stage.vm(Purpose::Run)?;
            self.places.push(Place { vm, run: Run::new(TICK) });
        }
        Ok(&mut self.places[self.used])
    }

    fn source(&self, program: Program) -> Checked<isolet_core_traits::Source> {
        let text = self.dialect.source(program).ok_or("the language cannot say this")?;
        Ok(stage::source(&text, SourceKind::Script))
    }

    fn compile(&self, program: Program, why: Option<Abort>) -> Checked<Result<E::Program, CompileFailure>> {
        let interrupt = Run::new(TICK).interrupt;
        if let Some(why) = why {
            interrupt.request(why);
        }
        self.stage.compile(&self.source(program)?, &self.limits, &interrupt)
    }

    /// A program, compiled once in a row.
    fn program(&mut self, program: Program) -> Checked<E::Program> {
        if let Some(compiled) = self.programs.get(&program) {
            return Ok(compiled.clone());
        }
        let compiled = self.compile(program, None)?;
        let compiled = compiled.map_err(|failure| format!("did not compile: {failure:?}"))?;
        self.programs.insert(program, compiled.clone());
        Ok(compiled)
    }

    fn compile_twice(&mut self, program: Program) -> Checked<String> {
        let (source, mut answers) = (self.source(program)?, Vec::new());
        let mut vm = self.stage.vm(Purpose::Compile)?;
        for _ in 0..2 {
            let result = stage::compile(&mut vm, &source, &self.limits, &Run::new(TICK).interrupt)?;
            answers.push(text::compiled(&result));
            answers.push(reset_text(vm.reset(), self.capabilities)?);
        }
        Ok(answers.join(", "))
    }

    fn start(&mut self, program: Program, run: Run, seed: u64, goes_on: bool) -> Checked<String> {
        let program = self.program(program)?;
        let invocation = stage::invocation(INPUT, CONTEXT, seed)?;
        let limits = self.limits.clone();
        let place = self.place()?;
        place.run = run.clone();
        let step = place.vm.start(&program, invocation, limits, run.interrupt);
        let step = if goes_on { go_on(&mut place.vm, step) } else { step };
        self.ended(step)
    }

    fn start_and_request(&mut self, program: Program, why: Abort) -> Checked<String> {
        const READINGS: u64 = 10;
        self.program(program)?;
        let run = Run::new(Duration::ZERO);
        let (clock, interrupt) = (run.clock.clone(), run.interrupt.clone());
        let (before, is_over) = (clock.readings(), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while clock.readings() < before + READINGS && !is_over.load(SeqCst) {
                    thread::yield_now();
                }
                interrupt.request(why);
            });
            let answer = self.start(program, run, 1, true);
            is_over.store(true, SeqCst);
            answer
        })
    }

    fn start_on_compiler(&mut self, program: Program) -> Checked<String> {
        let program = self.program(program)?;
        let mut vm = self.stage.vm(Purpose::Compile)?;
        let invocation = stage::invocation(INPUT, CONTEXT, 1)?;
        let step = vm.start(&program, invocation, self.limits.clone(), Run::new(TICK).interrupt);
        Ok(text::step(&step, &self.stage.environment.host))
    }

    fn resume(&mut self, with: Resume, goes_on: bool) -> Checked<String> {
        let place = self.place()?;
        let step = place.vm.resume(with);
        let step = if goes_on { go_on(&mut place.vm, step) } else { step };
        self.ended(step)
    }

    /// Inspects a step and says it in words.
    fn ended(&mut self, step: Step) -> Checked<String> {
        let limits = self.limits.clone();
        if let Step::HostCalls { calls, .. } = &step {
            let run = &mut self.place()?.run;
            for call in calls {
                inspect_call(call, run.last_call, &limits)?;
                run.last_call = Some(call.id.0);
            }
        }
        let answer = text::step(&step, &self.stage.environment.host);
        if let Step::Done(outcome) = step {
            inspect_outcome(&outcome, &limits)?;
            self.outcome = Some(outcome);
        }
        Ok(answer)
    }

    fn park(&mut self) -> Checked<String> {
        let place = self.place()?;
        let parked = place.vm.park();
        let run = place.run.clone();
        Ok(match parked {
            Ok(parked) => {
                self.parked.push(Some((parked, run)));
                "parked".into()
            }
            Err(why) => format!("{why:?}"),
        })
    }

    fn unpark(&mut self, number: usize) -> Checked<String> {
        let (parked, run) = self.take_parked(number)?;
        let place = self.place()?;
        place.run = run;
        Ok(match place.vm.unpark(parked) {
            Ok(()) => "unparked".into(),
            Err(_) => "refused".into(),
        })
    }

    fn take_parked(&mut self, number: usize) -> Checked<(<E::Vm as Vm>::Parked, Run)> {
        let parked = self.parked.get_mut(number).and_then(Option::take);
        parked.ok_or_else(|| format!("there is no parked run {number}"))
    }

    /// Resets the VM in use; one that cannot be used again is dropped, and the next action makes another.
    fn reset(&mut self) -> Checked<String> {
        let capabilities = self.capabilities;
        let place = self.place()?;
        let reset = place.vm.reset();
        if reset == Reset::Discard {
            let used = self.used;
            self.places[used] = Place { vm: self.stage.vm(Purpose::Run)?, run: Run::new(TICK) };
        }
        reset_text(reset, capabilities)
    }
}

fn reset_text(reset: Reset, capabilities: Capabilities) -> Checked<String> {
    ensure(reset == Reset::Discard || capabilities.reuse, || "pristine, but the engine says it cannot".into())?;
    Ok(format!("{reset:?}"))
}

fn compiled_once<P>(compilation: Compilation<P>) -> String {
    match compilation {
        Compilation::Preempted => "preempted".into(),
        Compilation::Done(result) => text::compiled(&result),
    }
}
