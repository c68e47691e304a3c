//! What every engine must do, as rows of data.
//!
//! ```text
//! traces   what is done to a VM and what it answers, for programs told without a language (`Dialect` writes them)
//! scripts  JavaScript and how it ends, for engines that speak it
//! seals    what is done to sealed bytes, and whether they open
//! ```
//!
//! Each engine's crate runs them all from its own tests:
//!
//! ```
//! use isolet_testkit::{FakeEngine, conformance};
//!
//! let report = conformance::run(&FakeEngine::default(), &conformance::Fake);
//! assert!(report.failed.is_empty(), "{report}");
//! ```
//!
//! Rows that need what an engine cannot do by its own [`Capabilities`] do not apply; the report counts and names them.
//! A row that an engine claims to be able to do and does not, fails.
//!
//! Each row runs on a thread of its own with the stack that the engine asks for. A row written in JavaScript is run
//! a second time on the same VM after a reset, and must end the same way.
//!
//! The suite does *not* measure anything, and cannot see what an engine leaks outside of its VMs.

mod dialect;
pub mod hostile;
mod script;
mod scripts;
mod seal;
pub(crate) mod stage;
pub(crate) mod text;
mod trace;
mod traces;
pub(crate) mod world;

use std::fmt;

use isolet_core_traits::{Capabilities, Engine, EngineError, Purpose};

pub use self::dialect::{Dialect, Fake, JavaScript, Program};

use self::script::Script;
use self::seal::SealRow;
use self::stage::{Checked, Stage, ensure};
use self::trace::Trace;

/// What an engine must be able to do for a row to apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// VMs are used again.
    Reuse,
    /// VMs are not used again.
    NoReuse,
    /// Runs can be parked.
    Park,
    /// Runs cannot be parked.
    NoPark,
    /// Runs are preempted.
    Slice,
    /// Ends hold inside long natives.
    KillInNatives,
    /// The engine never sees a failed allocation.
    HardMemory,
}

impl Need {
    fn is_met(self, capabilities: Capabilities) -> bool {
        match self {
            Self::Reuse => capabilities.reuse,
            Self::NoReuse => !capabilities.reuse,
            Self::Park => capabilities.park,
            Self::NoPark => !capabilities.park,
            Self::Slice => capabilities.slice,
            Self::KillInNatives => capabilities.kill_in_natives,
            Self::HardMemory => capabilities.hard_memory,
        }
    }
}

/// One row of the suite.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    group: &'static str,
    case: Case,
}

#[derive(Debug, Clone, Copy)]
enum Case {
    Trace(&'static Trace),
    Script(&'static Script),
    Seal(&'static SealRow),
    SealEveryBit,
    BrokenSetup,
}

impl Row {
    /// Its group.
    pub fn group(&self) -> &'static str {
        self.group
    }

    /// Its name, unique in its group.
    pub fn name(&self) -> &'static str {
        match self.case {
            Case::Trace(trace) => trace.name,
            Case::Script(script) => script.name,
            Case::Seal(seal) => seal.name,
            Case::SealEveryBit => "any bit changed, any length",
            Case::BrokenSetup => "a setup script that throws is named",
        }
    }

    fn needs(&self) -> &'static [Need] {
        match self.case {
            Case::Trace(trace) => trace.needs,
            Case::Script(script) => script.needs,
            Case::Seal(_) | Case::SealEveryBit | Case::BrokenSetup => &[],
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.group, self.name())
    }
}

/// What came of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The engine did what it must.
    Passed,
    /// The row is in another language, or needs what the engine says that it cannot.
    NotApplicable,
    /// The engine did something else.
    Failed(String),
}

/// All rows.
pub fn rows() -> impl Iterator<Item = Row> {
    let traces =
        traces::GROUPS.iter().flat_map(|(group, rows)| rows.iter().map(|row| Row { group, case: Case::Trace(row) }));
    let scripts =
        scripts::GROUPS.iter().flat_map(|(group, rows)| rows.iter().map(|row| Row { group, case: Case::Script(row) }));
    let seals = seal::ROWS.iter().map(|row| Row { group: "seal", case: Case::Seal(row) });
    let others = [("seal", Case::SealEveryBit), ("setup", Case::BrokenSetup)].map(|(group, case)| Row { group, case });
    traces.chain(scripts).chain(seals).chain(others)
}

/// Runs one row.
pub fn check<E: Engine, D: Dialect>(engine: &E, dialect: &D, row: &Row) -> Verdict {
    let capabilities = engine.capabilities();
    let is_sayable = match row.case {
        Case::Trace(trace) => trace::is_expressible(trace, dialect),
        Case::Script(_) | Case::BrokenSetup => dialect.is_javascript(),
        Case::Seal(_) | Case::SealEveryBit => true,
    };
    if !is_sayable || !row.needs().iter().all(|need| need.is_met(capabilities)) {
        return Verdict::NotApplicable;
    }
    let checked = match row.case {
        Case::Trace(trace) => trace::check(engine, dialect, trace),
        Case::Script(script) => script::check(engine, script),
        Case::Seal(seal) => seal::check(engine, dialect, seal),
        Case::SealEveryBit => seal::check_every_bit(engine, dialect),
        Case::BrokenSetup => check_broken_setup(engine),
    };
    checked.map_or_else(Verdict::Failed, |()| Verdict::Passed)
}

fn check_broken_setup<E: Engine>(engine: &E) -> Checked<()> {
    stage::on_thread(engine, stage::thread_bytes(engine), || {
        let stage = Stage { engine, environment: world::broken_environment() };
        match stage.try_vm(Purpose::Run) {
            Err(EngineError::Setup { script, message }) => {
                let is_named = script == world::SETUP_NAME && message.contains("broken setup");
                ensure(is_named, || format!("the failure of {script} says {message:?}"))
            }
            Err(error) => Err(format!("another failure: {error}")),
            Ok(_) => Err("a VM was made".into()),
        }
    })
}

/// Runs all rows.
pub fn run<E: Engine, D: Dialect>(engine: &E, dialect: &D) -> Report {
    run_rows(engine, dialect, rows())
}

/// Runs these rows.
pub fn run_rows<E: Engine, D: Dialect>(engine: &E, dialect: &D, rows: impl IntoIterator<Item = Row>) -> Report {
    let mut report = Report::default();
    for row in rows {
        match check(engine, dialect, &row) {
            Verdict::Passed => report.passed.push(row.to_string()),
            Verdict::NotApplicable => report.not_applicable.push(row.to_string()),
            Verdict::Failed(message) => report.failed.push((row.to_string(), message)),
        }
    }
    report
}

/// What came of the rows, each by its name.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// The rows that passed.
    pub passed: Vec<String>,
    /// The rows that do not apply.
    pub not_applicable: Vec<String>,
    /// The rows that failed, each with what happened.
    pub failed: Vec<(String, String)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (passed, others, failed) = (self.passed.len(), self.not_applicable.len(), self.failed.len());
        write!(f, "{passed} rows passed, {others} do not apply, {failed} failed")?;
        self.failed.iter().try_for_each(|(row, message)| write!(f, "\n{row}\n    {message}"))
    }
}
