//! One check of `ci`, and what came of it.

use std::time::Duration;

use anyhow::Result;

use super::tally::Tally;
use crate::tools::Tool;
use crate::workspace::Workspace;

/// A check with a name.
pub(super) struct Step {
    pub(super) name: &'static str,
    /// What holds if the step passes.
    pub(super) promise: &'static str,
    pub(super) run: fn(&Workspace) -> Result<Report>,
    /// Without it the step could not run, which is no failure.
    pub(super) tool: Option<&'static Tool>,
    /// How many tests wait for the tool.
    pub(super) tests_behind: Option<fn(&Workspace) -> Result<u64>>,
}

impl Step {
    pub(super) const fn new(name: &'static str, promise: &'static str, run: fn(&Workspace) -> Result<Report>) -> Self {
        Self { name, promise, run, tool: None, tests_behind: None }
    }

    /// The step runs only where the tool is.
    pub(super) const fn needs(mut self, tool: &'static Tool) -> Self {
        self.tool = Some(tool);
        self
    }

    /// The step holds tests, which are to be counted where its tool is not.
    pub(super) const fn counts(mut self, tests: fn(&Workspace) -> Result<u64>) -> Self {
        self.tests_behind = Some(tests);
        self
    }
}

/// What a step found; it passed if there are no failures.
#[derive(Default)]
pub(super) struct Report {
    pub(super) failures: Vec<String>,
    /// What the reader should know although it is no failure.
    pub(super) notes: Vec<String>,
    pub(super) tests: Tally,
    pub(super) not_run: Option<NotRun>,
}

impl Report {
    pub(super) fn failed(failure: String) -> Self {
        Self::of(vec![failure])
    }

    pub(super) fn of(failures: Vec<String>) -> Self {
        Self { failures, ..Self::default() }
    }

    pub(super) fn not_run(not_run: NotRun) -> Self {
        Self { not_run: Some(not_run), ..Self::default() }
    }

    pub(super) fn note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }
}

/// Why a step could not run here.
pub(super) struct NotRun {
    /// What is not there, as a noun.
    pub(super) lacks: String,
    /// How many tests the step would have run.
    pub(super) tests: u64,
    /// The command that brings what is not there.
    pub(super) brought_by: String,
}

/// A step that was run, or could not be.
pub(super) struct Finished {
    pub(super) name: &'static str,
    pub(super) report: Report,
    pub(super) elapsed: Duration,
}
