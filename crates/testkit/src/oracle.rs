//! What must hold whatever a script and its host do: the oracle of fuzzing.
//!
//! ```text
//! bytes ─decode▶ Case ─compile▶ program ─┬─▶ run, never parked ──▶ transcript ┐
//!                                        └─▶ run, parked as told ▶ transcript ┴─ equal?
//!                after each of these: reset ▶ pristine? ▶ inspect: every byte? ▶ at the end: the probe, as ever?
//! ```
//!
//! A case is a script and all that happens to it: its limits, when it is interrupted, what the host replies and when,
//! where it is parked, aborted or cancelled. Any bytes are one ([`Case::decode`]). The script is either text or the work
//! of a generator, which makes scripts that mostly compile out of what engines get wrong.
//!
//! Checked are the contract (calls, payloads, logs, outcomes and their limits; no fault of the engine), that both runs
//! can be told apart by nothing that a host sees, that a reset leaves no trace, and whatever the engine's own `inspect`
//! looks at.
//!
//! ```
//! use isolet_core_traits::SourceKind;
//! use isolet_testkit::oracle::Case;
//!
//! let bytes = Case::encode(SourceKind::Script, "await test.echo(7)");
//! assert_eq!(Case::decode(&bytes).text, "await test.echo(7)");
//! assert!(!Case::decode(b"any bytes are a case").text.is_empty());
//! ```
//!
//! Time is the number of clock readings, and `Date` stands still, so that a case ends in the same way each time.
//!
//! It does *not* see wrong results that come out the same each time, what a script is slow at, nor what needs two
//! threads. Natives that panic are left out, because fuzzers end at a panic. Numbers in texts are kept small: an engine
//! may not be stoppable inside of a builtin.

mod case;
mod choices;
mod grammar;
mod host;
mod run;
mod script;
mod world;

use std::sync::Arc;

use isolet_core_traits::{
    Abort, CompileFailure, End, Engine, Environment, Interrupt, MonotonicClock, Purpose, Resume, RunLimits, SealKey,
    SealKeys, SourceHash, Step, Vm,
};

pub use self::case::Case;
pub use self::world::Inspect;

use self::run::{Parking, Transcript};
use self::world::World;
use crate::conformance::stage::{self, Checked, ensure};
use crate::conformance::text;

/// Checks cases on an engine, one after another, on the thread on which it was made.
pub struct Oracle<'engine, E: Engine> {
    engine: &'engine E,
    inspect: Inspect<E::Vm>,
    also: Arc<Environment>,
    /// Without and with `eval`. Gone after a case that broke something.
    worlds: [Option<World<'engine, E>>; 2],
    _thread: E::Thread,
}

impl<'engine, E: Engine> Oracle<'engine, E> {
    /// An oracle with an engine's own way to look at a VM that was reset. Scripts find what the oracle itself needs, and the
    /// natives and setup scripts of `also`, which must do the same each time.
    ///
    /// The thread needs the stack that the engine asks for in its capabilities.
    ///
    /// # Errors
    /// If the engine cannot prepare the thread, in words.
    pub fn new(engine: &'engine E, inspect: Inspect<E::Vm>, also: Arc<Environment>) -> Result<Self, String> {
        let thread = engine.attach_thread().map_err(|error| format!("failed to attach the thread: {error}"))?;
        Ok(Self { engine, inspect, also, worlds: [None, None], _thread: thread })
    }

    /// Checks one case. Gives how it ended, in a few words.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn check(&mut self, case: &Case) -> Result<String, String> {
        let number = usize::from(case.eval);
        let mut world = match self.worlds[number].take() {
            Some(world) => world,
            None => World::new(self.engine, self.inspect, &self.also, case.eval)?,
        };
        let told = check(&mut world, case)?;
        self.worlds[number] = Some(world);
        Ok(told)
    }
}

impl<E: Engine> std::fmt::Debug for Oracle<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oracle").finish_non_exhaustive()
    }
}

/// Checks saved inputs, each with its name, on a thread of its own with the stack that the engine asks for.
/// Gives how many there were.
///
/// # Errors
/// The name of each input that broke something, and what.
pub fn replay<E: Engine>(
    engine: &E,
    inspect: Inspect<E::Vm>,
    also: &Arc<Environment>,
    inputs: &[(String, Vec<u8>)],
) -> Result<usize, Vec<String>> {
    let replayed = stage::on_thread(engine, stage::thread_bytes(engine), || {
        let mut oracle = Oracle::new(engine, inspect, also.clone())?;
        let mut broken = Vec::new();
        for (name, bytes) in inputs {
            if let Err(what) = oracle.check(&Case::decode(bytes)) {
                broken.push(format!("{name}: {what}"));
            }
        }
        Ok(broken)
    });
    match replayed {
        Ok(broken) if broken.is_empty() => Ok(inputs.len()),
        Ok(broken) => Err(broken),
        Err(error) => Err(vec![error]),
    }
}

