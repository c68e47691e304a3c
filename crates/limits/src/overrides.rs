//! Limits that are lowered for one execution.

use isolet_core_traits::LimitOverrides;

use crate::error::LimitsError;
use crate::limits::{Limits, milliseconds};

impl Limits {
    /// These limits with some of them lowered.
    ///
    /// # Errors
    /// [`LimitsError::Raised`] for an override above the limit, [`LimitsError::OutOfRange`] for a useless one.
    pub fn with(&self, overrides: &LimitOverrides) -> Result<Self, LimitsError> {
        let LimitOverrides {
            wall_time,
            cpu_time,
            compile_wall_time,
            memory_bytes,
            output_bytes,
            log_bytes,
            log_lines,
            host_calls_in_flight,
            api_calls_per_run,
            host_bytes_out_per_run,
            host_bytes_in_per_run,
        } = overrides;
        let mut limits = self.clone();
        lower("wall_time_ms", &mut limits.wall_time, *wall_time, milliseconds)?;
        lower("compile_wall_time_ms", &mut limits.compile_wall_time, *compile_wall_time, milliseconds)?;
        lower("memory_bytes", &mut limits.memory_bytes, *memory_bytes, |bytes| bytes)?;
        lower("output_bytes", &mut limits.output_bytes, *output_bytes, |bytes| bytes as u64)?;
        lower("log_bytes", &mut limits.log_bytes, *log_bytes, |bytes| bytes as u64)?;
        lower("log_lines", &mut limits.log_lines, *log_lines, |lines| lines as u64)?;
        let in_flight = &mut limits.host_calls_in_flight;
        lower("host_calls_in_flight", in_flight, *host_calls_in_flight, |calls| calls as u64)?;
        let (out, into) = (&mut limits.host_bytes_out_per_run, &mut limits.host_bytes_in_per_run);
        lower("host_bytes_out_per_run", out, *host_bytes_out_per_run, |bytes| bytes)?;
        lower("host_bytes_in_per_run", into, *host_bytes_in_per_run, |bytes| bytes)?;
        lower_or_set("cpu_time_ms", &mut limits.cpu_time, *cpu_time, milliseconds)?;
        lower_or_set("api_calls_per_run", &mut limits.api_calls_per_run, *api_calls_per_run, u64::from)?;
        limits.check()?;
        Ok(limits)
    }
}

impl Limits {
    /// These limits, or lower ones where `caps` has them. What it has above them has no effect.
    ///
    /// # Errors
    /// [`LimitsError::OutOfRange`] for a useless one.
    pub fn within(&self, caps: &LimitOverrides) -> Result<Self, LimitsError> {
        fn lowest<T: Copy + Ord>(limit: T, cap: Option<T>) -> Option<T> {
            cap.map(|cap| cap.min(limit))
        }
        fn lowest_set<T: Copy + Ord>(limit: Option<T>, cap: Option<T>) -> Option<T> {
            cap.map(|cap| limit.map_or(cap, |limit| cap.min(limit)))
        }
        self.with(&LimitOverrides {
            wall_time: lowest(self.wall_time, caps.wall_time),
            cpu_time: lowest_set(self.cpu_time, caps.cpu_time),
            compile_wall_time: lowest(self.compile_wall_time, caps.compile_wall_time),
            memory_bytes: lowest(self.memory_bytes, caps.memory_bytes),
            output_bytes: lowest(self.output_bytes, caps.output_bytes),
            log_bytes: lowest(self.log_bytes, caps.log_bytes),
            log_lines: lowest(self.log_lines, caps.log_lines),
            host_calls_in_flight: lowest(self.host_calls_in_flight, caps.host_calls_in_flight),
            api_calls_per_run: lowest_set(self.api_calls_per_run, caps.api_calls_per_run),
            host_bytes_out_per_run: lowest(self.host_bytes_out_per_run, caps.host_bytes_out_per_run),
            host_bytes_in_per_run: lowest(self.host_bytes_in_per_run, caps.host_bytes_in_per_run),
        })
    }
}

fn lower<T: Copy + PartialOrd>(
    name: &'static str,
    limit: &mut T,
    asked: Option<T>,
    figure: impl Fn(T) -> u64,
) -> Result<(), LimitsError> {
    let Some(asked) = asked else { return Ok(()) };
    if asked > *limit {
        return Err(LimitsError::Raised { name, asked: figure(asked), max: figure(*limit) });
    }
    *limit = asked;
    Ok(())
}

