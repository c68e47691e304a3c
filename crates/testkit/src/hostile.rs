//! Hostile scripts as data: what each one does, and the ends that are right for it.
//!
//! Every engine runs the whole table; after each row the next run must find its VM as if the row had never been.
//! The rows assume a run of 250 ms of wall time, 32 MiB of memory, 1 MiB of output, and 256 KiB or 1,000 lines of
//! logs; `input` is an object.
//!
//! A script that checks something itself throws when the check fails, so that `Ok` means "held", not only "ended".
//! More than one status in `allowed` has a reason beside the row: either the contract leaves the choice open, or two
//! limits are so close together that the machine's speed decides.

use isolet_core_traits::{SourceKind, Status};

mod console;
mod errors;
mod escape;
mod loops;
mod memory;
mod natives;
mod output;
mod pollution;
mod promises;
mod stack;

/// One hostile script and the ends that are right for it.
#[derive(Clone, Copy, Debug)]
pub struct Hostile {
    /// What the script does, unique in the table.
    pub name: &'static str,
    /// The script.
    pub source: &'static str,
    /// How to read `source`; never [`SourceKind::Auto`].
    pub kind: SourceKind,
    /// The statuses that are right; any other one is a failure.
    pub allowed: &'static [Status],
    /// What an engine must be able to do for the row to mean anything.
    pub requires: Requirement,
}

/// What an engine must be able to do before a row is run on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Any engine.
    None,
    /// An engine that stops a run inside a native builtin.
    KillInNatives,
    /// An engine that never sees a failed allocation: the run is left at once, and no handler of the script runs.
    HardMemory,
}

/// All hostile scripts, by theme.
pub fn all() -> impl Iterator<Item = &'static Hostile> {
    THEMES.iter().copied().flatten()
}

const THEMES: &[&[Hostile]] = &[
    loops::ROWS,
    promises::ROWS,
    memory::ROWS,
    stack::ROWS,
    natives::ROWS,
    output::ROWS,
    errors::ROWS,
    console::ROWS,
    pollution::ROWS,
    escape::ROWS,
];

const OK: &[Status] = &[Status::Ok];
const SYNTAX: &[Status] = &[Status::SyntaxError];
const RUNTIME: &[Status] = &[Status::RuntimeError];
const OUTPUT: &[Status] = &[Status::OutputError];
const TIMEOUT: &[Status] = &[Status::Timeout];
const MEMORY: &[Status] = &[Status::MemoryExceeded];

const OK_OR_RUNTIME: &[Status] = &[Status::Ok, Status::RuntimeError];
const OK_OR_OUTPUT: &[Status] = &[Status::Ok, Status::OutputError];
const OK_OR_TIMEOUT: &[Status] = &[Status::Ok, Status::Timeout];
const OK_OR_MEMORY: &[Status] = &[Status::Ok, Status::MemoryExceeded];
const RUNTIME_OR_TIMEOUT: &[Status] = &[Status::RuntimeError, Status::Timeout];
const RUNTIME_OR_MEMORY: &[Status] = &[Status::RuntimeError, Status::MemoryExceeded];
const OUTPUT_OR_RUNTIME: &[Status] = &[Status::OutputError, Status::RuntimeError];
const TIMEOUT_OR_MEMORY: &[Status] = &[Status::Timeout, Status::MemoryExceeded];
const BLOCKED: &[Status] = &[Status::SandboxViolation, Status::RuntimeError];

const fn row(kind: SourceKind, name: &'static str, source: &'static str, allowed: &'static [Status]) -> Hostile {
    Hostile { name, source, kind, allowed, requires: Requirement::None }
}

const fn script(name: &'static str, source: &'static str, allowed: &'static [Status]) -> Hostile {
    row(SourceKind::Script, name, source, allowed)
}

const fn module(name: &'static str, source: &'static str, allowed: &'static [Status]) -> Hostile {
    row(SourceKind::Module, name, source, allowed)
}

const fn body(name: &'static str, source: &'static str, allowed: &'static [Status]) -> Hostile {
    row(SourceKind::Body, name, source, allowed)
}

impl Hostile {
    const fn requires(self, requires: Requirement) -> Self {
        Self { requires, ..self }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_unique_and_every_row_has_an_end() {
        let mut names = HashSet::new();
        for hostile in all() {
            assert!(names.insert(hostile.name), "two rows are named {:?}", hostile.name);
            assert!(!hostile.allowed.is_empty(), "{:?} allows nothing", hostile.name);
            assert!(!hostile.source.is_empty(), "{:?} is empty", hostile.name);
        }
        assert!(names.len() >= 60, "only {} rows", names.len());
    }
}
