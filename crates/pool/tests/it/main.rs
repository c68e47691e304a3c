//! What users of the pool can rely on: the state machine in simulated time, and the shell around it.

mod admission;
mod bench;
mod parked_leases;
mod parking;
mod pool;
mod properties;

use isolet_core_traits::{ScriptId, TenantId};
use isolet_pool::{Need, Request};

fn request(tenant: &str, script: &str, need: Need) -> Request {
    let (tenant, script) = (TenantId::new(tenant), ScriptId::new(script));
    Request { tenant: tenant.expect("a valid id"), script: script.expect("a valid id"), need }
}