fn check<E: Engine>(world: &mut World<'_, E>, case: &Case) -> Checked<String> {
    let program = match compile(world, case)? {
        Ok(program) => program,
        Err(refused) => return Ok(refused),
    };
    let is_compared = !case.is_cold || !world.engine.capabilities().reuse;
    if !case.is_cold {
        load(world, &program)?;
    }
    let first = finished(world, &program, case, Parking::Never)?;
    let second = finished(world, &program, case, Parking::AsTold)?;
    if is_compared {
        ensure(first == second, || difference(&first, &second))?;
    }
    world.probe()?;
    Ok(second.end)
}

/// Compiles the case's script. `Err` is why it was refused.
fn compile<E: Engine>(world: &mut World<'_, E>, case: &Case) -> Checked<Result<E::Program, String>> {
    let mut vm = world.vm(Purpose::Compile)?;
    let limits = match case.is_cold {
        true => case.limits.clone(),
        // What compiling takes is not what the case is about.
        false => RunLimits { memory_bytes: case.limits.memory_bytes.max(1 << 20), ..case.limits.clone() },
    };
    let interrupt = run::interrupt(&limits);
    let compiled = stage::compile(&mut vm, &stage::source(&case.text, case.kind), &limits, &interrupt)?;
    world.put_back(Purpose::Compile, vm)?;
    if let Err(failure) = &compiled {
        let is_plausible = match failure {
            CompileFailure::Aborted(why) => interrupt.poll() == Some(*why),
            CompileFailure::OutOfMemory { asked, max, .. } => *asked > 0 && *max == limits.memory_bytes,
            failure => matches!(failure, CompileFailure::Syntax(_)),
        };
        ensure(is_plausible, || format!("compiling ends so: {failure:?}"))?;
    }
    match compiled {
        Ok(program) if case.is_sealed => sealed(world.engine, &program).map(Ok),
        compiled => Ok(compiled.map_err(|failure| text::compiled::<()>(&Err(failure)))),
    }
}

/// The program as it comes back from a store.
fn sealed<E: Engine>(engine: &E, program: &E::Program) -> Checked<E::Program> {
    let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: Vec::new() };
    let source = SourceHash([1; 32]);
    let sealed = engine.seal(program, &source, &keys);
    engine.unseal(sealed, &source, &keys).map_err(|error| format!("a sealed program does not open: {error}"))
}

/// Makes the VM load the program before it is run, so that all runs of it begin in the same way.
fn load<E: Engine>(world: &mut World<'_, E>, program: &E::Program) -> Checked<()> {
    let interrupt = Arc::new(Interrupt::new(Arc::new(MonotonicClock::new())));
    interrupt.request(Abort::Cancelled);
    let mut vm = world.vm(Purpose::Run)?;
    let step = vm.start(program, stage::invocation("null", "{}", 1)?, RunLimits::default(), interrupt);
    let is_cancelled = matches!(&step, Step::Done(outcome)
        if matches!(outcome.end, End::Aborted { why: Abort::Cancelled, .. }));
    ensure(is_cancelled, || format!("cancelled before its start, a run does this: {step:?}"))?;
    world.put_back(Purpose::Run, vm)
}

fn finished<E: Engine>(
    world: &mut World<'_, E>,
    program: &E::Program,
    case: &Case,
    parking: Parking,
) -> Checked<Transcript> {
    let mut vm = world.vm(Purpose::Run)?;
    let transcript = run::run(world, &mut vm, program, case, parking)?;
    if case.is_misused {
        misuse(&mut vm)?;
    }
    world.put_back(Purpose::Run, vm).map_err(|error| format!("after {}: {error}", transcript.end))?;
    Ok(transcript)
}

/// Calls a VM whose run is over.
fn misuse<V: Vm>(vm: &mut V) -> Checked<()> {
    for resume in [Resume::Go, Resume::Replies(Vec::new())] {
        let step = vm.resume(resume);
        let is_fault = matches!(&step, Step::Done(outcome) if matches!(outcome.end, End::EngineFault));
        ensure(is_fault, || format!("a run that is over goes on: {step:?}"))?;
    }
    ensure(vm.park().is_err(), || "a run that is over was parked".into())
}

fn difference(first: &Transcript, second: &Transcript) -> String {
    if first.end != second.end {
        return format!("at first it ends as {}, then as {}", first.end, second.end);
    }
    if first.outcome != second.outcome {
        return format!("at first its outcome is {}, then {}", first.outcome, second.outcome);
    }
    format!(
        "at first it makes {} calls and {} lines, then {} calls and {} lines, or others",
        first.calls.len(),
        first.logs.len(),
        second.calls.len(),
        second.logs.len()
    )
}
