//! The contract of isolet: what an engine is, what a host offers, what a run may use and what is told of it.
//!
//! ```text
//!                    Execution (caller)                         Report (caller)
//!                          │                                          ▲
//!                    ┌─────▼──────────────── executor ────────────────┴─────┐
//!                    │ Source ─compile→ Program      HostService ⇄ HostCall │
//!                    └─────┬────────────────▲──────────────▲────────────┬───┘
//!         Invocation,      │                │              │            │
//!         RunLimits,       │ start, resume  │ Step         │ HostCall   │ HostReply
//!         Interrupt        ▼                │              │            ▼
//!                    ┌──────────────────────┴── Vm ────────┴────────────────┐
//!                    │            one engine; does no I/O                   │
//!                    └──────────────────────────────────────────────────────┘
//! ```
//!
//! An **engine** ([`Engine`], [`Vm`]) is a state machine: it is stepped, and each [`Step`] says what it needs next.
//! It opens no file, waits for nothing, starts no thread and knows no clock but the one in the [`Interrupt`].
//! A **host** ([`HostService`]) is what a script can reach outside of itself: described as data
//! ([`HostInterface`]), implemented by async trait objects, called by the executor alone.
//! A **native** ([`Native`]) is a pure, bounded, synchronous function that the environment adds to the language.
//! A **report** ([`Report`]) is what every execution ends in, whatever happened.
//!
//! This crate holds plain data and traits. It does *not* run anything: no engine, no runtime, no I/O.
//! To write a second engine, read [`engine`] from the top, then make it pass the conformance suite of `isolet-testkit`.
//!
//! ```
//! use isolet_core_traits::{JsonText, Source, SourceKind, TenantId};
//!
//! let tenant = TenantId::new("acme")?;
//! let source = Source::new("order-total.js", "input.price * 2", SourceKind::Auto)?;
//! let input = JsonText::parse(r#"{"price": 21}"#)?;
//! assert_eq!(tenant.as_str(), "acme");
//! assert_eq!(source.name().as_str(), "order-total.js");
//! assert_eq!(input.as_str(), r#"{"price": 21}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod engine;
pub mod environment;
pub mod failure;
pub mod host;
pub mod ids;
pub mod interrupt;
pub mod json;
pub mod limits;
pub mod logs;
pub mod native;
pub mod permissions;
pub mod report;
pub mod resources;
pub mod seal;
pub mod source;
pub mod step;
pub mod store;
pub mod world;

pub use engine::{Capabilities, Engine, EngineError, EngineId, NotParkable, Nudge, ParkedRun, Reset, Vm};
pub use environment::{Environment, HostModule, Intrinsics, LazyScript, Purpose, SetupScript, VmConfig};
pub use failure::{Cause, FailureKind, Frame, Place, ScriptFailure, Snippet};
pub use host::{
    CallId, CloseReason, Guard, HostCall, HostFailure, HostFailureKind, HostInterface, HostNamespace, HostOperation,
    HostReply, HostService, HostSession, InterfaceError, OperationId, Payload, RunInfo,
};
pub use ids::{ExecutionId, IdError, OrganizationId, ScriptId, TenantId, UserId};
pub use interrupt::{Clock, Interrupt, MonotonicClock, Polled};
pub use json::{JsonError, JsonText};
pub use limits::{LimitOverrides, RunLimits, StackBytes};
pub use logs::{LogBuffer, LogLevel, LogLine, LogsTruncated};
pub use native::{Native, NativeContext, NativeFailure, NativeValue};
pub use permissions::{DbAccess, Grants, HostPattern, NamePattern, PatternError, Permissions, PermissionsPolicy};
pub use report::{
    ContextReport, ErrorReport, KilledIn, KilledReport, LimitName, Metrics, OutputAsError, OutputTruncated,
    ProgramOrigin, QueueReport, Report, Status, Truncated, VmOrigin, WaitedFor, Warning,
};
pub use resources::Resources;
pub use seal::{SealError, SealKey, SealKeys, SealKeysError, SealedProgram};
pub use source::{Source, SourceHash, SourceKind, SourceName};
pub use step::{Abort, Compilation, CompileFailure, End, Invocation, Outcome, Output, Resume, Step};
pub use store::{ReportSink, ScriptSource, ScriptSourceError, StoredScript};
pub use world::{RunTime, Seed, Timestamp};
