//! How a run that is on a thread is told to end: a flag and a deadline that the engine polls.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::step::Abort;

/// A monotonic clock. A parameter, so that tests step time instead of sleeping.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Time since an origin that the clock chose.
    fn now(&self) -> Duration;
}

/// The system's monotonic clock, with its origin where it was made.
#[derive(Debug, Clone, Copy)]
pub struct MonotonicClock(Instant);

impl MonotonicClock {
    /// A clock that starts at zero now.
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for MonotonicClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for MonotonicClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Shared by the executor and the engine for one run: the engine polls it, anyone may request an end.
///
/// An engine that slices begins a slice at each entry, and yields at a poll when it is over.
///
/// Engines call [`poll`](Self::poll) as often as they can afford to (QuickJS: about every 20 µs of interpreted code),
/// and after each piece of work that runs no script code. Once it has answered, the run must end without running any
/// more of the script, `catch` and `finally` included.
#[derive(Debug)]
pub struct Interrupt {
    clock: Arc<dyn Clock>,
    started_ns: AtomicU64,
    deadline_ns: AtomicU64,
    slice_end_ns: AtomicU64,
    requested: AtomicU8,
}

const NONE: u8 = 0;

/// What a run must do, as [`Interrupt::poll_slice`] finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Polled {
    /// Go on.
    GoOn,
    /// Give its thread away until it is resumed.
    Yield,
    /// End, without running any more of the script.
    End(Abort),
}

impl Interrupt {
    /// Nothing requested and no deadline.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let started_ns = AtomicU64::new(nanoseconds(clock.now()));
        let (deadline_ns, slice_end_ns) = (AtomicU64::new(u64::MAX), AtomicU64::new(u64::MAX));
        Self { clock, started_ns, deadline_ns, slice_end_ns, requested: AtomicU8::new(NONE) }
    }

    /// Starts the run's clock: [`elapsed`](Self::elapsed) counts from here, and `wall_time` from here is the deadline.
    pub fn start(&self, wall_time: Duration) {
        let now = nanoseconds(self.clock.now());
        self.started_ns.store(now, Relaxed);
        self.deadline_ns.store(now.saturating_add(nanoseconds(wall_time)), Relaxed);
    }

    /// Asks the run to end. The first request stands.
    pub fn request(&self, why: Abort) {
        let _ = self.requested.compare_exchange(NONE, encode(why), Relaxed, Relaxed);
    }

    /// Why the run must end now, or `None` if it may go on.
    pub fn poll(&self) -> Option<Abort> {
        match self.poll_slice() {
            Polled::End(why) => Some(why),
            Polled::GoOn | Polled::Yield => None,
        }
    }

    /// For engines that slice: what the run must do now. One reading of the clock.
    pub fn poll_slice(&self) -> Polled {
        if let Some(why) = decode(self.requested.load(Relaxed)) {
            return Polled::End(why);
        }
        let now = nanoseconds(self.clock.now());
        if now >= self.deadline_ns.load(Relaxed) {
            Polled::End(Abort::Deadline)
        } else if now >= self.slice_end_ns.load(Relaxed) {
            Polled::Yield
        } else {
            Polled::GoOn
        }
    }

    /// For engines: a slice of the run begins now and is used up after `time`.
    pub fn start_slice(&self, time: Duration) {
        let end = nanoseconds(self.clock.now()).saturating_add(nanoseconds(time));
        self.slice_end_ns.store(end, Relaxed);
    }

    /// Ends the slice that is under way, so that the thread serves somebody else at the next poll.
    pub fn end_slice(&self) {
        self.slice_end_ns.store(0, Relaxed);
    }

    /// Time since [`start`](Self::start).
    pub fn elapsed(&self) -> Duration {
        let now = nanoseconds(self.clock.now());
        Duration::from_nanos(now.saturating_sub(self.started_ns.load(Relaxed)))
    }

    /// The deadline, by the run's clock; `None` before it has started.
    pub fn deadline(&self) -> Option<Duration> {
        let deadline = self.deadline_ns.load(Relaxed);
        (deadline != u64::MAX).then(|| Duration::from_nanos(deadline))
    }

    /// Time left until the deadline; `None` if there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        match self.deadline_ns.load(Relaxed) {
            u64::MAX => None,
            deadline => Some(Duration::from_nanos(deadline.saturating_sub(nanoseconds(self.clock.now())))),
        }
    }
}

/// Saturates after 584 years.
fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn encode(why: Abort) -> u8 {
    match why {
        Abort::Deadline => 1,
        Abort::CpuTime => 2,
        Abort::Cancelled => 3,
        Abort::NeverSettled => 4,
    }
}

fn decode(code: u8) -> Option<Abort> {
    match code {
        1 => Some(Abort::Deadline),
        2 => Some(Abort::CpuTime),
        3 => Some(Abort::Cancelled),
        4 => Some(Abort::NeverSettled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default)]
    struct Stepped(AtomicU64);

    impl Clock for Stepped {
        fn now(&self) -> Duration {
            Duration::from_nanos(self.0.load(Relaxed))
        }
    }

    #[test]
    fn the_deadline_counts_from_the_start() {
        let clock = Arc::new(Stepped::default());
        let interrupt = Interrupt::new(clock.clone());
        assert_eq!((interrupt.poll(), interrupt.remaining()), (None, None));
        clock.0.store(50, Relaxed);
        interrupt.start(Duration::from_nanos(100));
        clock.0.store(149, Relaxed);
        assert_eq!((interrupt.poll(), interrupt.elapsed().as_nanos()), (None, 99));
        clock.0.store(150, Relaxed);
        assert_eq!((interrupt.poll(), interrupt.remaining()), (Some(Abort::Deadline), Some(Duration::ZERO)));
    }

    #[test]
    fn the_first_request_stands() {
        for why in [Abort::Deadline, Abort::CpuTime, Abort::Cancelled, Abort::NeverSettled] {
            let interrupt = Interrupt::new(Arc::new(Stepped::default()));
            interrupt.request(why);
            interrupt.request(Abort::Cancelled);
            assert_eq!(interrupt.poll(), Some(why));
        }
    }

    #[test]
    fn a_slice_is_over_when_its_time_is_up_or_it_is_ended() {
        let clock = Arc::new(Stepped::default());
        let interrupt = Interrupt::new(clock.clone());
        assert_eq!(interrupt.poll_slice(), Polled::GoOn);
        interrupt.start_slice(Duration::from_nanos(10));
        clock.0.store(9, Relaxed);
        assert_eq!(interrupt.poll_slice(), Polled::GoOn);
        clock.0.store(10, Relaxed);
        assert_eq!((interrupt.poll_slice(), interrupt.poll()), (Polled::Yield, None));
        interrupt.start_slice(Duration::from_nanos(10));
        assert_eq!(interrupt.poll_slice(), Polled::GoOn);
        interrupt.end_slice();
        assert_eq!(interrupt.poll_slice(), Polled::Yield);
        interrupt.request(Abort::Cancelled);
        assert_eq!(interrupt.poll_slice(), Polled::End(Abort::Cancelled), "an end comes first");
    }
}
