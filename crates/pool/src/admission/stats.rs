//! The figures of a pool.

use isolet_core_traits::TenantId;

/// The figures of a pool at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PoolStats {
    /// VMs that stand ready: available.
    pub ready: usize,
    /// VMs in use.
    pub in_use: usize,
    /// VMs that are being made.
    pub being_made: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// The tenants with the most requests that wait, at most [`PoolStats::CROWDS_MAX`].
    pub crowds: Vec<Crowd>,
    /// Leases that are out, those without a VM included.
    pub leases: usize,
    /// Tenants that hold a lease or wait.
    pub tenants: usize,
    /// Tenants that do neither, but have used more than their part of late.
    pub debtors: usize,
    /// Scripts whose usual CPU time is known.
    pub scripts_known: usize,
    /// Runs that have left their VM while they wait for the host.
    pub parked: usize,
    /// Those of them that could go on, and wait for their VM.
    pub parked_returning: usize,
    /// Bytes that the parked runs hold.
    pub parked_bytes: usize,
    /// VMs that were made.
    pub created_total: u64,
    /// VMs that could not be made.
    pub failed_total: u64,
    /// VMs that were lost in use, those that were discarded after it included.
    pub lost_total: u64,
    /// VMs that were destroyed because they were idle or the pool is drained.
    pub destroyed_total: u64,
    /// Requests that were granted.
    pub granted_total: u64,
    /// Requests that were rejected.
    pub rejected_total: u64,
    /// Times that a run left its VM.
    pub parks_total: u64,
    /// Times that a run got its VM back.
    pub unparks_total: u64,
}

/// A tenant whose requests wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// The tenant.
    pub tenant: TenantId,
    /// Its requests that wait.
    pub waiting: usize,
    /// Its leases that are out.
    pub in_use: usize,
    /// The leases that it may hold at once.
    pub cap: usize,
}

impl PoolStats {
    /// Tenants that are named.
    pub const CROWDS_MAX: usize = 5;
}
