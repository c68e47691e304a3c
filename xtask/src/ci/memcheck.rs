//! The step that runs the engine's tests under a memory checker, in a subset: everything is some thirty times slower.
//!
//! ```text
//! cargo test --no-run ── executables of the engine's tests ── valgrind, one process a part ── counts and reports
//! ```
//!
//! In the portable form the engine's blocks are the system allocator's, so that each byte read or written beside a block
//! is seen, each one used after it was freed, and each decision by a byte that nobody wrote; and what Rust forgot to free.
//! In an arena all blocks lie in one mapping: there only what is beside the arena is seen, stacks, and what Rust loses
//! when a run is left. This does not see what depends on timing, a `Value` freed too rarely (its block goes with its
//! realm), nor the rows that are left out: the step names them.

mod parts;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use cargo_metadata::{Message, PackageId};

use self::parts::{PARTS, Part};
use super::step::Report;
use super::tally::{Tally, listed};
use super::tests::objections;
use crate::process::{cargo, stdout};
use crate::workspace::Workspace;

/// The package whose tests are run.
const PACKAGE: &str = "isolet-engine-quickjs";
/// What valgrind exits with if it has reported something; no test program exits so.
const REPORTED: i32 = 99;
/// What is known to be no fault, each with the reason.
const SUPPRESSIONS: &str = "xtask/src/ci/memcheck/benign.supp";
/// Names rows that the engine's tests leave out, one a line.
const LEFT_OUT: &str = "ISOLET_ROWS_LEFT_OUT";

/// Test programs by their target's name.
type Executables = BTreeMap<String, PathBuf>;

/// The checker has nothing to report of any part.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    let executables = executables(workspace)?;
    let (parts, report) = (Mutex::new(PARTS.iter()), Mutex::new(Report::default()));
    let next = || locked(&parts).next();
    let work = || {
        while let Some(part) = next() {
            let finished = run(workspace, &executables, part);
            locked(&report).add(part, finished);
        }
    };
    // Valgrind runs the threads of a process one after another, so that each core can have a part of its own.
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(work);
        }
    });
    Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Report {
    fn add(&mut self, part: &Part, finished: Result<Finished>) {
        match finished {
            Ok(finished) => {
                let failures = finished.failures().into_iter();
                self.failures.extend(failures.map(|failure| format!("{}: {failure}", part.name)));
                self.notes.push(finished.note(part));
                self.tests += finished.tests;
            }
            Err(error) => self.failures.push(format!("{}: {error:#}", part.name)),
        }
    }
}

/// How many tests wait for the checker.
pub(super) fn count(workspace: &Workspace) -> Result<u64> {
    let executables = executables(workspace)?;
    let counts = PARTS.iter().map(|part| {
        let mut list = Command::new(part.executable(&executables)?);
        Ok(listed(&stdout(list.args(part.arguments).arg("--list"))?))
    });
    counts.sum()
}

/// Builds the same selection as the other steps that run tests do, so that nothing is built twice.
fn executables(workspace: &Workspace) -> Result<Executables> {
    let build = ["test", "--workspace", "--locked", "--tests", "--no-run"];
    let messages = "--message-format=json-render-diagnostics";
    let messages = stdout(&mut cargo(workspace.root(), &[&build[..], &[messages]].concat()))?;
    let package = workspace.members().into_iter().find(|package| package.name == PACKAGE);
    built(&messages, &package.with_context(|| format!("{PACKAGE} is not there"))?.id)
}

/// The test programs of a package, by cargo's messages.
fn built(messages: &str, package: &PackageId) -> Result<Executables> {
    let mut executables = Executables::new();
    for message in Message::parse_stream(messages.as_bytes()) {
        if let Message::CompilerArtifact(artifact) = message.context("failed to read cargo's messages")?
            && artifact.package_id == *package
            && artifact.profile.test
            && let Some(executable) = artifact.executable
        {
            executables.insert(artifact.target.name, executable.into_std_path_buf());
        }
    }
    Ok(executables)
}

