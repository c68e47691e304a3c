//! All limits in one place, with their defaults.

use std::num::NonZeroU32;
use std::time::Duration;

use isolet_core_traits::{HostInterface, RunLimits};

use crate::api_rate::{ApiCallRate, OnRateLimit};
use crate::error::{LimitsError, check_range};

/// What scripts, tenants and their calls may use.
///
/// Limits on the number of VMs and on the queue belong to
/// the pool's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of a run from the grant of its VM to its output, host waits included. 30 s by default.
    /// Does not count the time in the queue nor compiling.
    pub wall_time: Duration,
    /// CPU time of a run. None by default: `wall_time` bounds it. Checked after each slice of the engine's, so that a run
    /// may use up to a few milliseconds more.
    pub cpu_time: Option<Duration>,
    /// CPU time of a tenant in a minute, its compilations included. None by default. Once it is used up, its runs are ended
    /// and new ones rejected, until a tenth of it is free again. See [`CpuBudgets`](crate::CpuBudgets).
    pub cpu_time_per_minute: Option<Duration>,
    /// Wall time of a compilation. 10 s by default. Does not count its time in the queue.
    pub compile_wall_time: Duration,
    /// Wall time for closing the host sessions of a run, after its end. 1 s by default.
    pub close_wall_time: Duration,
    /// Bytes that a run or a compilation may occupy in its VM. 64 MiB by default.
    /// Does not count what the host holds for it: logs, replies on their way, the report.
    pub memory_bytes: u64,
    /// Bytes of the output as JSON; a longer one is truncated and marked. 1 MiB by default.
    pub output_bytes: usize,
    /// Bytes of all console lines of a run; what is beyond is dropped and counted. 256 KiB by default.
    pub log_bytes: usize,
    /// Console lines of a run; what is beyond is dropped and counted. 1,000 by default.
    pub log_lines: usize,
    /// Bytes of a source; a longer one is refused. 1 MiB by default.
    pub source_bytes: usize,
    /// Bytes of the input as JSON; a longer one is refused. 4 MiB by default.
    pub input_bytes: usize,
    /// Bytes of the context as JSON; a longer one is refused. 64 KiB by default.
    pub context_bytes: usize,
    /// Bytes of a host call's reply; a longer one rejects the call. 5 MiB by default.
    /// Does not bound what the host itself held while it made the reply.
    pub host_reply_bytes: usize,
    /// Bytes of a host call's arguments; longer ones reject the call. 1 MiB by default.
    pub host_payload_bytes: usize,
    /// Host calls of a run that are being made at once; further ones wait. 16 by default.
    pub host_calls_in_flight: usize,
    /// Host calls of a run that wait or are being made; further ones reject. 1,000 by default.
    pub host_calls_pending: usize,
    /// API calls of a tenant by time. 60 a minute by default, with a burst of 60.
    pub api_rate: ApiCallRate,
    /// What happens to a call over that rate. It rejects by default.
    pub on_rate_limit: OnRateLimit,
    /// API calls of one run, below the tenant's rate. None by default: only the rate counts.
    pub api_calls_per_run: Option<u32>,
    /// Bytes of the arguments of all host calls of one run; a call beyond them rejects. 64 MiB by default.
    pub host_bytes_out_per_run: u64,
    /// Bytes of the replies to all host calls of one run; a reply beyond them rejects its call, and a run that has had them
    /// all makes no further ones. 64 MiB by default. What the host itself fetched for a reply is not bounded by it.
    pub host_bytes_in_per_run: u64,
    /// The tenant's share of CPU time and of turns in the queue, against that of others. 1 by default.
    pub weight: NonZeroU32,
    /// Runs of one script of a tenant at once, compilations included; further ones wait in the queue. 5 by default.
    /// Enforced by the pool.
    pub runs_per_script: usize,
    /// Runs of a tenant at once, compilations included; further ones wait in the queue. 5 by default.
    /// Enforced by the pool.
    pub runs_per_tenant: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(30),
            cpu_time: None,
            cpu_time_per_minute: None,
            compile_wall_time: Duration::from_secs(10),
            close_wall_time: Duration::from_secs(1),
            memory_bytes: 64 << 20,
            output_bytes: 1 << 20,
            log_bytes: 256 << 10,
            log_lines: 1_000,
            source_bytes: 1 << 20,
            input_bytes: 4 << 20,
            context_bytes: 64 << 10,
            host_reply_bytes: 5 << 20,
            host_payload_bytes: 1 << 20,
            host_calls_in_flight: 16,
            host_calls_pending: 1_000,
            api_rate: ApiCallRate::per_minute(60),
            on_rate_limit: OnRateLimit::Reject,
            api_calls_per_run: None,
            host_bytes_out_per_run: 64 << 20,
            host_bytes_in_per_run: 64 << 20,
            weight: NonZeroU32::MIN,
            runs_per_script: 5,
            runs_per_tenant: 5,
        }
    }
}

