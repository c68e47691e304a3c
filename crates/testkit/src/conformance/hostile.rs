//! Runs the [hostile scripts](crate::hostile) on an engine and says which status each of them ends in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    Abort, Capabilities, CompileFailure, End, Engine, Environment, FailureKind, Interrupt, MonotonicClock, Purpose,
    Reset, RunLimits, SourceKind, Status, Step, Vm,
};

use super::stage::{self, Checked, Stage, ensure, go_on, on_thread};
use super::{text, world};
use crate::hostile::{Hostile, Requirement, all};

/// What came of one hostile script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It ended in a status that is right, and left no trace.
    Held(Status),
    /// It needs what the engine says that it cannot.
    NotRun(Requirement),
    /// It ended in another status, left a trace, or broke something.
    Broke(String),
}

/// Wall time of a run that may end by it. The scripts are made for it; all others get [`OWN_WALL_TIME`], so that how
/// fast the machine is decides nothing.
const WALL_TIME: Duration = Duration::from_millis(250);
/// Wall time of a compilation and of the suite's own scripts: generous, for slow machines.
const OWN_WALL_TIME: Duration = Duration::from_secs(30);

/// Runs one script in a world of nothing but a console.
pub fn check<E: Engine>(engine: &E, row: &Hostile) -> Verdict {
    check_in(engine, &world::bare_environment(), row)
}

/// Runs one script in a world of the caller's, which must have a `console`.
pub fn check_in<E: Engine>(engine: &E, environment: &Arc<Environment>, row: &Hostile) -> Verdict {
    if !is_met(row.requires, engine.capabilities()) {
        return Verdict::NotRun(row.requires);
    }
    let stage = Stage { engine, environment: environment.clone() };
    let checked = on_thread(engine, stage::thread_bytes(engine), || {
        let mut vm = stage.vm(Purpose::Run)?;
        let before = match engine.capabilities().reuse {
            true => Some(fingerprint(&stage, &mut vm)?),
            false => None,
        };
        let (status, told) = run(&stage, &mut vm, row)?;
        ensure(row.allowed.contains(&status), || format!("expected one of {:?}, got {status}: {told}", row.allowed))?;
        if let Some(before) = before {
            ensure(vm.reset() == Reset::Pristine, || format!("after {status} the VM cannot be used again"))?;
            let after = fingerprint(&stage, &mut vm)?;
            ensure(before == after, || format!("after {status} the world is {after}, it was {before}"))?;
        }
        Ok(status)
    });
    checked.map_or_else(Verdict::Broke, Verdict::Held)
}

/// Runs all scripts in a world of nothing but a console.
pub fn run_all<E: Engine>(engine: &E) -> Report {
    run_rows(engine, all())
}

/// Runs these scripts in a world of nothing but a console.
pub fn run_rows<E: Engine>(engine: &E, rows: impl IntoIterator<Item = &'static Hostile>) -> Report {
    run_rows_in(engine, &world::bare_environment(), rows)
}

/// Runs all scripts in a world of the caller's.
pub fn run_all_in<E: Engine>(engine: &E, environment: &Arc<Environment>) -> Report {
    run_rows_in(engine, environment, all())
}

fn run_rows_in<E: Engine>(
    engine: &E,
    environment: &Arc<Environment>,
    rows: impl IntoIterator<Item = &'static Hostile>,
) -> Report {
    let mut report = Report::default();
    for row in rows {
        match check_in(engine, environment, row) {
            Verdict::Held(status) => report.held.push((row.name, status)),
            Verdict::NotRun(_) => report.not_run.push(row.name),
            Verdict::Broke(message) => report.broke.push((row.name, message)),
        }
    }
    report
}

/// What came of the scripts, each by its name.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The scripts that ended right.
    pub held: Vec<(&'static str, Status)>,
    /// The scripts that were not run.
    pub not_run: Vec<&'static str>,
    /// The scripts that did not end right, each with what happened.
    pub broke: Vec<(&'static str, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (held, broke) = (self.held.len(), self.broke.len());
        write!(f, "{held} hostile scripts held, {broke} broke through, {} not run", self.not_run.len())?;
        self.not_run.iter().try_for_each(|row| write!(f, "\nnot run: {row}"))?;
        self.broke.iter().try_for_each(|(row, message)| write!(f, "\n{row}\n    {message}"))
    }
}

