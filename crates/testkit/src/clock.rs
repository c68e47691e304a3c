//! Clocks that tests step.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use isolet_core_traits::Clock;

/// A clock that stands still until a test moves it. Starts at zero.
///
/// ```
/// use isolet_core_traits::Clock;
/// use isolet_testkit::ManualClock;
/// use std::time::Duration;
///
/// let clock = ManualClock::new();
/// clock.advance(Duration::from_millis(5));
/// assert_eq!(clock.now(), Duration::from_millis(5));
/// ```
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock at zero.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Moves the clock on. It stops at its end, after 584 years.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        // The closure always gives a value, so this cannot fail.
        let _ = self.0.fetch_update(SeqCst, SeqCst, |now| Some(now.saturating_add(by)));
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.0.load(SeqCst))
    }
}

/// A clock that moves on by a fixed step each time it is read, and counts the readings.
///
/// Under it a run that never ends by itself ends after a number of polls, on any machine.
#[derive(Debug)]
pub struct TickingClock {
    step: Duration,
    readings: AtomicU64,
    skipped: ManualClock,
}

impl TickingClock {
    /// A clock at zero that moves on by `step` with each reading.
    pub const fn new(step: Duration) -> Self {
        Self { step, readings: AtomicU64::new(0), skipped: ManualClock::new() }
    }

    /// How often it was read.
    pub fn readings(&self) -> u64 {
        self.readings.load(SeqCst)
    }

    /// Moves the clock on besides.
    pub fn advance(&self, by: Duration) {
        self.skipped.advance(by);
    }
}

impl Clock for TickingClock {
    fn now(&self) -> Duration {
        let readings = self.readings.fetch_add(1, SeqCst);
        let ticked = self.step.saturating_mul(u32::try_from(readings).unwrap_or(u32::MAX));
        ticked.saturating_add(self.skipped.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticking_clock_moves_with_each_reading() {
        let clock = TickingClock::new(Duration::from_millis(2));
        assert_eq!([clock.now(), clock.now(), clock.now()].map(|now| now.as_millis()), [0, 2, 4]);
        assert_eq!(clock.readings(), 3);
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now().as_millis(), 1_006);
    }

    #[test]
    fn a_manual_clock_stops_at_its_end() {
        let clock = ManualClock::new();
        clock.advance(Duration::from_secs(1));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Duration::from_nanos(u64::MAX));
    }
}
