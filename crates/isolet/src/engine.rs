//! The engine by hand, for those who drive VMs themselves: benchmarks, tools.
//!
//! An [`Isolet`](crate::Isolet) does all of this and more: here are no queue, no permits, no host services and no
//! report. A thread that steps VMs needs [`Capabilities::thread_stack_bytes`](crate::Capabilities::thread_stack_bytes)
//! of stack and the guard of [`Engine::attach_thread`].
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use isolet::engine::{
//!     End, Engine, HostInterface, Interrupt, Invocation, Output, Purpose, Reset, Resume, RunLimits, Seed,
//!     Step, Vm, VmConfig,
//! };
//! use isolet::{JsonText, MonotonicClock, Policy, QuickJs, Source, SourceKind};
//!
//! let engine = QuickJs::new()?;
//! let _attached = engine.attach_thread()?;
//! let environment = Policy::default().environment(HostInterface::default());
//! let vm = |purpose| engine.create_vm(&VmConfig::new(purpose, environment.clone()));
//! let interrupt = Arc::new(Interrupt::new(Arc::new(MonotonicClock::new())));
//! interrupt.start(Duration::from_secs(30));
//!
//! let source = Source::new("double.js", "input * 2", SourceKind::Script)?;
//! let compiled = vm(Purpose::Compile)?.compile_to_end(&source, &RunLimits::default(), &interrupt);
//! let Ok(program) = compiled else { return Err("not compiled".into()) };
//!
//! let mut vm = vm(Purpose::Run)?;
//! let invocation = Invocation {
//!     source_name: source.name().clone(),
//!     input: JsonText::parse("21")?,
//!     context: JsonText::null(),
//!     random_seed: Seed::Drawn(1),
//!     now: None,
//! };
//! let mut step = vm.start(&program, invocation, RunLimits::default(), interrupt);
//! while let Step::Preempted = step {
//!     step = vm.resume(Resume::Go); // its slice was over: others could have had the thread
//! }
//! let Step::Done(outcome) = step else { return Err("it calls nothing".into()) };
//! assert!(matches!(outcome.end, End::Output(Output::Json(json)) if &*json == "42"));
//! assert_eq!(vm.reset() == Reset::Pristine, engine.capabilities().reuse);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use isolet_core_traits::{
    Abort, Compilation, CompileFailure, End, Engine, EngineId, Environment, HostCall, HostInterface, HostReply,
    Interrupt, Invocation, Outcome, Output, Purpose, Reset, Resume, RunLimits, Seed, StackBytes, Step, Vm, VmConfig,
};
pub use isolet_engine_quickjs::{QuickJsProgram, QuickJsVm};

pub use crate::{Clock, MonotonicClock, QuickJs};
