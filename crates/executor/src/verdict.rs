//! Why an execution is not ok, in the words of its report.

use std::time::Duration;

use isolet_core_traits::{
    Abort, CompileFailure, End, EngineError, ErrorReport, FailureKind, JsonError, KilledIn, KilledReport, LimitName,
    QueueReport, ScriptFailure, ScriptId, ScriptSourceError, Snippet, Source, Status, StoredScript,
};
use isolet_limits::{CpuBudgetSpent, Limits, LimitsError, Oversized};
use isolet_pool::Rejected;
use isolet_sandbox::hints;

use crate::panics::Panic;
use crate::report::microseconds;
use crate::workers::Lost;

/// The name of the error of what a shutdown ended.
const SHUTTING_DOWN: &str = "ShuttingDown";

/// An error for the report, and what only the log is told.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) error: Box<ErrorReport>,
    pub(crate) killed: Option<KilledReport>,
    /// What held it back until it was refused.
    pub(crate) queue: Option<QueueReport>,
    pub(crate) panic: Option<Panic>,
}

impl Verdict {
    fn new(kind: Status, name: &str, message: impl Into<String>) -> Self {
        let error = ErrorReport {
            kind,
            name: name.into(),
            message: message.into(),
            line: None,
            column: None,
            stack: Vec::new(),
            causes: Vec::new(),
            snippet: None,
            hint: None,
            retryable: false,
        };
        Self { error: Box::new(error), killed: None, queue: None, panic: None }
    }

    fn hint(mut self, hint: &str) -> Self {
        self.error.hint = Some(hint.into());
        self
    }

    fn retryable(mut self) -> Self {
        self.error.retryable = true;
        self
    }

    fn killed(mut self, limit: LimitName, place: KilledIn, used: u64, max: u64) -> Self {
        self.killed = Some(KilledReport { limit, place, used, max });
        self
    }

    /// Names the policy that blocks what the script did, if that is what ended it.
    pub(crate) fn under(mut self, policy: &str) -> Self {
        if self.error.kind == Status::SandboxViolation {
            self.error.hint = self.error.hint.map(|hint| hints::naming_policy(&hint, policy));
        }
        self
    }

    /// Adds the host's panic, if that is what failed.
    pub(crate) fn with_panic(self, panic: Option<Panic>) -> Self {
        let is_hosts = self.error.kind == Status::HostError;
        Self { panic: self.panic.or(panic.filter(|_| is_hosts)), ..self }
    }

    /// Its caller does not want it any more.
    pub(crate) fn cancelled() -> Self {
        Self::new(Status::Cancelled, "Cancelled", "the caller cancelled the execution").retryable()
    }

    /// It was still going on when the executor's shutdown came to its deadline.
    pub(crate) fn shut_down() -> Self {
        let message = "the execution was ended because the host is shutting down";
        Self::new(Status::Cancelled, SHUTTING_DOWN, message).retryable()
    }

    /// That is why it is cancelled, if it is.
    pub(crate) fn shut_out(self, is_shut_out: bool) -> Self {
        if is_shut_out && self.error.kind == Status::Cancelled { Self::shut_down() } else { self }
    }

