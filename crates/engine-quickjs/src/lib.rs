//! QuickJS as an isolet engine: a state machine without I/O over `rquickjs`'s raw bindings.
//!
//! This is the plain form, which works wherever QuickJS does: a fresh runtime for each run ([`Reset::Discard`]), the
//! deadline by the interrupt handler, the memory limit by an allocator that counts. What it cannot do it says in its
//! [`Capabilities`]: no parking, no slices, and a native that never polls (`indexOf` of megabytes, BigInt) is not stopped.
//!
//! ```text
//! QuickJs ──create_vm──▶ QuickJsVm ── owns ──▶ Realm: JSRuntime + JSContext + RunState + Heap
//!    │                      │ compile, start, resume, abort                  ▲
//!    └─ Layout (probed)     └─ js::Js: the only calls into the engine ───────┘
//! ```
//!
//! - [`js`]: a thin layer over the C interface; all other modules speak to QuickJS through it.
//! - [`heap`]: every byte of a VM, counted; dropping it frees all of them at once.
//! - [`realm`]: makes a runtime with its intrinsics, natives and host functions.
//! - [`compile`], [`run`], [`output`], [`failure`]: from source to program, and from program to outcome.
//!
//! It does *not* schedule, cache, or know a tenant. The invariants that its `unsafe` code relies on are in
//! [`invariants`].
//!
//! [`Reset::Discard`]: isolet_core_traits::Reset::Discard
//! [`Capabilities`]: isolet_core_traits::Capabilities

mod compile;
mod engine;
mod failure;
mod heap;
mod host;
mod invariants;
mod js;
mod layout;
mod native;
mod output;
mod payload;
mod program;
mod realm;
mod run;
mod seal;
mod state;
mod vm;

pub use engine::{Attached, QuickJs};
pub use program::QuickJsProgram;
pub use vm::{NeverParked, QuickJsVm};
