//! What goes into the state machine and what comes out of it, as data.

use std::num::NonZeroU32;
use std::time::Duration;

use isolet_core_traits::{ScriptId, TenantId, VmOrigin, WaitedFor};

use crate::rejected::Rejected;

/// Numbers a request, in the order in which they came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub(super) u64);

/// Numbers a VM. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VmId(pub(super) u64);

/// What a request needs besides a place within the caps of its tenant and its script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Need {
    /// A VM of the pool: for a run.
    Vm = 0,
    /// Nothing: for a compilation, which has a VM of its own.
    Permit = 1,
}

/// Who asks, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The tenant; its cap counts.
    pub tenant: TenantId,
    /// The script; its cap counts within the tenant.
    pub script: ScriptId,
    /// What it needs.
    pub need: Need,
    /// What its tenant may have. That of the tenant's newest request counts.
    pub share: Share,
    /// Names what a VM may keep from one run to the next, such as the image of a program: a VM that ran the same before
    /// is preferred among those that stand ready. `None`: any VM is as good.
    pub affinity: Option<u64>,
}

/// What a tenant may have of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// The tenant's part of CPU time, against that of others who wait. 1 by default.
    pub weight: NonZeroU32,
    /// Leases that the tenant may hold at once, those without a VM included; further ones wait. 5 by default.
    /// 0: none is admitted.
    pub runs_per_tenant: usize,
    /// Leases that one script of the tenant may hold at once. 5 by default.
    pub runs_per_script: usize,
}

impl Default for Share {
    fn default() -> Self {
        Self { weight: NonZeroU32::MIN, runs_per_tenant: 5, runs_per_script: 5 }
    }
}

/// What becomes of a VM after it was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VmReturn {
    /// It is pristine and stands ready again.
    Kept,
    /// It is gone; another one is made if one is wanted.
    Lost,
}

/// A request that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The request.
    pub ticket: Ticket,
    /// Whether its VM stood ready or was made while the request waited; `None` for [`Need::Permit`].
    /// Which VM that is shows when the run [begins](super::Admission::begin).
    pub vm: Option<VmOrigin>,
    /// Time from the request to the grant.
    pub waited: Duration,
    /// What it waited for most of the time; `None` if it did not have to wait.
    pub waited_for: Option<WaitedFor>,
    /// How many waited when it came.
    pub position: usize,
    /// The CPU time that its tenant is charged with until it is over: the moving average of its script.
    pub expected_cpu: Duration,
}

/// What the caller must do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Tell the request that it is admitted. The caller answers with [`Admission::release`](super::Admission::release).
    Grant(Grant),
    /// Tell the request that it is not admitted.
    Reject(Ticket, Rejected),
    /// Make a VM. The caller answers with [`Admission::vm_ready`](super::Admission::vm_ready) or
    /// [`Admission::vm_failed`](super::Admission::vm_failed).
    Create(VmId),
    /// Destroy a VM that stood ready or was just made or returned.
    Destroy(VmId),
    /// Ask a run that [waits](super::Admission::wait) to leave its VM. The caller answers with
    /// [`Admission::parked`](super::Admission::parked), or, if the run is over or does not leave, with
    /// [`Admission::release`](super::Admission::release) or [`Admission::go_on`](super::Admission::go_on).
    Park(Ticket),
    /// Put a parked run back on its VM, which is pristine. It counts as running.
    Resume {
        /// The run.
        ticket: Ticket,
        /// The VM that it left.
        vm: VmId,
    },
    /// Tell a parked run that its VM is gone, and that it can never go on.
    /// The caller answers with [`Admission::release`](super::Admission::release).
    Lost(Ticket),
}
