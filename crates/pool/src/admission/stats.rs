//! The figures of a pool.

use isolet_core_traits::TenantId;

use crate::histogram::Histogram;
use crate::rejected::{Cap, Rejected};

/// The figures of a pool at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PoolStats {
    /// VMs that stand ready: available.
    pub ready: usize,
    /// VMs in use.
    pub in_use: usize,
    /// VMs that are being made.
    pub being_made: usize,
    /// All VMs that are made.
    pub total: usize,
    /// How many VMs the pool aims at, by the load of the last minute.
    pub target: usize,
    /// VMs in use by all VMs, averaged over the last minute, from 0 to 1.
    pub utilisation_average: f64,
    /// VMs in use or lacking, averaged over the last minute.
    pub demand_average: f64,
    /// VMs that those who wait could use now, their caps aside.
    pub lacking: usize,
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
    /// Bytes that all VMs hold, as far as leases have told.
    pub vm_bytes: usize,
    /// VMs that were made.
    pub created_total: u64,
    /// Why VMs were made, those included that could not be made or are not ready yet.
    pub ordered: Ordered,
    /// VMs that could not be made.
    pub failed_total: u64,
    /// VMs that were lost in use, those that were discarded after it included.
    pub lost_total: u64,
    /// VMs that were destroyed while they stood ready.
    pub destroyed_total: u64,
    /// Why they were.
    pub destroyed: Destroyed,
    /// Requests that were granted.
    pub granted_total: u64,
    /// Those of them that had to wait.
    pub waited_total: u64,
    /// Requests that were rejected.
    pub rejected_total: u64,
    /// Why they were.
    pub rejections: Rejections,
    /// Requests that were given up by whoever waited.
    pub cancelled_total: u64,
    /// From each request to its grant.
    pub wait_times: Histogram,
    /// From the grant of each run to its end, parked or not.
    pub run_times: Histogram,
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
    /// What holds its next request back; `None` if that is its turn.
    pub blocked_by: Option<Cap>,
}

/// Why VMs were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ordered {
    /// There were fewer than at the start: these included.
    pub initial: u64,
    /// Ahead of demand: there were fewer than the pool aims at.
    pub ahead: u64,
    /// Requests waited for them.
    pub on_demand: u64,
}

/// Why VMs were destroyed that stood ready.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Destroyed {
    /// Nobody had used them for `idle_timeout`.
    pub idle: u64,
    /// There were more than the pool aims at, and they were used too little.
    pub surplus: u64,
    /// They had grown, and all VMs together held too much.
    pub memory: u64,
    /// The pool is drained.
    pub drained: u64,
}

/// Why requests were rejected: see [`Rejected`](crate::Rejected).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rejections {
    /// The queue was full.
    pub queue_full: u64,
    /// They waited for as long as a request may.
    pub queue_timeout: u64,
    /// The pool takes no more requests.
    pub draining: u64,
    /// No VM could be made.
    pub no_vm: u64,
}

impl Rejections {
    pub(super) fn count(&mut self, why: &Rejected) {
        *match why {
            Rejected::QueueFull { .. } => &mut self.queue_full,
            Rejected::QueueTimeout { .. } => &mut self.queue_timeout,
            Rejected::Draining { .. } => &mut self.draining,
            Rejected::NoVm { .. } => &mut self.no_vm,
        } += 1;
    }
}

impl PoolStats {
    /// Tenants that are named.
    pub const CROWDS_MAX: usize = 5;
}
