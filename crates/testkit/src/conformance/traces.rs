//! The rows about the state machine, by group.

mod calls;
mod limits;
mod misuse;
mod park;
mod reset;
mod start;
mod steps;

use super::trace::Trace;

/// All groups with their names.
pub(super) const GROUPS: &[(&str, &[Trace])] = &[
    ("start", start::ROWS),
    ("steps", steps::ROWS),
    ("calls", calls::ROWS),
    ("limits", limits::ROWS),
    ("reset", reset::ROWS),
    ("park", park::ROWS),
    ("misuse", misuse::ROWS),
];