    /// Whether the executor's shutdown ended it.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.error.kind == Status::Cancelled && self.error.name == SHUTTING_DOWN
    }

    /// It came when the executor took no more, while so many were going on.
    pub(crate) fn refused_by_drain(in_use: usize) -> Self {
        Rejected::Draining { in_use }.into()
    }

    /// A part of the host is gone that the execution needs. No fault of the script.
    pub(crate) fn lost(lost: Lost) -> Self {
        let message = "the host lost the execution";
        let verdict = Self::new(Status::HostError, "HostError", message).hint("try again").retryable();
        match lost {
            Lost::Panicked(panic) => Self { panic: Some(panic), ..verdict },
            Lost::Stopped | Lost::Vm | Lost::Worker | Lost::Stuck => verdict,
        }
    }

    /// The run kept its worker beyond its deadline, in something that nobody could interrupt.
    pub(crate) fn stuck(used: Used, limits: &Limits) -> Self {
        timeout(KilledIn::Native, used.wall, limits.wall_time)
    }

    pub(crate) fn engine_error(error: &EngineError) -> Self {
        Self::new(Status::HostError, "HostError", error.to_string()).retryable()
    }

    pub(crate) fn engine_fault() -> Self {
        let message = "the engine failed on this script, and its VM was discarded";
        Self::new(Status::EngineFault, "EngineFault", message)
    }

    /// Anything that was refused before it took a permit, with its figures.
    fn refused(name: &str, message: impl Into<String>) -> Self {
        Self::new(Status::Rejected, name, message)
    }

    /// It names a script, and the executor knows of none.
    pub(crate) fn no_scripts() -> Self {
        Self::refused("UnknownScript", "this executor has no store of scripts")
            .hint("give its builder one, or the source")
    }

    /// Its tenant has no script of that name.
    pub(crate) fn unknown_script(script: &ScriptId) -> Self {
        Self::refused("UnknownScript", format!("the tenant has no script {:?}", script.as_str()))
    }

    /// Its script was written for another policy than the executor's.
    pub(crate) fn other_policy(script: &StoredScript, policy: &str) -> Self {
        let wanted = script.policy.as_deref().unwrap_or_default();
        let message = format!("the script is for the policy {wanted}, this executor's is {policy}");
        Self::refused("OtherPolicy", message).hint("execute it elsewhere, or store it for this policy")
    }

    /// The caller's context does not fit together with the standard fields.
    pub(crate) fn invalid_context(error: &JsonError) -> Self {
        Self::refused("InvalidContext", error.to_string())
    }

    /// What the script itself did wrong, at its place in `source`.
    pub(crate) fn failure(kind: Status, failure: ScriptFailure, source: &Source) -> Self {
        let line = failure.place.and_then(|place| source.text().lines().nth((place.line as usize).checked_sub(1)?));
        let of_intl = line.and_then(|line| hints::about_intl(&failure, line));
        let hint = of_intl.or_else(|| hints::hint(&failure)).or_else(|| hints::about_line(&failure, line?));
        let kind = if hints::is_violation(&failure) { Status::SandboxViolation } else { kind };
        let ScriptFailure { name, message, place, stack, causes, retryable, .. } = failure;
        let error = ErrorReport {
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            snippet: place.and_then(|place| Snippet::at(source, place)),
            stack,
            causes,
            hint,
            retryable,
            ..*Self::new(kind, &name, message).error
        };
        Self { error: Box::new(error), killed: None, queue: None, panic: None }
    }

    pub(crate) fn compile_failure(failure: CompileFailure, elapsed: Duration, limits: &Limits) -> Self {
        match failure {
            CompileFailure::OutOfMemory { asked, used, max } => {
                let hint = "the source is too large or too deeply nested to be compiled";
                out_of_memory("compiling the script", asked, used, max).hint(hint)
            }
            CompileFailure::Aborted(Abort::Cancelled) => Self::cancelled(),
            CompileFailure::Aborted(_) => {
                let max = limits.compile_wall_time;
                let message = format!("compiling the script took longer than its limit of {}", seconds(max));
                let verdict = Self::new(Status::Timeout, "TimeoutError", message);
                verdict.killed(LimitName::WallMs, KilledIn::Native, milliseconds(elapsed), milliseconds(max))
            }
            _ => Self::engine_fault(),
        }
    }

    /// The end of a run without output.
    pub(crate) fn of(end: End, used: Used, limits: &Limits, source: &Source) -> Self {
        match end {
            End::Failed(failure) => Self::failure(status(failure.kind), failure, source),
            End::Aborted { why: Abort::Deadline, place } => timeout(place, used.wall, limits.wall_time),
            End::Aborted { why: Abort::CpuTime, place } => match used.budget_spent {
                Some(spent) if limits.cpu_time.is_none_or(|max| used.cpu < max) => budget_timeout(place, spent),
                _ => cpu_timeout(place, used.cpu, limits.cpu_time),
            },
            End::Aborted { why: Abort::Cancelled, .. } => Self::cancelled(),
            End::Aborted { why: Abort::NeverSettled, .. } => {
                Self::failure(Status::RuntimeError, ScriptFailure::never_settled(), source)
            }
            End::OutOfMemory { asked, used, max, writing_output } => {
                let large_output = "output too large: return less, or in parts";
                let hint =
                    if writing_output { large_output } else { "hold less at once: work through the data in parts" };
                out_of_memory("the script", asked, used, max).hint(hint)
            }
            // An output is no verdict: whoever asks for one has seen something else.
            End::EngineFault | End::Output(_) => Self::engine_fault(),
        }
    }
}

