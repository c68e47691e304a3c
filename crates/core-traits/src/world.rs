//! What a run takes from the world outside: randomness and time. A caller may give both, to have the same run again.

use std::time::{Duration, SystemTime};

/// What a run's randomness is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Seed {
    /// Drawn for this run alone.
    Drawn(u64),
    /// Given by the caller: whoever knows it can foretell all that the run draws, what `crypto` gives included.
    Given(u64),
}

impl Seed {
    /// The number alone.
    pub fn value(self) -> u64 {
        match self {
            Self::Drawn(value) | Self::Given(value) => value,
        }
    }
}

/// A time as `Date` holds it: whole milliseconds since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The latest that a `Date` can hold. The earliest is as long before 1970.
    pub const UNIX_MS_MAX: i64 = 8_640_000_000_000_000;

    /// `None` for a time that no `Date` can hold.
    pub fn from_unix_ms(ms: i64) -> Option<Self> {
        (-Self::UNIX_MS_MAX..=Self::UNIX_MS_MAX).contains(&ms).then_some(Self(ms))
    }

    /// Milliseconds since 1970.
    pub fn unix_ms(self) -> i64 {
        self.0
    }
}

/// A run's time as its script sees it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RunTime {
    /// That of the run's clock and of the system.
    #[default]
    Real,
    /// It stands still while code runs, and goes on with timers.
    Fixed {
        /// The start of the run.
        start: Timestamp,
        /// The time of the timer that fired last, since the start.
        elapsed: Duration,
    },
}

impl RunTime {
    /// Fixed at `start`, if that is given.
    pub fn new(start: Option<Timestamp>) -> Self {
        start.map_or(Self::Real, |start| Self::Fixed { start, elapsed: Duration::ZERO })
    }

    /// Time since the start, where `elapsed` is what really has passed.
    pub fn elapsed(&self, elapsed: Duration) -> Duration {
        match self {
            Self::Real => elapsed,
            Self::Fixed { elapsed, .. } => *elapsed,
        }
    }

    /// Whole milliseconds since 1970.
    pub fn unix_ms(&self) -> f64 {
        match self {
            Self::Real => match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => since.as_millis() as f64,
                Err(before) => -(before.duration().as_millis() as f64),
            },
            Self::Fixed { start, elapsed } => start.unix_ms() as f64 + elapsed.as_millis() as f64,
        }
    }

    /// A timer for `at` fires. Real time goes on by itself.
    pub fn advance(&mut self, at: Duration) {
        if let Self::Fixed { elapsed, .. } = self {
            *elapsed = (*elapsed).max(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_time_goes_on_with_timers_alone() {
        let (start, ms) = (Timestamp::from_unix_ms(1_000).expect("in range"), Duration::from_millis);
        let mut time = RunTime::new(Some(start));
        assert_eq!((time.elapsed(ms(7)), time.unix_ms()), (ms(0), 1_000.0));
        time.advance(ms(20));
        time.advance(ms(5));
        assert_eq!((time.elapsed(ms(70)), time.unix_ms()), (ms(20), 1_020.0));
    }

    #[test]
    fn real_time_goes_on_by_itself() {
        let mut time = RunTime::new(None);
        time.advance(Duration::from_secs(1 << 40));
        assert_eq!(time.elapsed(Duration::from_millis(7)), Duration::from_millis(7));
        assert!(time.unix_ms() > 1.7e12 && time.unix_ms() < 1e13);
    }

    #[test]
    fn timestamps_are_what_dates_can_hold() {
        let max = Timestamp::UNIX_MS_MAX;
        assert!(
            [0, -1, max, -max].into_iter().all(|ms| Timestamp::from_unix_ms(ms).is_some_and(|at| at.unix_ms() == ms))
        );
        assert!([max + 1, -max - 1, i64::MIN].into_iter().all(|ms| Timestamp::from_unix_ms(ms).is_none()));
    }
}
