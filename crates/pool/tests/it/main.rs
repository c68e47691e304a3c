//! What users of the pool can rely on: the state machine in simulated time, and the shell around it.

mod admission;
mod bench;
mod elastic;
mod fairness;
mod parked_leases;
mod parking;
mod pool;
mod properties;

use std::num::NonZeroU32;

use isolet_core_traits::{ScriptId, TenantId};
use isolet_pool::{Need, Request, Share};

fn request(tenant: &str, script: &str, need: Need) -> Request {
    let (tenant, script) = (TenantId::new(tenant), ScriptId::new(script));
    let (tenant, script) = (tenant.expect("a valid id"), script.expect("a valid id"));
    Request { tenant, script, need, share: Share::default(), affinity: None }
}

fn caps(runs_per_tenant: usize, runs_per_script: usize) -> Share {
    Share { runs_per_tenant, runs_per_script, ..Share::default() }
}

fn weight(weight: u32) -> NonZeroU32 {
    NonZeroU32::new(weight).expect("not 0")
}
