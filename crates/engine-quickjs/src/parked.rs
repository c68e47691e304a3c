//! A run that waits for the host without its VM.

use isolet_core_traits::{Abort, End, KilledIn, Outcome, ParkedRun};

use crate::arena::Lines;
use crate::run::Progress;
use crate::state::{RunData, RunState};
use crate::vm::Script;

/// A saved run: what differs from the image of the VM that made it, and what Rust keeps for it.
pub struct Parked {
    pub(crate) lines: Lines,
    pub(crate) script: Script,
    pub(crate) progress: Progress,
    pub(crate) data: RunData,
    memory_peak_bytes: u64,
}

impl Parked {
    /// Takes the run's data out of the state.
    pub(crate) fn new(lines: Lines, script: Script, progress: Progress, state: &mut RunState) -> Self {
        let memory_peak_bytes = state.meter().peak();
        Self { lines, script, progress, data: std::mem::take(&mut state.run), memory_peak_bytes }
    }
}

impl ParkedRun for Parked {
    fn abort(mut self, why: Abort) -> Outcome {
        self.data.outcome(End::Aborted { why, place: KilledIn::Host }, self.memory_peak_bytes)
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.lines.bytes() + self.data.bytes()
    }
}

impl std::fmt::Debug for Parked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parked").field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}
