//! The limits of the executor, from flags. A value that would not do is refused with the flag, as wrong usage.

use std::time::Duration;

use isolet::Limits;

use crate::arguments::RunArguments;
use crate::units::{self, Rate};

/// The flags' limits; the others have their defaults.
pub(crate) fn limits(arguments: &RunArguments) -> Limits {
    let mut limits = Limits {
        wall_time: arguments.timeout,
        memory_bytes: arguments.memory,
        output_bytes: arguments.output_limit,
        ..Limits::default()
    };
    set_rate(&mut limits, arguments.api_calls);
    limits
}

/// The value of `--timeout`.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let wall_time = units::duration(text)?;
    checked(&Limits { wall_time, ..Limits::default() })?;
    Ok(wall_time)
}

/// The value of `--memory`.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    let memory_bytes = units::size(text)?;
    checked(&Limits { memory_bytes, ..Limits::default() })?;
    Ok(memory_bytes)
}

/// The value of `--output-limit`.
pub(crate) fn output(text: &str) -> Result<usize, String> {
    let output_bytes = usize::try_from(units::size(text)?).map_err(|error| error.to_string())?;
    checked(&Limits { output_bytes, ..Limits::default() })?;
    Ok(output_bytes)
}

/// The value of `--api-calls`.
pub(crate) fn api_calls(text: &str) -> Result<Rate, String> {
    let rate = units::rate(text)?;
    let mut limits = Limits::default();
    set_rate(&mut limits, rate);
    checked(&limits)?;
    Ok(rate)
}

fn set_rate(limits: &mut Limits, rate: Rate) {
    limits.api_rate.calls = rate.calls;
    limits.api_rate.per = rate.per;
    limits.api_rate.burst = rate.calls;
}

fn checked(limits: &Limits) -> Result<(), String> {
    limits.check().map_err(|error| error.to_string())
}
