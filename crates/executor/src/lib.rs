//! Composes engine, sandbox, limits, cache and pool into one execution with one report.
//!
//! ```text
//!  Execution ─▶ sizes ─▶ program ─▶ queue ─▶ VM ─▶ steps on workers ◀─▶ host calls ─▶ output ─▶ sessions closed ─▶ Report
//!               limits    cache      pool          workers.rs           dispatch.rs                                report
//! ```
//!
//! [`Executor::execute`] takes an [`Execution`] and ends in a [`Report`](isolet_core_traits::Report), whatever happened:
//! a script that misbehaves is an outcome, never an error and never a panic. Dropping its future cancels the execution.
//!
//! Scripts run on threads that the executor owns; host services and callbacks run on a tokio runtime, the embedder's or
//! a thread of its own. The two never mix: no script keeps the embedder's threads busy, and no host service those of
//! the scripts.
//!
//! This crate does *not* know any engine, SDK or database: the engine is a parameter. Most users want the crate `isolet`,
//! which fills it in.
//!
//! ```
//! use isolet_core_traits::{Source, SourceKind, TenantId};
//! use isolet_executor::{Execution, Executor};
//! use isolet_testkit::FakeEngine;
//!
//! let executor = Executor::builder(FakeEngine::default()).build()?;
//! let source = Source::new("answer", "output 42", SourceKind::Auto)?;
//! let report = executor.execute_blocking(Execution::new(source, TenantId::new("acme")?));
//! assert_eq!(report.output_as::<u32>()?, 42);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod execution;
mod executor;
mod prepared;
mod shutdown;
mod traceparent;

mod context;
mod core;
mod gate;
mod owed;
mod run;

mod bytecode;
mod dispatch;
mod drive;
mod program;
mod workers;

mod events;
mod metrics;
mod report;
mod spans;
mod telemetry;
mod verdict;
mod violations;

mod budgets;
mod caller;
mod cpu;
mod panics;
mod random;
mod runtime;
mod task;

pub use builder::{BuildError, ExecutorBuilder};
pub use bytecode::{BytecodeConfig, BytecodeStats};
pub use execution::{Execution, InvalidExecution};
pub use executor::Executor;
pub use gate::Drained;
pub use metrics::{ExecutionCounts, ExecutorMetrics, Kills};
pub use prepared::Prepared;
pub use shutdown::Shutdown;
pub use traceparent::Traceparent;
pub use violations::Violator;
