//! What one run may use. Each field names its unit and says what it does *not* catch.

use std::time::Duration;

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
