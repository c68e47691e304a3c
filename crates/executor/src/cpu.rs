//! What the calling thread uses: CPU time, and a core.

use std::time::Duration;

/// CPU time that the calling thread has used.
#[cfg(unix)]
pub(crate) fn thread_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Always zero: without such a clock there is no accounting by CPU time, and reports show none.
#[cfg(not(unix))]
pub(crate) fn thread_time() -> Duration {
    Duration::ZERO
}

/// The core that the calling thread is on. It may be on another one at once.
#[cfg(target_os = "linux")]
#[expect(clippy::unnecessary_wraps, reason = "other systems do not tell")]
pub(crate) fn core() -> Option<usize> {
    Some(rustix::thread::sched_getcpu())
}

/// Nobody knows.
#[cfg(not(target_os = "linux"))]
pub(crate) fn core() -> Option<usize> {
    None
}
