//! Budgets of isolet's tenants and scripts: sizes, rates and caps.
//!
//! - [`Limits`] holds every limit with its default; [`LimitOverrides`] lowers some of them for one execution.
//! - [`check_size`] refuses a source, an input or a context with the figures.
//! - [`LimitsPolicy`] tells which limits hold for whom, [`Plans`] is one that lies in memory.
//! - [`ApiRate`] counts the API calls of each tenant by time, [`ApiRates`] those of tenants with
//!   different rates, [`RunBudget`] those of one run, and its bytes.
//! - [`CpuBudgets`] counts the CPU time of each tenant by the minute.
//!
//! This crate does *not* enforce what others can enforce better. Time, memory, output and logs are the engine's and the
//! executor's affair. The caps on runs of a tenant and of a script are only figures here: one queue checks them together
//! with the number of VMs, in `isolet-pool`, because a request must get all of its permits at once or none. Nothing here
//! is shared between processes.
//!
//! ```
//! use std::sync::Arc;
//! use isolet_core_traits::{MonotonicClock, TenantId};
//! use isolet_limits::{ApiCallRate, ApiRate, LimitOverrides, Limits, check_size};
//!
//! let limits = Limits::default();
//! limits.check()?;
//! let frugal = limits.with(&LimitOverrides { memory_bytes: Some(8 << 20), ..LimitOverrides::default() })?;
//! assert_eq!(frugal.run_limits().memory_bytes, 8 << 20);
//!
//! let error = check_size("input", 5_000_000, limits.input_bytes).expect_err("too large");
//! assert_eq!(error.to_string(), "input has 5000000 bytes, at most 4194304 are allowed");
//!
//! let rate = ApiRate::new(ApiCallRate { burst: 2, ..limits.api_rate }, Arc::new(MonotonicClock::new()))?;
//! let tenant = TenantId::new("acme")?;
//! assert!(rate.check(&tenant, 2).is_ok());
//! assert!(rate.check(&tenant, 1).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api_rate;
mod budget;
mod cpu_budget;
mod error;
mod limits;
mod overrides;
mod policy;
mod rates;
mod size;

pub use api_rate::{ApiCallRate, ApiRate, OnRateLimit, RateLimited};
pub use budget::{BudgetSpent, RunBudget};
pub use cpu_budget::{CpuBudgetSpent, CpuBudgets};
pub use error::LimitsError;
pub use isolet_core_traits::LimitOverrides;
pub use limits::Limits;
pub use policy::{LimitsPolicy, Plans};
pub use rates::ApiRates;
pub use size::{Oversized, check_size};
