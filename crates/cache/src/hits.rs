//! Counting hits without a common cache line.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::key::ProgramKey;

const STRIPES: usize = 32;

/// Hits and the compile time that they saved, in stripes by key.
#[derive(Default)]
pub(crate) struct Hits([Stripe; STRIPES]);

/// As far apart as processors prefetch.
#[derive(Default)]
#[repr(align(128))]
struct Stripe {
    hits: AtomicU64,
    saved_ns: AtomicU64,
}

impl Hits {
    pub(crate) fn count(&self, key: &ProgramKey, saved: Duration) {
        let stripe = &self.0[usize::from(key.hash().0[0]) % STRIPES];
        stripe.hits.fetch_add(1, Relaxed);
        stripe.saved_ns.fetch_add(u64::try_from(saved.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(crate) fn total(&self) -> (u64, Duration) {
        let sum = |counter: fn(&Stripe) -> &AtomicU64| self.0.iter().map(|stripe| counter(stripe).load(Relaxed)).sum();
        (sum(|stripe| &stripe.hits), Duration::from_nanos(sum(|stripe| &stripe.saved_ns)))
    }
}
