//! QuickJS as an isolet engine: a state machine without I/O over `rquickjs`'s raw bindings.
//!
//! A VM is bytes: everything that QuickJS allocates for it lies in one arena, and its code runs on a stack of its own.
//! After warm-up an image of the arena is kept, and after each run its bytes are put back, so that every run finds a
//! pristine VM for the price of a copy. At its memory limit, or when it is told to end, a run is left where it is: the
//! stack is forgotten, the bytes are put back. A run that waits for the host is only the bytes that differ.
//!
//! ```text
//! QuickJs ──create_vm──▶ QuickJsVm ── owns ──▶ Realm: JSRuntime + JSContext in an Arena, RunState beside it
//!    │                      │ compile, start, resume, abort, park, reset             ▲
//!    ├─ Layout (probed)     └─ Realm::run ── on a fiber ──▶ js::Js: the only calls ──┘
//!    └─ Stacks (pooled)                                     into the engine
//! ```
//!
//! - `js`: a thin layer over the C interface; all other modules speak to QuickJS through it.
//! - `arena`, `heap`, `meter`: the memory of a VM, its image and its limit; `heap` is the portable form.
//! - `stack`, `fiber`: what engine code runs on, and how it is suspended and left.
//! - `signals`: ticks, which do so at any instruction, and the engine's faults.
//! - `dates`: local time, which is UTC.
//! - `realm`, `state`: a runtime with its intrinsics, natives and host functions, and what Rust keeps for its run.
//! - `images`, `parked`: loaded programs, and runs that wait, as the lines that they change.
//! - `compile`, `run`, `output`, `failure`, `ending`: from source to program, and from program to outcome.
//!
//! Slices and deadlines are the interrupt handler's, which the engine polls; on threads that are attached, a tick takes
//! the thread back from builtins that never poll (sorting megabytes, a huge BigInt), wherever they are.
//! It does *not* schedule, cache, or know a tenant. The invariants that its `unsafe` code relies on are in
//! `src/invariants.rs`.

mod arena;
mod compile;
mod dates;
mod ending;
mod engine;
mod failure;
mod fiber;
mod heap;
mod host;
mod images;
mod invariants;
mod js;
mod layout;
mod lazy;
mod meter;
mod modules;
mod native;
mod output;
mod parked;
mod payload;
mod plain;
mod program;
mod realm;
mod run;
mod seal;
mod setup;
mod signals;
mod stack;
mod state;
#[cfg(test)]
mod trials;
mod unwritable;
mod vm;

pub use arena::Restoring;
pub use engine::{Attached, QuickJs};
pub use parked::Parked;
#[doc(hidden)]
pub use plain::PlainRuntime;
pub use program::QuickJsProgram;
pub use signals::OnFault;
pub use vm::QuickJsVm;
