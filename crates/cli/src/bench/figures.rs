//! What is measured, as `--format json` shows it. Fields are only ever added.

use std::time::Duration;

use serde::Serialize;

use crate::render::percentile;

/// All of it. A figure that cannot be had on this machine is `None`.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    pub(super) vm_cycle: VmCycle,
    pub(super) execute: Execute,
    pub(super) memory: Memory,
}

/// One VM with the standard environment and a compiled trivial script, without an executor around it.
#[derive(Debug, Serialize)]
pub(super) struct VmCycle {
    /// From the start of the run until the VM is as it was before it.
    pub(super) pristine_us: Quantiles,
    /// The same without taking the VM back: the next run finds what the last one left.
    pub(super) dirty_us: Quantiles,
    /// The same on a VM that is made for the run and dropped after it.
    pub(super) new_vm_us: Quantiles,
}

/// The same script through an executor with default sizes.
#[derive(Debug, Serialize)]
pub(super) struct Execute {
    /// From the request to the report, one after another.
    pub(super) one_caller_us: Quantiles,
    /// Runs that end in a second while 64 callers keep asking.
    pub(super) runs_per_s_64_callers: Option<u64>,
}

/// Resident memory of the process, for each one more.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    /// A VM that has served a run and stands ready.
    pub(super) idle_vm_bytes: Option<u64>,
    /// A run that waits for a host call, with all that it holds.
    pub(super) in_flight_run_bytes: Option<u64>,
}

/// Times in microseconds.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub(super) struct Quantiles {
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

impl Quantiles {
    pub(super) fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let of_percent = |percent| (!times.is_empty()).then(|| microseconds(percentile(&times, percent)));
        Self { p50: of_percent(50), p99: of_percent(99) }
    }
}

/// With two decimals: clocks are not finer than that.
fn microseconds(time: Duration) -> f64 {
    (time.as_nanos() as f64 / 10.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_in_microseconds() {
        let times = (1..=100).rev().map(|n| Duration::from_nanos(n * 1_006)).collect();
        let Quantiles { p50, p99 } = Quantiles::of(times);
        assert_eq!((p50, p99), (Some(50.3), Some(99.59)));
        let none = Quantiles::of(Vec::new());
        assert_eq!((none.p50, none.p99), (None, None));
    }
}
