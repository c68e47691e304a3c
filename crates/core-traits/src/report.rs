//! What every execution ends in: one JSON object, the same in the library, on the command line and in stores.
//!
//! Fields are only ever added. Every position is one of the source that the author wrote, and no path, address or type
//! of isolet's own shows in any text.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::failure::{Cause, Frame, Snippet};
use crate::ids::{ExecutionId, OrganizationId, ScriptId, TenantId, UserId};
use crate::logs::{LogLine, LogsTruncated};

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The output is there, or truncated and marked.
    Ok,
    /// The source did not compile.
    SyntaxError,
    /// An uncaught exception or rejection, or an output that never settles.
    RuntimeError,
    /// An uncaught use of something that the policy blocks.
    SandboxViolation,
    /// An uncaught call over the tenant's rate.
    RateLimited,
    /// The output cannot be written as JSON.
    OutputError,
    /// A host operation's own failure, uncaught; or a part of the host was lost.
    HostError,
    /// Ended by its time limit.
    Timeout,
    /// Ended by its memory limit.
    MemoryExceeded,
    /// Ended by its caller.
    Cancelled,
    /// Not admitted: a cap, the queue or a drain, with the figures.
    Rejected,
    /// The engine crashed inside the run.
    EngineFault,
}

impl Status {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::SyntaxError,
        Self::RuntimeError,
        Self::SandboxViolation,
        Self::RateLimited,
        Self::OutputError,
        Self::HostError,
        Self::Timeout,
        Self::MemoryExceeded,
        Self::Cancelled,
        Self::Rejected,
        Self::EngineFault,
    ];

    /// The name in JSON, for example `memory_exceeded`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::SyntaxError => "syntax_error",
            Self::RuntimeError => "runtime_error",
            Self::SandboxViolation => "sandbox_violation",
            Self::RateLimited => "rate_limited",
            Self::OutputError => "output_error",
            Self::HostError => "host_error",
            Self::Timeout => "timeout",
            Self::MemoryExceeded => "memory_exceeded",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
            Self::EngineFault => "engine_fault",
        }
    }

    /// The exit code of the command line: 0 for ok, 1 for failures of a script or host, 3 for runs that were ended.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::SyntaxError
            | Self::RuntimeError
            | Self::SandboxViolation
            | Self::RateLimited
            | Self::OutputError
            | Self::HostError => 1,
            Self::Timeout | Self::MemoryExceeded | Self::Cancelled | Self::Rejected | Self::EngineFault => 3,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The report of one execution.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// The execution's id.
    pub id: ExecutionId,
    /// How it ended.
    pub status: Status,
    /// The output as JSON; `null` if there is none.
    pub output: Option<Box<RawValue>>,
    /// Whether `output` is `null` because the script's output was `undefined`.
    pub output_undefined: bool,
    /// What was cut.
    pub truncated: Truncated,
    /// What went wrong, unless the status is `ok`.
    pub error: Option<ErrorReport>,
    /// Which limit ended the run, for `timeout` and `memory_exceeded`.
    pub killed: Option<KilledReport>,
    /// Things that the author should know though the run went well.
    pub warnings: Vec<Warning>,
    /// The console lines.
    pub logs: Vec<LogLine>,
    /// Whose execution it was.
    pub context: ContextReport,
    /// How it was admitted.
    pub queue: QueueReport,
    /// What it used.
    pub metrics: Metrics,
}

impl Report {
    /// Whether the status is `ok`.
    pub fn is_ok(&self) -> bool {
        self.status == Status::Ok
    }

    /// The output as a `T`; an output that is not there is read as `null`.
    ///
    /// # Errors
    /// [`OutputAsError`] if the run was not ok, its output was truncated, or it is no `T`.
    pub fn output_as<T: DeserializeOwned>(&self) -> Result<T, OutputAsError> {
        if !self.is_ok() {
            let message = self.error.as_ref().map_or_else(String::new, |error| error.message.clone());
            return Err(OutputAsError::NotOk { status: self.status, message });
        }
        if let Some(cut) = &self.truncated.output {
            return Err(OutputAsError::Truncated { bytes: cut.bytes, limit: cut.limit });
        }
        let json = self.output.as_ref().map_or("null", |output| output.get());
        serde_json::from_str(json).map_err(|error| OutputAsError::Shape { message: error.to_string() })
    }
}

/// Why an output is not available as a Rust type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputAsError {
    /// The execution has no output.
    #[error("the execution ended as {status}: {message}")]
    NotOk {
        /// How it ended.
        status: Status,
        /// The error's message.
        message: String,
    },
    /// The output was over its limit.
    #[error("the output has {bytes} bytes, over the limit of {limit}")]
    Truncated {
        /// Its length in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The output is of another shape.
    #[error("the output is not of the expected shape: {message}")]
    Shape {
        /// What serde said of it.
        message: String,
    },
}

