//! The steps of a run and its end, as data.

use std::sync::Arc;

use crate::failure::ScriptFailure;
use crate::host::{CallId, HostCall, HostReply};
use crate::json::JsonText;
use crate::logs::LogsTruncated;
use crate::report::{KilledIn, Warning};
use crate::source::SourceName;
use crate::world::{Seed, Timestamp};

/// What a program is started with.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The source's name: the `file` of stack frames. Programs are shared by sources of different names.
    pub source_name: SourceName,
    /// The global `input`.
    pub input: JsonText,
    /// The global `context`, deeply frozen in the VM.
    pub context: JsonText,
    /// Seeds the run's `Math.random`, and what natives draw. Equal seeds give equal sequences.
    pub random_seed: Seed,
    /// The time at which its clocks stand, if it is not the real one. An engine then evaluates the environment's lazy
    /// script [`LazyScript::FIXED_TIME`](crate::LazyScript::FIXED_TIME) before the program.
    pub now: Option<Timestamp>,
}

/// What a VM needs after it was stepped.
#[derive(Debug)]
pub enum Step {
    /// The run is over. The VM must be reset.
    Done(Outcome),
    /// The run waits for replies. At least one call is outstanding; `calls` may be empty if all of them were reported
    /// by earlier steps.
    HostCalls {
        /// New calls, in the order in which the script made them.
        calls: Vec<HostCall>,
        /// Calls reported earlier that the script does not want any more. They count as replied.
        cancelled: Vec<CallId>,
    },
    /// The slice is used up. Resume with [`Resume::Go`] on the same thread.
    Preempted,
    /// The output has not settled, and no job and no call is left that could settle it.
    /// The executor answers with [`Abort::NeverSettled`].
    Stalled,
}

/// How a run goes on.
#[derive(Debug)]
pub enum Resume {
    /// After [`Step::Preempted`].
    Go,
    /// After [`Step::HostCalls`]: at least one reply. They may be a subset of the outstanding calls, in any order.
    /// A reply to a call that is not outstanding is ignored.
    Replies(Vec<HostReply>),
}

/// Why a run is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Abort {
    /// Its wall time is used up.
    Deadline,
    /// Its CPU time is used up.
    CpuTime,
    /// Its caller does not want it any more.
    Cancelled,
    /// It stalled.
    NeverSettled,
}

/// The end of a run and what it used.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The most bytes that the VM held at once during the run, what it held before included.
    pub memory_peak_bytes: u64,
    /// Console lines beyond the limit.
    pub logs_truncated: Option<LogsTruncated>,
    /// Things that went well enough, but that the author should know.
    pub warnings: Vec<Warning>,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum End {
    /// It settled with an output.
    Output(Output),
    /// It failed on its own account.
    Failed(ScriptFailure),
    /// It was ended by a limit or from outside.
    Aborted {
        /// Which one.
        why: Abort,
        /// Where the run was.
        place: KilledIn,
    },
    /// It crossed its memory limit. No script can catch this.
    OutOfMemory {
        /// The size asked for, in bytes.
        asked: u64,
        /// The use before, in bytes.
        used: u64,
        /// The limit, in bytes.
        max: u64,
        /// Whether the run was writing its output at the time.
        writing_output: bool,
    },
    /// The engine itself failed inside the run. The VM must be discarded.
    EngineFault,
}

/// The output of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// `undefined`: the script has no output.
    Undefined,
    /// JSON text.
    Json(JsonOutput),
    /// JSON text over the limit; only its start was copied out.
    Oversized {
        /// Its whole length in bytes.
        bytes: u64,
        /// Its first [`Output::PREVIEW_BYTES_MAX`] bytes, cut at a character's boundary.
        preview: String,
    },
}

/// JSON text that an engine wrote. Trusted to be valid: engines write it with their own serializer.
pub type JsonOutput = Arc<str>;

impl Output {
    /// The longest preview, in bytes.
    pub const PREVIEW_BYTES_MAX: usize = 1 << 10;

    /// Applies the output limit to JSON text, copying no more than what is kept.
    pub fn limited(json: &str, bytes_max: usize) -> Self {
        if json.len() <= bytes_max {
            return Self::Json(json.into());
        }
        let preview = json[..json.floor_char_boundary(Self::PREVIEW_BYTES_MAX.min(bytes_max))].to_owned();
        Self::Oversized { bytes: json.len() as u64, preview }
    }
}

/// What a VM needs while it compiles.
#[derive(Debug)]
pub enum Compilation<P> {
    /// Compiled, or refused.
    Done(Result<P, CompileFailure>),
    /// The slice is used up: call [`Vm::resume_compile`](crate::Vm::resume_compile) on the same thread.
    Preempted,
}

/// Why a source was not compiled.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum CompileFailure {
    /// The source is not valid. The same for whoever compiles it.
    Syntax(Box<ScriptFailure>),
    /// Compiling crossed a limit of the run.
    Aborted(Abort),
    /// Compiling crossed the memory limit: sizes in bytes as in [`End::OutOfMemory`].
    OutOfMemory {
        /// The size asked for.
        asked: u64,
        /// The use before.
        used: u64,
        /// The limit.
        max: u64,
    },
    /// The engine itself failed.
    EngineFault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_over_the_limit_keep_a_preview() {
        assert_eq!(Output::limited("[1]", 3), Output::Json("[1]".into()));
        assert_eq!(Output::limited("\"äb\"", 2), Output::Oversized { bytes: 5, preview: "\"".into() });
        let Output::Oversized { bytes, preview } = Output::limited(&"1".repeat(5_000), 4_000) else { panic!("kept") };
        assert_eq!((bytes, preview.len()), (5_000, Output::PREVIEW_BYTES_MAX));
    }
}
