//! Run other people's JavaScript inside a Rust service: many tenants, many scripts, one process.
//!
//! An [`Isolet`] takes a script, an input and a tenant, and gives a [`Report`]: the output, the console lines, the
//! figures, or a precise error. Scripts see the language, `console`, their `input` and `context`, and what you offer
//! them as a [`HostService`]; nothing else of the process, the machine or another tenant.
//!
//! ```
//! use isolet::{Execution, Isolet, Source, SourceKind, TenantId};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let isolet = Isolet::builder().build()?;
//!
//! let script = "input.items.reduce((total, item) => total + item.qty * item.price, 0)";
//! let source = Source::new("order-total.js", script, SourceKind::Auto)?;
//! let execution = Execution::new(source, TenantId::new("acme")?)
//!     .input(&serde_json::json!({"items": [{"qty": 2, "price": 9.5}]}))?;
//!
//! let report = isolet.execute(execution).await;
//! assert_eq!(report.output_as::<f64>()?, 19.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whatever a script does, the execution ends in a report: [`Status`] says how, `error` where and why.
//!
//! ```
//! use isolet::{Execution, Isolet, Source, SourceKind, Status, StoredScript, TenantId};
//!
//! let isolet = Isolet::builder().build()?;
//! let source = Source::new("broken.js", "const order = input;\norder.customer.name", SourceKind::Auto)?;
//! let report = isolet.execute_blocking(Execution::new(source, TenantId::new("acme")?).input(&serde_json::json!({}))?);
//!
//! assert_eq!(report.status, Status::RuntimeError);
//! let error = report.error.ok_or("no error")?;
//! assert_eq!((error.name.as_str(), error.line), ("TypeError", Some(2)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What scripts may call
//!
//! A [`HostApi`] is a global object whose functions are closures of yours, typed by serde. Scripts call it if their
//! [`Permissions`] have its name.
//!
//! ```
//! use isolet::{Execution, HostApi, Isolet, Permissions, Source, SourceKind, TenantId};
//! use serde_json::{Value, json};
//!
//! let crm = HostApi::new("crm").operation("lookup", async |call, query: Value| {
//!     Ok(json!({"id": query["id"], "of": call.tenant.as_str()}))
//! });
//! let isolet = Isolet::builder().host(crm).permissions(Permissions::default().api("crm")?).build()?;
//!
//! let source = Source::new("who.js", "(await crm.lookup({id: 7})).of", SourceKind::Auto)?;
//! let report = isolet.execute_blocking(Execution::new(source, TenantId::new("acme")?));
//! assert_eq!(report.output_as::<String>()?, "acme");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Below it is the trait [`HostService`], for what closures cannot do.
//!
//! This crate holds no logic of its own: it puts the engine QuickJS into
//! [`isolet-executor`](https://docs.rs/isolet-executor) and names what users need. Whoever wants a VM
//! without an executor around it finds it in [`engine`].

mod builder;
pub mod engine;
mod isolet;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "store")]
pub mod store;

pub use builder::IsoletBuilder;
pub use isolet::Isolet;

pub use isolet_cache::{
    BytecodeStore, BytecodeStoreError, CacheConfig, CacheStats, ProgramKey, ProgramTarget, StoredProgram,
};
pub use isolet_core_traits::{
    Capabilities, Cause, Clock, CloseReason, ContextReport, DbAccess, EngineError, ErrorReport, ExecutionId, Frame,
    Grants, Guard, HostFailure, HostFailureKind, HostInterface, HostNamespace, HostOperation, HostPattern, HostService,
    HostSession, IdError, InterfaceError, JsonError, JsonText, KilledIn, KilledReport, LimitName, LogLevel, LogLine,
    LogsTruncated, Metrics, MonotonicClock, NamePattern, OrganizationId, OutputAsError, OutputTruncated, PatternError,
    Payload, Permissions, PermissionsPolicy, ProgramOrigin, QueueReport, Report, ReportSink, RunInfo, ScriptId,
    ScriptSource, ScriptSourceError, SealKey, SealKeys, SealKeysError, SealedProgram, Snippet, Source, SourceHash,
    SourceKind, SourceName, Status, StoredScript, TenantId, Timestamp, Truncated, UserId, VmOrigin, WaitedFor, Warning,
};
pub use isolet_engine_quickjs::{OnFault, QuickJs};
pub use isolet_executor::{
    BuildError, BytecodeConfig, BytecodeStats, Drained, Execution, ExecutionCounts, Executor, ExecutorBuilder,
    ExecutorMetrics, InvalidExecution, Kills, Prepared, Shutdown, Traceparent, Violator,
};
pub use isolet_limits::{ApiCallRate, LimitOverrides, Limits, LimitsError, LimitsPolicy, OnRateLimit, Plans};
pub use isolet_pool::{Cap, ConfigError, Crowd, PoolConfig, PoolStats};
pub use isolet_sandbox::{Capability, HostModules, ModuleError, Policy, Profile};
#[cfg(any(feature = "sdk-db-sqlite", feature = "sdk-db-postgres"))]
pub use isolet_sdk::db;
pub use isolet_sdk::events;
#[cfg(feature = "sdk-http")]
pub use isolet_sdk::http;
pub use isolet_sdk::{ApiError, BigInt, Bytes, CallContext, HostApi};
pub use opentelemetry::metrics::Meter;

/// The examples of the pages that users read first.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/hosts.md")]
    struct Hosts;

    #[cfg(feature = "store")]
    #[doc = include_str!("../../../docs/store.md")]
    struct Store;

    #[cfg(feature = "sdk-db-sqlite")]
    #[doc = include_str!("../../../docs/db.md")]
    struct Databases;

    #[cfg(feature = "sdk-http")]
    #[doc = include_str!("../../../docs/http.md")]
    struct Requests;

    #[cfg(feature = "sdk-nats")]
    #[doc = include_str!("../../../docs/events.md")]
    struct Events;
}