/// The same for a limit that there need not be.
fn lower_or_set<T: Copy + PartialOrd>(
    name: &'static str,
    limit: &mut Option<T>,
    asked: Option<T>,
    figure: impl Fn(T) -> u64,
) -> Result<(), LimitsError> {
    match limit {
        Some(limit) => lower(name, limit, asked, figure),
        None => {
            *limit = asked;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn overrides_lower() {
        let overrides = LimitOverrides {
            wall_time: Some(Duration::from_millis(100)),
            cpu_time: Some(Duration::from_millis(10)),
            compile_wall_time: Some(Duration::from_millis(50)),
            memory_bytes: Some(1 << 20),
            output_bytes: Some(10),
            log_bytes: Some(0),
            log_lines: Some(0),
            host_calls_in_flight: Some(1),
            api_calls_per_run: Some(0),
            host_bytes_out_per_run: Some(1),
            host_bytes_in_per_run: Some(2),
        };
        let limits = Limits::default();
        let lowered = Limits {
            wall_time: Duration::from_millis(100),
            cpu_time: Some(Duration::from_millis(10)),
            compile_wall_time: Duration::from_millis(50),
            memory_bytes: 1 << 20,
            output_bytes: 10,
            log_bytes: 0,
            log_lines: 0,
            host_calls_in_flight: 1,
            api_calls_per_run: Some(0),
            host_bytes_out_per_run: 1,
            host_bytes_in_per_run: 2,
            ..Limits::default()
        };
        assert_eq!(limits.with(&overrides), Ok(lowered.clone()));
        assert_eq!(lowered.with(&overrides), Ok(lowered), "equal to the limit is allowed");
        assert_eq!(limits.with(&LimitOverrides::default()), Ok(limits));
    }

    #[test]
    fn caps_lower_what_they_can() {
        let limits = Limits { cpu_time: Some(Duration::from_secs(2)), ..Limits::default() };
        let caps = LimitOverrides {
            wall_time: Some(Duration::from_secs(3_600)),
            cpu_time: Some(Duration::from_secs(1)),
            memory_bytes: Some(8 << 20),
            api_calls_per_run: Some(3),
            ..LimitOverrides::default()
        };
        let within = Limits {
            cpu_time: Some(Duration::from_secs(1)),
            memory_bytes: 8 << 20,
            api_calls_per_run: Some(3),
            ..limits.clone()
        };
        assert_eq!(limits.within(&caps), Ok(within));
        limits.within(&LimitOverrides { memory_bytes: Some(0), ..caps }).expect_err("nothing could run");
    }

    #[test]
    fn overrides_never_raise() {
        let cpu_time = Some(Duration::from_secs(1));
        let limits = Limits { api_calls_per_run: Some(10), cpu_time, ..Limits::default() };
        let seconds = Duration::from_secs;
        let none = LimitOverrides::default;
        let raised = "was asked for, the limit is";
        for (overrides, message) in [
            (
                LimitOverrides { wall_time: Some(seconds(31)), ..none() },
                format!("wall_time_ms of 31000 {raised} 30000 and can only be lowered"),
            ),
            (
                LimitOverrides { cpu_time: Some(seconds(2)), ..none() },
                format!("cpu_time_ms of 2000 {raised} 1000 and can only be lowered"),
            ),
            (
                LimitOverrides { cpu_time: Some(seconds(0)), ..none() },
                "cpu_time_ms is 0, 1 to 86400000 are allowed".into(),
            ),
            (
                LimitOverrides { compile_wall_time: Some(seconds(11)), ..none() },
                format!("compile_wall_time_ms of 11000 {raised} 10000 and can only be lowered"),
            ),
            (
                LimitOverrides { memory_bytes: Some(1 << 30), ..none() },
                format!("memory_bytes of 1073741824 {raised} 67108864 and can only be lowered"),
            ),
            (
                LimitOverrides { output_bytes: Some(2 << 20), ..none() },
                format!("output_bytes of 2097152 {raised} 1048576 and can only be lowered"),
            ),
            (
                LimitOverrides { log_bytes: Some(1 << 20), ..none() },
                format!("log_bytes of 1048576 {raised} 262144 and can only be lowered"),
            ),
            (
                LimitOverrides { log_lines: Some(1_001), ..none() },
                format!("log_lines of 1001 {raised} 1000 and can only be lowered"),
            ),
            (
                LimitOverrides { host_calls_in_flight: Some(17), ..none() },
                format!("host_calls_in_flight of 17 {raised} 16 and can only be lowered"),
            ),
            (
                LimitOverrides { api_calls_per_run: Some(11), ..none() },
                format!("api_calls_per_run of 11 {raised} 10 and can only be lowered"),
            ),
            (
                LimitOverrides { memory_bytes: Some(1_000), ..none() },
                "memory_bytes is 1000, 1048576 to 4294967296 are allowed".into(),
            ),
        ] {
            assert_eq!(limits.with(&overrides).expect_err(&message).to_string(), message);
        }
    }
}
