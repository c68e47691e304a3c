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
//! A [`HostService`] is a global object whose functions return promises. It is implemented with `async-trait` and has
//! a session for each run, so that it can roll back what a failed run left open.
//!
//! ```
//! use async_trait::async_trait;
//! use isolet::{
//!     Execution, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Isolet, Payload, Permissions,
//!     RunInfo, Source, SourceKind, TenantId,
//! };
//!
//! struct Crm;
//! struct CrmSession(TenantId);
//!
//! #[async_trait]
//! impl HostService for Crm {
//!     fn namespace(&self) -> HostNamespace {
//!         HostNamespace { name: "crm".into(), exposed: true, operations: vec![HostOperation::new("customer")] }
//!     }
//!     async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
//!         Ok(Box::new(CrmSession(run.tenant.clone())))
//!     }
//! }
//!
//! #[async_trait]
//! impl HostSession for CrmSession {
//!     async fn call(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
//!         let (id,): (u64,) = arguments.to_value().map_err(|error| HostFailure::new(
//!             isolet::HostFailureKind::BadArguments, "TypeError", error.to_string(),
//!         ))?;
//!         let customer = serde_json::json!({"id": id, "of": self.0});
//!         Ok(Payload { json: customer.to_string(), buffers: Vec::new() })
//!     }
//! }
//!
//! let isolet = Isolet::builder().host(Crm).permissions(Permissions::default().api("crm")?).build()?;
//! let source = Source::new("who.js", "(await crm.customer(7)).of", SourceKind::Auto)?;
//! let report = isolet.execute_blocking(Execution::new(source, TenantId::new("acme")?));
//! assert_eq!(report.output_as::<String>()?, "acme");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate holds no logic of its own: it puts the engine QuickJS into
//! [`isolet-executor`](https://docs.rs/isolet-executor) and names what users need. Whoever wants a VM
//! without an executor around it finds it in [`engine`].

mod builder;
pub mod engine;
mod isolet;
#[cfg(feature = "otlp")]
pub mod otlp;

pub use builder::IsoletBuilder;
pub use isolet::Isolet;

pub use isolet_core_traits::{
    Capabilities, Clock, CloseReason, ContextReport, DbAccess, EngineError, ErrorReport, ExecutionId, Frame, Grants,
    Guard, HostFailure, HostFailureKind, HostInterface, HostNamespace, HostOperation, HostPattern, HostService,
    HostSession, IdError, InterfaceError, JsonError, JsonText, KilledIn, KilledReport, LimitName, LogLevel, LogLine,
    LogsTruncated, Metrics, MonotonicClock, NamePattern, OrganizationId, OutputAsError, OutputTruncated, PatternError,
    Payload, Permissions, PermissionsPolicy, ProgramOrigin, QueueReport, Report, ReportSink, RunInfo, ScriptId,
    ScriptSource, ScriptSourceError, Snippet, Source, SourceKind, SourceName, Status, TenantId, Timestamp, Truncated,
    UserId, VmOrigin, WaitedFor, Warning,
};
pub use isolet_engine_quickjs::{OnFault, QuickJs};
pub use isolet_executor::{
    BuildError, Drained, Execution, ExecutionCounts, Executor, ExecutorBuilder, ExecutorMetrics, InvalidExecution,
    Kills, Prepared, Shutdown, Traceparent, Violator,
};
pub use isolet_limits::{ApiCallRate, LimitOverrides, Limits, LimitsError, LimitsPolicy, OnRateLimit, Plans};
pub use isolet_pool::{Cap, ConfigError, Crowd, PoolConfig, PoolStats};
pub use isolet_sandbox::{Capability, HostModules, ModuleError, Policy, Profile};
pub use opentelemetry::metrics::Meter;

/// The examples of the pages that users read first.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../../../README.md")]
    struct Readme;

    #[doc = include_str!("../../../docs/hosts.md")]
    struct Hosts;
}