fn is_met(requirement: Requirement, capabilities: Capabilities) -> bool {
    match requirement {
        Requirement::None => true,
        Requirement::KillInNatives => capabilities.kill_in_natives,
        Requirement::HardMemory => capabilities.hard_memory,
    }
}

fn limits(row: &Hostile) -> RunLimits {
    let wall_time = if row.allowed.contains(&Status::Timeout) { WALL_TIME } else { OWN_WALL_TIME };
    RunLimits { wall_time, memory_bytes: 32 << 20, ..RunLimits::default() }
}

fn started(wall_time: Duration) -> Arc<Interrupt> {
    let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
    interrupt.start(wall_time);
    Arc::new(interrupt)
}

/// The status that a row ends in, and what is told of it.
fn run<E: Engine>(stage: &Stage<'_, E>, vm: &mut E::Vm, row: &Hostile) -> Checked<(Status, String)> {
    let source = stage::source(row.source, row.kind);
    let limits = limits(row);
    let compiled = stage.compile(&source, &limits, &started(OWN_WALL_TIME))?;
    let told = text::compiled(&compiled);
    let program = match compiled {
        Ok(program) => program,
        Err(failure) => return Ok((status_of_compilation(&failure), told)),
    };
    let invocation = stage::invocation(r#"{"n":1}"#, r#"{"tenant":"acme","user":{"id":7}}"#, 1)?;
    let step = vm.start(&program, invocation, limits.clone(), started(limits.wall_time));
    let outcome = match go_on(vm, step) {
        Step::Done(outcome) => outcome,
        Step::Stalled => vm.abort(Abort::NeverSettled),
        // A world may hold host operations; here nobody answers them.
        Step::HostCalls { .. } | Step::Preempted => vm.abort(Abort::Deadline),
    };
    stage::inspect_outcome(&outcome, &limits)?;
    stage::inspect_logs(&vm.take_logs(), &limits)?;
    Ok((status(&outcome.end), text::end(&outcome.end)))
}

/// Everything that a script can reach, as text.
fn fingerprint<E: Engine>(stage: &Stage<'_, E>, vm: &mut E::Vm) -> Checked<String> {
    let source = stage::source(world::FINGERPRINT, SourceKind::Script);
    let compiled = stage.compile(&source, &RunLimits::default(), &started(OWN_WALL_TIME))?;
    let program = compiled.map_err(|failure| format!("the fingerprint did not compile: {failure:?}"))?;
    let step = vm.start(&program, stage::invocation("null", "{}", 1)?, RunLimits::default(), started(OWN_WALL_TIME));
    let told = text::step(&go_on(vm, step), &stage.environment.host);
    ensure(told.starts_with("done ["), || format!("the fingerprint ended so: {told}"))?;
    ensure(vm.reset() == Reset::Pristine, || "after the fingerprint the VM cannot be used again".into())?;
    Ok(told)
}

fn status(end: &End) -> Status {
    match end {
        End::Output(_) => Status::Ok,
        End::Failed(failure) => match failure.kind {
            FailureKind::Runtime => Status::RuntimeError,
            FailureKind::SandboxViolation => Status::SandboxViolation,
            FailureKind::RateLimited => Status::RateLimited,
            FailureKind::Output => Status::OutputError,
            FailureKind::Host => Status::HostError,
        },
        End::Aborted { why, .. } => status_of_abort(*why),
        End::OutOfMemory { .. } => Status::MemoryExceeded,
        End::EngineFault => Status::EngineFault,
    }
}

fn status_of_compilation(failure: &CompileFailure) -> Status {
    match failure {
        CompileFailure::Syntax(_) => Status::SyntaxError,
        CompileFailure::Aborted(why) => status_of_abort(*why),
        CompileFailure::OutOfMemory { .. } => Status::MemoryExceeded,
        _ => Status::EngineFault,
    }
}

fn status_of_abort(why: Abort) -> Status {
    match why {
        Abort::Deadline | Abort::CpuTime => Status::Timeout,
        Abort::Cancelled => Status::Cancelled,
        Abort::NeverSettled => Status::RuntimeError,
    }
}
