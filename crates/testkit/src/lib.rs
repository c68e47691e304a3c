//! Test tools of isolet.
//!
//! - [`FakeEngine`]: a deterministic engine with a tiny language, for the tests of whatever sits on an engine.
//! - [`ManualClock`], [`TickingClock`]: time that tests step.
//! - [`NatsServer`]: a real one, of the process alone.
//! - [`Postgres`]: a real one, of the process alone.
//! - [`services`]: small host services, for the tests of whatever calls them.
//! - [`conformance`]: what every engine must do, as rows of data; each engine's tests run all of them.
//! - [`hostile`]: scripts that attack, as data, with the ends that are right for them.
//! - [`oracle`]: what must hold whatever a script and its host do: for fuzzing, and for the inputs that it found.
//!
//! This crate knows no engine, no pool and no executor: it depends on `isolet-core-traits` alone.
//!
//! ```
//! use isolet_testkit::{FakeEngine, conformance};
//!
//! let report = conformance::run(&FakeEngine::default(), &conformance::Fake);
//! assert!(report.failed.is_empty(), "{report}");
//! ```

pub mod certificates;
mod clock;
pub mod conformance;
pub mod fake;
pub mod hostile;
#[cfg(unix)]
mod nats;
pub mod oracle;
#[cfg(unix)]
mod ports;
#[cfg(unix)]
mod postgres;
pub mod services;

pub use clock::{ManualClock, TickingClock};
pub use fake::{Counts, FakeEngine, FakeOptions, FakeParked, FakeProgram, FakeThread, FakeVm, Hold, ParkFault, Stage};
#[cfg(unix)]
pub use nats::{NatsOptions, NatsServer};
#[cfg(unix)]
pub use postgres::Postgres;
