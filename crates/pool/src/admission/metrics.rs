//! The figures of a pool.

/// The figures of a pool at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolMetrics {
    /// VMs that stand ready.
    pub ready: usize,
    /// VMs in use.
    pub in_use: usize,
    /// VMs that are being made.
    pub being_made: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// Leases that are out, those without a VM included.
    pub leases: usize,
    /// Tenants that hold a lease or wait.
    pub tenants: usize,
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