/// What was cut from a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truncated {
    /// The output was over its limit.
    pub output: Option<OutputTruncated>,
    /// The console lines were over their limit.
    pub logs: Option<LogsTruncated>,
}

/// An output over its limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputTruncated {
    /// Its length as JSON, in bytes.
    pub bytes: u64,
    /// The limit, in bytes.
    pub limit: u64,
    /// Its start, as text: not valid JSON.
    pub preview: String,
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// The report's status.
    pub kind: Status,
    /// The error's name, for example `TypeError`.
    pub name: String,
    /// What happened.
    pub message: String,
    /// Line of the source, from 1.
    pub line: Option<u32>,
    /// Column of the source in characters, from 1.
    pub column: Option<u32>,
    /// The script's frames, innermost first.
    pub stack: Vec<Frame>,
    /// What led to it, the nearest first.
    #[serde(default)]
    pub causes: Vec<Cause>,
    /// The line at which it happened.
    pub snippet: Option<Snippet>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether the same execution may succeed when tried again.
    pub retryable: bool,
}

impl fmt::Display for ErrorReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.kind, self.name, self.message)?;
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, " at line {line} column {column}"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for ErrorReport {}

/// Which limit ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KilledReport {
    /// The limit, with its unit.
    pub limit: LimitName,
    /// Where the run was.
    #[serde(rename = "in")]
    pub place: KilledIn,
    /// What the run had used, or would have used, in the limit's unit.
    pub used: u64,
    /// The limit, in its unit.
    pub max: u64,
}

/// The limits that end a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// Wall time in milliseconds.
    WallMs,
    /// CPU time in milliseconds.
    CpuMs,
    /// CPU time of the tenant in a minute, in milliseconds.
    TenantCpuMs,
    /// Memory in bytes.
    MemoryBytes,
}

/// Where a run was when it was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KilledIn {
    /// In code of the script.
    Script,
    /// In a builtin or a native.
    Native,
    /// Waiting for a host call.
    Host,
}

/// A thing that the author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// For programs, for example `calls_not_awaited`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// Whose execution it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContextReport {
    /// The tenant.
    pub tenant: TenantId,
    /// The user, if the caller told one.
    pub user: Option<UserId>,
    /// The organization, if the caller told one.
    pub organization: Option<OrganizationId>,
    /// The script.
    pub script: ScriptId,
    /// The script's revision, if it came from a store.
    pub revision: Option<String>,
}

/// How an execution was admitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Microseconds between the request and the grant.
    pub waited_us: u64,
    /// What it waited for; `None` if it did not wait.
    pub waited_for: Option<WaitedFor>,
    /// How many were before it in the queue when it came.
    pub position: u64,
}

/// What a request in the queue waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitedFor {
    /// The tenant's cap on runs at once.
    TenantCap,
    /// The script's cap on runs at once.
    ScriptCap,
    /// A VM.
    Vm,
}

/// What an execution used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// Microseconds that this execution spent on getting its program compiled.
    pub compile_us: u64,
    /// Microseconds from the grant of the VM to the end of the run, host waits included.
    pub run_us: u64,
    /// Microseconds of CPU time that the run used.
    pub cpu_us: u64,
    /// Microseconds that the run waited for host calls.
    pub host_wait_us: u64,
    /// Microseconds for taking the VM back to where it was.
    pub reset_us: u64,
    /// Where the program came from.
    pub cache: Option<ProgramOrigin>,
    /// What VM the run got.
    pub vm: Option<VmOrigin>,
    /// The most memory that the VM held at once, in bytes.
    pub memory_peak_bytes: u64,
    /// Host calls that were made.
    pub host_calls: u64,
    /// Bytes of their replies.
    pub host_bytes_in: u64,
    /// Bytes of their arguments.
    pub host_bytes_out: u64,
    /// Those of the calls that were denied: not permitted, or reaching for what scripts may not have.
    #[serde(default)]
    pub host_calls_denied: u64,
    /// Bytes of the output as JSON, the part that was cut included.
    pub output_bytes: u64,
    /// How often the run was preempted.
    pub preemptions: u64,
}

/// Where a program came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProgramOrigin {
    /// It was in memory.
    Hit,
    /// It was compiled for this execution.
    Miss,
    /// It was in the store behind the memory.
    Stored,
    /// It was being compiled for another execution, which this one waited for.
    Shared,
}

/// What VM a run got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmOrigin {
    /// One that stood ready.
    Warm,
    /// One that was made for it.
    Cold,
}