/// One day: a run that takes longer should be several.
const WALL_TIME_MAX_MS: u64 = 24 * 60 * 60 * 1_000;
/// Less than this holds no useful script.
const MEMORY_BYTES_MIN: u64 = 1 << 20;
/// The most that offsets of 32 bits reach.
const MEMORY_BYTES_MAX: u64 = 4 << 30;
/// JSON texts and buffers are copied whole: no more than this at a time.
const SIZE_BYTES_MAX: u64 = 1 << 30;
/// More than a run can move in a day.
const TRAFFIC_BYTES_MAX: u64 = 1 << 40;
/// Shares that differ by more cannot be told from none.
const WEIGHT_MAX: u64 = 1_000;
/// More at once than one process can serve.
const COUNT_MAX: u64 = 1_000_000;

impl Limits {
    /// The part of the limits that an engine is told for a run.
    pub fn run_limits(&self) -> RunLimits {
        RunLimits {
            wall_time: self.wall_time,
            memory_bytes: self.memory_bytes,
            output_bytes: self.output_bytes,
            log_bytes: self.log_bytes,
            log_lines: self.log_lines,
            host_calls_pending: self.host_calls_pending,
            host_payload_bytes: self.host_payload_bytes,
            ..RunLimits::default()
        }
    }

    /// The same for a compilation.
    pub fn compile_limits(&self) -> RunLimits {
        RunLimits { wall_time: self.compile_wall_time, ..self.run_limits() }
    }

    /// Checks that every limit lets something run and is a limit.
    ///
    /// # Errors
    /// [`LimitsError::OutOfRange`] for the first one that does not.
    pub fn check(&self) -> Result<(), LimitsError> {
        for (name, value, min, max) in [
            ("wall_time_ms", milliseconds(self.wall_time), 1, WALL_TIME_MAX_MS),
            ("cpu_time_ms", self.cpu_time.map_or(1, milliseconds), 1, WALL_TIME_MAX_MS),
            ("cpu_time_per_minute_ms", self.cpu_time_per_minute.map_or(1, milliseconds), 1, WALL_TIME_MAX_MS),
            ("compile_wall_time_ms", milliseconds(self.compile_wall_time), 1, WALL_TIME_MAX_MS),
            ("close_wall_time_ms", milliseconds(self.close_wall_time), 1, WALL_TIME_MAX_MS),
            ("memory_bytes", self.memory_bytes, MEMORY_BYTES_MIN, MEMORY_BYTES_MAX),
            ("output_bytes", self.output_bytes as u64, 1, SIZE_BYTES_MAX),
            ("log_bytes", self.log_bytes as u64, 0, SIZE_BYTES_MAX),
            ("log_lines", self.log_lines as u64, 0, COUNT_MAX),
            ("source_bytes", self.source_bytes as u64, 1, SIZE_BYTES_MAX),
            ("input_bytes", self.input_bytes as u64, 1, SIZE_BYTES_MAX),
            ("context_bytes", self.context_bytes as u64, 1, SIZE_BYTES_MAX),
            ("host_reply_bytes", self.host_reply_bytes as u64, 1, SIZE_BYTES_MAX),
            ("host_payload_bytes", self.host_payload_bytes as u64, 1, SIZE_BYTES_MAX),
            ("host_calls_in_flight", self.host_calls_in_flight as u64, 1, COUNT_MAX),
            ("host_calls_pending", self.host_calls_pending as u64, 1, COUNT_MAX),
            ("host_bytes_out_per_run", self.host_bytes_out_per_run, 1, TRAFFIC_BYTES_MAX),
            ("host_bytes_in_per_run", self.host_bytes_in_per_run, 1, TRAFFIC_BYTES_MAX),
            ("weight", u64::from(self.weight.get()), 1, WEIGHT_MAX),
            ("runs_per_script", self.runs_per_script as u64, 1, COUNT_MAX),
            ("runs_per_tenant", self.runs_per_tenant as u64, 1, COUNT_MAX),
        ] {
            check_range(name, value, min, max)?;
        }
        self.api_rate.check()
    }

    /// Checks that every operation of `host` can be called at all.
    ///
    /// # Errors
    /// [`LimitsError::CostOverBurst`] for the first one that costs more than the rate's burst.
    pub fn check_costs(&self, host: &HostInterface) -> Result<(), LimitsError> {
        let burst = self.api_rate.burst;
        for namespace in host.namespaces() {
            if let Some(operation) = namespace.operations.iter().find(|operation| operation.cost > burst) {
                let name = format!("{}.{}", namespace.name, operation.name);
                return Err(LimitsError::CostOverBurst { operation: name, cost: operation.cost, burst });
            }
        }
        Ok(())
    }
}