impl Part {
    fn executable<'a>(&self, executables: &'a Executables) -> Result<&'a PathBuf> {
        executables.get(self.target).with_context(|| format!("{PACKAGE} has no test program {}", self.target))
    }
}

/// What came of a part.
struct Finished {
    tests: Tally,
    code: Option<i32>,
    elapsed: Duration,
}

/// Runs a part and prints what it wrote when it is over, because the parts would write into each other's lines.
fn run(workspace: &Workspace, executables: &Executables, part: &Part) -> Result<Finished> {
    let start = Instant::now();
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--quiet", "--vgdb=no", "--num-callers=40"]).arg(format!("--error-exitcode={REPORTED}"));
    valgrind.args(["--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
    // The handler of page faults goes back to where a write faulted, which needs every register.
    valgrind.arg("--vex-iropt-register-updates=allregs-at-mem-access");
    valgrind.arg(format!("--suppressions={SUPPRESSIONS}")).arg(part.executable(executables)?).args(part.arguments);
    // A backtrace of a test that is to panic would read all debug information, which takes long.
    valgrind.env("RUST_BACKTRACE", "0").env(LEFT_OUT, part.left_out.join("\n")).envs(part.environment.iter().copied());
    let Output { status, stdout, stderr } =
        valgrind.current_dir(workspace.root()).output().context("failed to start valgrind")?;
    let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    println!("\n{}\n{stdout}{stderr}", part.name);
    let mut tests = Tally::default();
    stdout.lines().filter_map(Tally::from_line).for_each(|line| tests += line);
    Ok(Finished { tests, code: status.code(), elapsed: start.elapsed() })
}

impl Finished {
    fn failures(&self) -> Vec<String> {
        let ended = match self.code {
            Some(0) => None,
            Some(REPORTED) => Some("memcheck has reported something: see above".to_owned()),
            Some(code) => Some(format!("ended with exit status {code}")),
            None => Some("was killed by a signal".to_owned()),
        };
        ended.into_iter().chain(objections(self.tests)).collect()
    }

    fn note(&self, part: &Part) -> String {
        let (ran, seconds) = (self.tests.ran(), self.elapsed.as_secs());
        let environment = part.environment.iter().map(|(name, value)| format!(", {name}={value}"));
        let settings: String = environment.collect();
        let left_out = match part.left_out {
            [] => String::new(),
            rows => format!("; without {} rows: {}", rows.len(), rows.join("; ")),
        };
        format!("{}: {ran} tests in {seconds} s{settings}{left_out}", part.name)
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn whatever_goes_wrong_is_a_failure() {
        let passed = Tally { passed: 1, failed: 0, skipped: 0 };
        for (code, tests, expected) in [
            (Some(0), passed, &[][..]),
            (Some(0), Tally::default(), &["no test ran"]),
            (Some(REPORTED), passed, &["memcheck has reported something: see above"]),
            (Some(101), Tally { passed: 0, failed: 1, skipped: 0 }, &["ended with exit status 101"]),
            (None, Tally::default(), &["was killed by a signal", "no test ran"]),
        ] {
            let finished = Finished { tests, code, elapsed: Duration::ZERO };
            assert_eq!(finished.failures(), expected);
        }
    }

    #[test]
    fn a_note_says_what_was_left_out() {
        let part = Part {
            name: "contract",
            target: "it",
            arguments: &[],
            environment: &[("CASES", "3")],
            left_out: &["limits: a map", "logs: many"],
        };
        let tests = Tally { passed: 2, failed: 0, skipped: 0 };
        let finished = Finished { tests, code: Some(0), elapsed: Duration::from_millis(7_500) };
        let expected = "contract: 2 tests in 7 s, CASES=3; without 2 rows: limits: a map; logs: many";
        assert_eq!(finished.note(&part), expected);
    }
}
