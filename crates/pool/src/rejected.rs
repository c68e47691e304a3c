//! Why a request was not admitted, with the figures.

use std::fmt;
use std::time::Duration;

use isolet_core_traits::{EngineError, WaitedFor};

/// What held a request back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocked {
    /// Which cap it was.
    pub by: Cap,
    /// Leases of the tenant or of the script, VMs, or runs in flight, at the time.
    pub in_use: usize,
    /// The cap.
    pub cap: usize,
}

/// The caps that hold requests back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// Leases of one tenant.
    Tenant,
    /// Leases of one script.
    Script,
    /// VMs.
    Vms,
    /// VMs for runs of tenants that have others going on.
    FurtherRuns,
    /// Runs that are on a VM or parked.
    RunsInFlight,
}

impl Cap {
    /// What a report says of it.
    pub fn waited_for(self) -> WaitedFor {
        match self {
            Self::Tenant => WaitedFor::TenantCap,
            Self::Script => WaitedFor::ScriptCap,
            Self::Vms | Self::FurtherRuns | Self::RunsInFlight => WaitedFor::Vm,
        }
    }
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { in_use, cap, .. } = self;
        match self.by {
            Cap::Tenant => write!(f, "the tenant has {in_use} of {cap} runs going on"),
            Cap::Script => write!(f, "the script has {in_use} of {cap} runs going on"),
            Cap::Vms => write!(f, "no VM is ready, {in_use} of {cap} are in use"),
            Cap::FurtherRuns => {
                write!(
                    f,
                    "{in_use} VMs are in use; {cap} are for tenants that have runs going on, the others for first runs"
                )
            }
            Cap::RunsInFlight => write!(f, "{in_use} of {cap} runs are in flight"),
        }
    }
}

/// Why a request was not admitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Rejected {
    /// It would have had to wait, and the queue is full.
    #[error("the queue is full, {waiting} of {queue_max} places are taken: {blocked}{}", TryAgain(*retry_after))]
    QueueFull {
        /// Requests that wait.
        waiting: usize,
        /// Requests that may wait.
        queue_max: usize,
        /// What it would have waited for.
        blocked: Blocked,
        /// When another attempt is likely to be granted, by the rate of the last minute, if that is known.
        retry_after: Option<Duration>,
    },
    /// It waited for as long as a request may.
    #[error(
        "waited {} ms in the queue, {position} were before it and {waiting} wait now: {blocked}{}",
        waited.as_millis(),
        TryAgain(*retry_after)
    )]
    QueueTimeout {
        /// How long it waited.
        waited: Duration,
        /// How many were before it when it came.
        position: usize,
        /// How many wait now, this one not counted.
        waiting: usize,
        /// What held it back at the end.
        blocked: Blocked,
        /// As with [`QueueFull`](Self::QueueFull).
        retry_after: Option<Duration>,
    },
    /// The pool takes no more requests.
    #[error("shutting down, no more runs are taken; {in_use} are still going on")]
    Draining {
        /// Leases that are still out.
        in_use: usize,
    },
    /// There is no VM, and none can be made.
    #[error("no VM could be made in {failures} attempts: {error}{}", TryAgain(*retry_after))]
    NoVm {
        /// Failures in a row.
        failures: u32,
        /// The last failure.
        error: EngineError,
        /// When another one will be tried.
        retry_after: Option<Duration>,
    },
}

impl Rejected {
    /// When another attempt is likely to be granted, if that can be estimated.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::QueueFull { retry_after, .. }
            | Self::QueueTimeout { retry_after, .. }
            | Self::NoVm { retry_after, .. } => *retry_after,
            Self::Draining { .. } => None,
        }
    }
}

/// `; try again in 120 ms`, or nothing.
struct TryAgain(Option<Duration>);

impl fmt::Display for TryAgain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |time| write!(f, "; try again in {} ms", time.as_millis().max(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_sentence_with_figures() {
        let blocked = |by, in_use, cap| Blocked { by, in_use, cap };
        for (rejected, text) in [
            (
                Rejected::QueueFull {
                    waiting: 3,
                    queue_max: 3,
                    blocked: blocked(Cap::Tenant, 5, 5),
                    retry_after: None,
                },
                "the queue is full, 3 of 3 places are taken: \
                 the tenant has 5 of 5 runs going on",
            ),
            (
                Rejected::QueueTimeout {
                    waited: Duration::from_millis(30_000),
                    position: 2,
                    waiting: 7,
                    blocked: blocked(Cap::Vms, 99, 100),
                    retry_after: Some(Duration::from_micros(120_900)),
                },
                "waited 30000 ms in the queue, 2 were before it and 7 wait now: \
                 no VM is ready, 99 of 100 are in use; try again in 120 ms",
            ),
            (
                Rejected::QueueFull {
                    waiting: 5,
                    queue_max: 5,
                    blocked: blocked(Cap::RunsInFlight, 900, 900),
                    retry_after: None,
                },
                "the queue is full, 5 of 5 places are taken: \
                 900 of 900 runs are in flight",
            ),
            (Rejected::Draining { in_use: 2 }, "shutting down, no more runs are taken; 2 are still going on"),
            (
                Rejected::NoVm { failures: 3, error: EngineError::Memory, retry_after: None },
                "no VM could be made in 3 attempts: no memory for a VM: lower the number of VMs or their memory",
            ),
            (
                Rejected::QueueFull {
                    waiting: 0,
                    queue_max: 0,
                    blocked: blocked(Cap::Script, 1, 1),
                    retry_after: None,
                },
                "the queue is full, 0 of 0 places are taken: \
                 the script has 1 of 1 runs going on",
            ),
        ] {
            assert_eq!(rejected.to_string(), text);
        }
    }
}