/// Saturates after 584 million years.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::{HostNamespace, HostOperation};

    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        assert_eq!(Limits::default().run_limits(), RunLimits::default());
        assert_eq!(Limits::default().check(), Ok(()));
        let compile = Limits::default().compile_limits();
        assert_eq!((compile.wall_time.as_secs(), compile.memory_bytes), (10, 64 << 20));
    }

    #[test]
    fn useless_values_are_refused() {
        let changed = |change: fn(&mut Limits)| {
            let mut limits = Limits::default();
            change(&mut limits);
            limits.check().expect_err("useless").to_string()
        };
        for (change, message) in [
            ((|l| l.wall_time = Duration::ZERO) as fn(&mut Limits), "wall_time_ms is 0, 1 to 86400000 are allowed"),
            (|l| l.wall_time = Duration::from_micros(999), "wall_time_ms is 0, 1 to 86400000 are allowed"),
            (|l| l.wall_time = Duration::MAX, "wall_time_ms is 18446744073709551615, 1 to 86400000 are allowed"),
            (|l| l.cpu_time = Some(Duration::ZERO), "cpu_time_ms is 0, 1 to 86400000 are allowed"),
            (
                |l| l.cpu_time_per_minute = Some(Duration::ZERO),
                "cpu_time_per_minute_ms is 0, 1 to 86400000 are allowed",
            ),
            (|l| l.compile_wall_time = Duration::ZERO, "compile_wall_time_ms is 0, 1 to 86400000 are allowed"),
            (|l| l.close_wall_time = Duration::ZERO, "close_wall_time_ms is 0, 1 to 86400000 are allowed"),
            (|l| l.memory_bytes = 1_024, "memory_bytes is 1024, 1048576 to 4294967296 are allowed"),
            (|l| l.memory_bytes = u64::MAX, "memory_bytes is 18446744073709551615, 1048576 to 4294967296 are allowed"),
            (|l| l.output_bytes = 0, "output_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.log_bytes = 2 << 30, "log_bytes is 2147483648, 0 to 1073741824 are allowed"),
            (|l| l.log_lines = 1_000_001, "log_lines is 1000001, 0 to 1000000 are allowed"),
            (|l| l.source_bytes = 0, "source_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.input_bytes = 0, "input_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.context_bytes = 0, "context_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.host_reply_bytes = 0, "host_reply_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.host_payload_bytes = 0, "host_payload_bytes is 0, 1 to 1073741824 are allowed"),
            (|l| l.host_calls_in_flight = 0, "host_calls_in_flight is 0, 1 to 1000000 are allowed"),
            (|l| l.host_calls_pending = 0, "host_calls_pending is 0, 1 to 1000000 are allowed"),
            (|l| l.host_bytes_out_per_run = 0, "host_bytes_out_per_run is 0, 1 to 1099511627776 are allowed"),
            (
                |l| l.host_bytes_in_per_run = 2 << 40,
                "host_bytes_in_per_run is 2199023255552, 1 to 1099511627776 are allowed",
            ),
            (|l| l.runs_per_script = 0, "runs_per_script is 0, 1 to 1000000 are allowed"),
            (|l| l.runs_per_tenant = 0, "runs_per_tenant is 0, 1 to 1000000 are allowed"),
            (|l| l.api_rate.burst = 0, "api_rate.burst is 0, 1 to 100000 are allowed"),
            (|l| l.api_rate.calls = 0, "api_rate.calls is 0, 1 to 1000000 are allowed"),
            (|l| l.api_rate.per = Duration::ZERO, "api_rate.per_ms is 0, 1 to 86400000 are allowed"),
        ] {
            assert_eq!(changed(change), message);
        }
    }

    #[test]
    fn costs_over_the_burst_are_refused() {
        let host = |cost| {
            let operations = vec![HostOperation::new("list"), HostOperation { cost, ..HostOperation::new("export") }];
            let namespace = HostNamespace { name: "crm".into(), exposed: true, operations };
            HostInterface::new(vec![namespace]).expect("valid names")
        };
        let limits = Limits::default();
        for cost in [0, 1, 60] {
            assert_eq!(limits.check_costs(&host(cost)), Ok(()));
        }
        let message = "crm.export costs 61 API calls, but at most 60 can be made at once";
        assert_eq!(limits.check_costs(&host(61)).expect_err("too dear").to_string(), message);
    }
}
