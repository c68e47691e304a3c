//! What a script may see and reach in isolet: policy, console, web APIs and modules.
//!
//! A [`Policy`] makes the [`Environment`](isolet_core_traits::Environment) that every VM of a pool is built from:
//! the language itself, `self`, the global `console`, the web's usual globals, the operations that the host offers, and
//! modules that it provides by name. Scripts find no file, no network and no way to turn text into code, unless the
//! policy says so. [`hints`] tells authors in plain words what to do about the errors that this brings about.
//!
//! This crate runs nothing and knows no engine: it holds data, plain functions and lean JavaScript (`src/js`), which an
//! engine evaluates once in each new VM. What the console writes is pinned by `tests/console.json`, what
//! the web APIs do by `tests/web.json`, and what can be reached at all by `tests/inventory`.
//!
//! ```
//! use isolet_core_traits::HostInterface;
//! use isolet_sandbox::Policy;
//!
//! let environment = Policy::new().environment(HostInterface::default());
//! assert!(!environment.intrinsics.eval);
//! ```

mod console;
pub mod hints;
mod modules;
mod policy;
mod types;
mod web;

pub use modules::{HostModules, ModuleError};
pub use policy::{Capability, Policy, Profile};
pub use web::timers_namespace;
