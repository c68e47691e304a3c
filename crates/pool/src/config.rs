//! The figures of a pool.

use std::time::Duration;

/// How many VMs there are, how many runs may go on at once and how long requests wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolConfig {
    /// VMs that are made at the start, and that idle VMs are never destroyed below. 10 by default.
    pub vms_initial: usize,
    /// The most VMs at once: ready, in use and being made. 100 by default. VMs that are being destroyed do not count.
    pub vms_max: usize,
    /// The part of [`vms_max`](Self::vms_max) that is kept for tenants with nothing going on, in percent: the runs of
    /// others may use the rest. 25 by default. 0: nothing is kept; at 100, no tenant gets a second VM.
    pub first_runs_percent: usize,
    /// Runs that may be on a VM or parked at once; further ones wait in the queue. 10,000 by default.
    /// Does not count leases whose run is over, nor those without a VM.
    pub runs_in_flight_max: usize,
    /// Bytes that parked runs may hold together. 1 GiB by default. From there on nobody is asked to leave a VM for a new
    /// run; for a parked run that can go on, others are. So it may be exceeded by what was being parked at the time, and
    /// by runs that take turns on their VM. 0: nobody is parked.
    pub parked_bytes_max: usize,
    /// Requests that may wait at once; further ones are rejected. 1,000 by default. 0: none waits.
    pub queue_max: usize,
    /// How long a request may wait. 30 s by default.
    pub queue_wait: Duration,
    /// How long a VM may stand ready and unused before it is destroyed, if there are more than the pool aims at by the
    /// load of the last minute, which is never less than [`vms_initial`](Self::vms_initial). 5 min by default.
    pub idle_timeout: Duration,
    /// How long those who wait may lack VMs before more are made than the pool aims at. 250 ms by default. If VMs are used
    /// for long, so that they come back too slowly for those who wait, none of it is waited for. 0: a VM is made for
    /// whoever lacks one, and the pool is larger than its average load needs.
    pub vm_patience: Duration,
    /// Failures in a row to make a VM after which, if there is no VM at all, those who wait for one are rejected.
    /// 3 by default. Failures of VMs that were being made at the same time count as one.
    pub vm_failures_max: u32,
    /// The pause after a failure to make a VM. Doubled at each further one, up to [`PoolConfig::VM_BACKOFF_MAX`].
    /// 50 ms by default.
    pub vm_backoff: Duration,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            vms_initial: 10,
            vms_max: 100,
            first_runs_percent: 25,
            runs_in_flight_max: 10_000,
            parked_bytes_max: 1 << 30,
            queue_max: 1_000,
            queue_wait: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(5 * 60),
            vm_patience: Duration::from_millis(250),
            vm_failures_max: 3,
            vm_backoff: Duration::from_millis(50),
        }
    }
}

/// Why a pool cannot have these figures.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A figure is 0 that must not be.
    #[error("{name} is 0, at least 1 is needed")]
    Zero {
        /// The figure's name.
        name: &'static str,
    },
    /// More than all VMs are kept for first runs.
    #[error("first_runs_percent is {percent}, at most 100 can be kept")]
    Percent {
        /// The figure.
        percent: usize,
    },
    /// More VMs at the start than there may be.
    #[error("vms_initial is {vms_initial}, more than vms_max, which is {vms_max}")]
    InitialOverMax {
        /// VMs at the start.
        vms_initial: usize,
        /// VMs at most.
        vms_max: usize,
    },
}

impl PoolConfig {
    /// The longest pause after a failure to make a VM.
    pub const VM_BACKOFF_MAX: Duration = Duration::from_secs(5);

    /// Checks that a pool with these figures can serve anyone.
    ///
    /// # Errors
    /// [`ConfigError`], which names the figure.
    pub fn check(&self) -> Result<(), ConfigError> {
        let positive = [
            ("vms_max", self.vms_max),
            ("runs_in_flight_max", self.runs_in_flight_max),
            ("vm_failures_max", self.vm_failures_max as usize),
        ];
        if let Some(&(name, _)) = positive.iter().find(|(_, figure)| *figure == 0) {
            return Err(ConfigError::Zero { name });
        }
        if self.first_runs_percent > 100 {
            return Err(ConfigError::Percent { percent: self.first_runs_percent });
        }
        if self.vms_initial > self.vms_max {
            return Err(ConfigError::InitialOverMax { vms_initial: self.vms_initial, vms_max: self.vms_max });
        }
        Ok(())
    }

    /// VMs that are kept for tenants with nothing going on.
    pub(crate) fn vms_for_first_runs(&self) -> usize {
        self.vms_max * self.first_runs_percent / 100
    }

    /// The pause after the failure with this number, counted from 1.
    pub(crate) fn backoff(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.vm_backoff.saturating_mul(1 << doublings).min(Self::VM_BACKOFF_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_checked() {
        let good = PoolConfig::default();
        assert_eq!(good.check(), Ok(()));
        assert_eq!(PoolConfig { vms_initial: 0, queue_max: 0, parked_bytes_max: 0, ..good.clone() }.check(), Ok(()));
        for (config, message) in [
            (PoolConfig { vms_max: 0, ..good.clone() }, "vms_max is 0, at least 1 is needed"),
            (PoolConfig { runs_in_flight_max: 0, ..good.clone() }, "runs_in_flight_max is 0, at least 1 is needed"),
            (PoolConfig { vm_failures_max: 0, ..good.clone() }, "vm_failures_max is 0, at least 1 is needed"),
            (
                PoolConfig { first_runs_percent: 101, ..good.clone() },
                "first_runs_percent is 101, at most 100 can be kept",
            ),
            (PoolConfig { vms_initial: 101, ..good }, "vms_initial is 101, more than vms_max, which is 100"),
        ] {
            assert_eq!(config.check().expect_err(message).to_string(), message);
        }
    }

    #[test]
    fn the_pause_doubles_up_to_its_maximum() {
        let config = PoolConfig::default();
        let pauses = [1, 2, 3, 7, 8, u32::MAX].map(|failures| config.backoff(failures).as_millis());
        assert_eq!(pauses, [50, 100, 200, 3_200, 5_000, 5_000]);
    }
}
