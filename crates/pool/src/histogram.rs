//! A small histogram of times.

use std::fmt;
use std::time::Duration;

/// How often which times were seen: 64 buckets, two for each doubling, from 1 µs to over an hour.
///
/// A quantile is at most half as large again as the time that it stands for.
#[derive(Clone, PartialEq, Eq)]
pub struct Histogram {
    buckets: [u64; BUCKETS],
}

const BUCKETS: usize = 64;

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: [0; BUCKETS] }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, time: Duration) {
        self.buckets[bucket(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))] += 1;
    }

    /// How many times were seen.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// A time that this part of those that were seen, from 0 to 1, did not exceed; `None` if none was seen.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        let rank = ((part * count as f64).ceil() as u64).clamp(1, count.max(1));
        let mut seen = 0;
        let at = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        Some(Duration::from_micros(end(at)))
    }

    /// The buckets that are not empty: the longest time that belongs to each, and how many were seen.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let filled = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        filled.map(|(at, count)| (Duration::from_micros(end(at)), *count))
    }
}

/// 0, 1, 2, 3, 4–5, 6–7, 8–11, 12–15, … microseconds.
fn bucket(time_us: u64) -> usize {
    if time_us < 2 {
        return time_us as usize;
    }
    let octave = time_us.ilog2();
    let half = (time_us >> (octave - 1)) & 1;
    (2 * octave as usize + half as usize).min(BUCKETS - 1)
}

/// The longest time of a bucket, in microseconds.
fn end(bucket: usize) -> u64 {
    let (octave, half) = (bucket / 2, (bucket % 2) as u64);
    if bucket < 2 { bucket as u64 } else { (1 << octave) + (half + 1) * (1 << (octave - 1)) - 1 }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| self.quantile(part).unwrap_or_default());
        write!(f, "{} times: p50 {p50:?}, p99 {p99:?}, max {max:?}", self.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_time_is_in_the_bucket_that_ends_at_or_after_it() {
        for time_us in (0..100_000).chain([1 << 31, (1 << 32) - 1]) {
            let at = bucket(time_us);
            assert!(end(at) >= time_us && end(at) <= time_us + time_us / 2, "{time_us}");
            assert!(at == 0 || end(at - 1) < time_us, "{time_us}");
        }
        assert_eq!((bucket(u64::MAX), end(BUCKETS - 1)), (BUCKETS - 1, (1 << 32) - 1));
    }

    #[test]
    fn quantiles_are_of_what_was_seen() {
        let mut histogram = Histogram::default();
        assert_eq!((histogram.count(), histogram.quantile(0.5)), (0, None));
        (0..98).for_each(|_| histogram.record(Duration::from_micros(7)));
        (0..2).for_each(|_| histogram.record(Duration::from_millis(100)));
        let quantiles = [0.0, 0.5, 0.98, 0.99, 1.0].map(|part| histogram.quantile(part).expect("some were seen"));
        assert_eq!(quantiles.map(|time| time.as_micros()), [7, 7, 7, 131_071, 131_071]);
        assert_eq!(histogram.buckets().map(|(_, count)| count).collect::<Vec<_>>(), [98, 2]);
        assert_eq!(format!("{histogram:?}"), "100 times: p50 7µs, p99 131.071ms, max 131.071ms");
    }
}
