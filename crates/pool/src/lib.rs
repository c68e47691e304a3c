//! Warm VMs and admission for isolet: one queue for tenant, script and VM caps.
//!
//! ```text
//!            acquire(Request)                            Lease: permits and a VM
//!   caller ──────────────────▶ Pool ─────────────────────────────────▶ caller
//!                          ┌────┴─────┐  Grant · Reject
//!                 events   │  shell   │  decisions          VmFactory::create(VmSlot)
//!                 and time ▼  (a lock)▲ ────────────────────────────────────▶ a thread that makes VMs
//!                       ┌─────────────┴┐  Create · Destroy                          │
//!                       │  Admission   │ ◀──────────────────────────────────────────┘
//!                       └──────────────┘            VmSlot::ready · failed
//! ```
//!
//! - [`Admission`] decides. It is a pure state machine: events go in with the time, decisions come out.
//! - [`Pool`] is a thin shell around it: it keeps the VMs, wakes those who wait, and calls the [`VmFactory`].
//!
//! A request gets all of its permits at once or none: its tenant's, its script's and, for a run, a VM. Tenants take turns
//! by the CPU time that their runs use, a tenant's requests are served as they came, and one that its tenant's or
//! script's cap holds back holds back nobody else.
//!
//! A run that waits for something else than its VM may leave it to others: [`Lease::wait`] tells the pool, which asks for
//! the VM only when somebody else needs it ([`Notice::Park`]), and [`Lease::unpark`] brings it back.
//!
//! The pool does *not* know what a VM is, makes none, resets none and starts no thread or task. It does not know tenants'
//! plans: each request says what its tenant may have.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use isolet_core_traits::{MonotonicClock, Reset, ScriptId, TenantId};
//! use isolet_pool::{Need, Pool, PoolConfig, Request, Share, VmFactory, VmSlot};
//!
//! struct Strings;
//! impl VmFactory<String> for Strings {
//!     fn create(&self, slot: VmSlot<String>) {
//!         slot.ready("pristine".to_owned()); // a real one makes the VM on a thread of its own
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let pool = Pool::new(PoolConfig::default(), Arc::new(Strings), Arc::new(MonotonicClock::new()))?;
//! let (tenant, script) = (TenantId::new("acme")?, ScriptId::new("total.js")?);
//! let request = Request { tenant, script, need: Need::Vm, share: Share::default(), affinity: None };
//! let mut lease = pool.acquire(request).await?;
//! assert_eq!(lease.vm().map(|vm| vm.as_str()), Some("pristine"));
//! lease.finish(Reset::Pristine, Duration::from_micros(7));
//! assert_eq!(pool.stats().ready, 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod admission;
mod config;
mod factory;
mod histogram;
mod lease;
mod pool;
mod rejected;
mod shared;

pub use admission::{Admission, Crowd, Destroyed, Need, Ordered, PoolStats, Rejections, Request, Share};
pub use config::{ConfigError, PoolConfig};
pub use factory::{VmFactory, VmSlot};
pub use histogram::Histogram;
pub use lease::{Lease, Notice, VmLater, VmLost};
pub use pool::Pool;
pub use rejected::{Blocked, Cap, Rejected};