/// What a run had used when it ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) wall: Duration,
    pub(crate) cpu: Duration,
    /// The tenant's budget, if it was used up.
    pub(crate) budget_spent: Option<CpuBudgetSpent>,
}

impl From<Rejected> for Verdict {
    fn from(rejected: Rejected) -> Self {
        let name = match rejected {
            Rejected::QueueFull { .. } => "QueueFull",
            Rejected::QueueTimeout { .. } => "QueueTimeout",
            Rejected::Draining { .. } => "Draining",
            Rejected::NoVm { .. } => "NoVm",
            _ => "Rejected",
        };
        Self { queue: held_back(&rejected), ..Self::refused(name, rejected.to_string()).retryable() }
    }
}

fn held_back(rejected: &Rejected) -> Option<QueueReport> {
    let (waited, position, blocked) = match rejected {
        Rejected::QueueFull { waiting, blocked, .. } => (Duration::ZERO, *waiting, blocked),
        Rejected::QueueTimeout { waited, position, blocked, .. } => (*waited, *position, blocked),
        _ => return None,
    };
    Some(QueueReport {
        waited_us: microseconds(waited),
        waited_for: Some(blocked.by.waited_for()),
        position: position as u64,
    })
}

impl From<ScriptSourceError> for Verdict {
    fn from(error: ScriptSourceError) -> Self {
        Self::refused("StoreUnavailable", error.to_string()).retryable()
    }
}

impl From<Oversized> for Verdict {
    fn from(oversized: Oversized) -> Self {
        Self::refused("TooLarge", oversized.to_string())
    }
}

impl From<CpuBudgetSpent> for Verdict {
    fn from(spent: CpuBudgetSpent) -> Self {
        Self::refused("CpuBudget", spent.to_string()).retryable()
    }
}

impl From<LimitsError> for Verdict {
    fn from(error: LimitsError) -> Self {
        Self::refused("InvalidLimits", error.to_string())
    }
}

fn status(kind: FailureKind) -> Status {
    match kind {
        FailureKind::Runtime => Status::RuntimeError,
        FailureKind::SandboxViolation => Status::SandboxViolation,
        FailureKind::RateLimited => Status::RateLimited,
        FailureKind::Output => Status::OutputError,
        FailureKind::Host => Status::HostError,
    }
}

fn timeout(place: KilledIn, used: Duration, max: Duration) -> Verdict {
    let message = format!("the script ran longer than its limit of {}", seconds(max));
    let hint = match place {
        KilledIn::Script => "the script was running: look for a loop that does not end",
        KilledIn::Native => "the script was inside a builtin function: give it less to work on",
        KilledIn::Host => "the script was waiting for a host call",
    };
    let verdict = Verdict::new(Status::Timeout, "TimeoutError", message).hint(hint);
    verdict.killed(LimitName::WallMs, place, milliseconds(used), milliseconds(max))
}

/// Without a limit of the executor's, whoever asked the run to end holds one, which is at least what was used.
fn cpu_timeout(place: KilledIn, used: Duration, max: Option<Duration>) -> Verdict {
    let max = max.unwrap_or(used);
    let message = format!("the script used all of its CPU time, {}", seconds(max));
    let verdict = Verdict::new(Status::Timeout, "TimeoutError", message).hint("let it do less, or in parts");
    verdict.killed(LimitName::CpuMs, place, milliseconds(used), milliseconds(max))
}

fn budget_timeout(place: KilledIn, spent: CpuBudgetSpent) -> Verdict {
    let CpuBudgetSpent { used, budget, retry_after } = spent;
    let message = format!("the tenant's scripts used all of its CPU time of a minute, {}", seconds(budget));
    let hint = format!("try again in {}", seconds(retry_after));
    let verdict = Verdict::new(Status::Timeout, "TimeoutError", message).hint(&hint).retryable();
    verdict.killed(LimitName::TenantCpuMs, place, milliseconds(used), milliseconds(budget))
}

fn out_of_memory(what: &str, asked: u64, used: u64, max: u64) -> Verdict {
    let message = format!("{what} asked for {asked} bytes with {used} of {max} in use");
    let verdict = Verdict::new(Status::MemoryExceeded, "MemoryError", message);
    verdict.killed(LimitName::MemoryBytes, KilledIn::Script, used.saturating_add(asked), max)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// `30 s`, `1.5 s` or `250 ms`.
fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_micros() as f64 / 1e3)
    } else {
        format!("{} s", time.as_millis() as f64 / 1e3)
    }
}
