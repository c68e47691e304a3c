//! What one run may use. Each field names its unit and says what it does *not* catch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of one run, as an engine is told them.
///
/// Limits that span runs (rates, caps on runs in flight) are not the engine's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunLimits {
    /// Wall time from the start of the run, host waits included.
    /// The engine does not measure it: the [`Interrupt`](crate::Interrupt) holds the deadline. Here it is for messages.
    pub wall_time: Duration,
    /// How long the run may hold its thread at a time, if the engine slices. Not a deadline: the run goes on when it is
    /// its turn again. A builtin that never polls is preempted by engines that kill in natives; others wait for it.
    pub slice: Duration,
    /// Bytes that everything of the run may occupy in the VM: objects, strings, code, buffers.
    /// Counted above what the VM occupied before the run. Does not count what the host holds for the run (logs, replies
    /// on their way), which has limits of its own.
    pub memory_bytes: u64,
    /// Bytes of the output as JSON. A longer output is not copied out: [`Output::Oversized`](crate::Output::Oversized).
    pub output_bytes: usize,
    /// Bytes of all console lines together.
    pub log_bytes: usize,
    /// Number of console lines.
    pub log_lines: usize,
    /// Host calls that may be outstanding at once as the engine sees it, waiting ones included. The next one rejects.
    pub host_calls_pending: usize,
    /// Bytes of one host call's payload: its JSON and its buffers. A larger call rejects.
    pub host_payload_bytes: usize,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            wall_time: Duration::from_secs(30),
            slice: Duration::from_millis(1),
            memory_bytes: 64 << 20,
            output_bytes: 1 << 20,
            log_bytes: 256 << 10,
            log_lines: 1_000,
            host_calls_pending: 1_000,
            host_payload_bytes: 1 << 20,
        }
    }
}

/// Bytes of native stack that scripts of a VM may use. Exceeding it is a `RangeError` that scripts can catch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackBytes(pub usize);

impl Default for StackBytes {
    /// 4 MiB: at least 5,000 frames of plain recursion.
    fn default() -> Self {
        Self(4 << 20)
    }
}

/// Limits of one execution that differ from the configured ones. `None`: the configured one.
///
/// An override may lower a limit, never raise it: a request to raise is refused, not clamped, so that nobody believes to
/// have more than they have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitOverrides {
    /// In place of the configured `wall_time`.
    #[serde(rename = "wall_time_ms", with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub wall_time: Option<Duration>,
    /// In place of the configured `cpu_time`.
    #[serde(rename = "cpu_time_ms", with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub cpu_time: Option<Duration>,
    /// In place of the configured `compile_wall_time`.
    #[serde(rename = "compile_wall_time_ms", with = "milliseconds", skip_serializing_if = "Option::is_none")]
    pub compile_wall_time: Option<Duration>,
    /// In place of the configured `memory_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// In place of the configured `output_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<usize>,
    /// In place of the configured `log_bytes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<usize>,
    /// In place of the configured `log_lines`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_lines: Option<usize>,
    /// In place of the configured `host_calls_in_flight`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_calls_in_flight: Option<usize>,
    /// In place of the configured `api_calls_per_run`. 0: none may be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_calls_per_run: Option<u32>,
    /// In place of the configured `host_bytes_out_per_run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_bytes_out_per_run: Option<u64>,
    /// In place of the configured `host_bytes_in_per_run`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_bytes_in_per_run: Option<u64>,
}

/// Durations as whole milliseconds.
mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        let milliseconds = time.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        milliseconds.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overrides_are_data() {
        for (text, overrides) in [
            ("{}", LimitOverrides::default()),
            (
                r#"{"wall_time_ms":1500,"memory_bytes":1048576,"api_calls_per_run":0}"#,
                LimitOverrides {
                    wall_time: Some(Duration::from_millis(1_500)),
                    memory_bytes: Some(1 << 20),
                    api_calls_per_run: Some(0),
                    ..LimitOverrides::default()
                },
            ),
        ] {
            assert_eq!(serde_json::from_str::<LimitOverrides>(text).expect(text), overrides);
            assert_eq!(serde_json::to_string(&overrides).expect("JSON"), text);
        }
        for wrong in [r#"{"wall_time":1}"#, r#"{"wall_time_ms":-1}"#, r#"{"memory_bytes":"1 MiB"}"#] {
            serde_json::from_str::<LimitOverrides>(wrong).expect_err(wrong);
        }
    }
}
