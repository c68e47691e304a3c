//! How many API calls a tenant may make by time.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use isolet_core_traits::{Clock, TenantId};

use crate::error::{LimitsError, check_range};
use crate::limits::milliseconds;

/// A rate as a GCRA knows it: `burst` calls at once, after that one each `per / calls`.
///
/// So in the first `per` a tenant may make up to `burst + calls` calls, and `calls` in each one after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ApiCallRate {
    /// Calls that become free in each `per`.
    pub calls: u32,
    /// The time in which they do.
    pub per: Duration,
    /// Calls that may be made at once after a time without any.
    pub burst: u32,
}

/// What happens to a call over the rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum OnRateLimit {
    /// Its promise rejects with a `RateLimitError` that says after how long to try again.
    #[default]
    Reject,
    /// It waits until the rate permits it, within the run's wall time. A cost over the burst still rejects.
    Wait,
}

const CALLS_MAX: u64 = 1_000_000;
const PER_MS_MAX: u64 = 24 * 60 * 60 * 1_000;
/// With one call a day, the time to fill a larger burst comes near to what 64 bits of nanoseconds hold.
const BURST_MAX: u64 = 100_000;

impl ApiCallRate {
    /// `calls` in a minute, all of which may be made at once.
    pub const fn per_minute(calls: u32) -> Self {
        Self { calls, per: Duration::from_secs(60), burst: calls }
    }

    /// Checks that the figures make a rate.
    ///
    /// # Errors
    /// [`LimitsError::OutOfRange`] for the first one that does not.
    pub fn check(&self) -> Result<(), LimitsError> {
        check_range("api_rate.calls", u64::from(self.calls), 1, CALLS_MAX)?;
        check_range("api_rate.per_ms", milliseconds(self.per), 1, PER_MS_MAX)?;
        check_range("api_rate.burst", u64::from(self.burst), 1, BURST_MAX)
    }

    fn quota(&self) -> Result<Quota, LimitsError> {
        self.check()?;
        let quota = Quota::with_period(self.per / self.calls).zip(NonZeroU32::new(self.burst));
        let refused = LimitsError::OutOfRange { name: "api_rate.burst", value: 0, min: 1, max: BURST_MAX };
        quota.map(|(quota, burst)| quota.allow_burst(burst)).ok_or(refused)
    }
}

/// A call over the rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("over the rate of {} API calls in {} ms, {} at once; this call costs {cost}",
        rate.calls, rate.per.as_millis(), rate.burst)]
pub struct RateLimited {
    /// What the call counts as.
    pub cost: u32,
    /// The rate.
    pub rate: ApiCallRate,
    /// After how long the call is within the rate, if the tenant makes no other; `None` if its cost is over the burst:
    /// then never.
    pub retry_after: Option<Duration>,
}

impl RateLimited {
    /// The same in milliseconds, rounded up, so that whoever waits for it does not come too early.
    pub fn retry_after_ms(&self) -> Option<u64> {
        Some(u64::try_from(self.retry_after?.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
    }
}

/// Counts the API calls of each tenant.
///
/// Tenants whose burst is full again are forgotten, now and then, by the checks themselves.
pub struct ApiRate {
    rate: ApiCallRate,
    limiter: RateLimiter<TenantId, DashMapStateStore<TenantId>, Seam, NoOpMiddleware<Duration>>,
    clock: Seam,
    checks_until_sweep: AtomicI64,
}

/// Sweeps are no closer to each other than this, so that they cost next to nothing.
const CHECKS_BETWEEN_SWEEPS_MIN: usize = 1_024;

impl ApiRate {
    /// Nobody has made a call.
    ///
    /// # Errors
    /// As [`ApiCallRate::check`].
    pub fn new(rate: ApiCallRate, clock: Arc<dyn Clock>) -> Result<Self, LimitsError> {
        let clock = Seam(clock);
        let limiter = RateLimiter::new(rate.quota()?, DashMapStateStore::default(), clock.clone());
        Ok(Self { rate, limiter, clock, checks_until_sweep: AtomicI64::new(CHECKS_BETWEEN_SWEEPS_MIN as i64) })
    }

    /// Counts a call of `cost` by `tenant`, if it is within the rate. A cost of 0 always is.
    ///
    /// # Errors
    /// [`RateLimited`] if it is not; nothing is counted then.
    pub fn check(&self, tenant: &TenantId, cost: u32) -> Result<(), RateLimited> {
        let Some(calls) = NonZeroU32::new(cost) else { return Ok(()) };
        let limited = |retry_after| RateLimited { cost, rate: self.rate, retry_after };
        if cost > self.rate.burst {
            return Err(limited(None));
        }
        self.sweep_now_and_then();
        match self.limiter.check_key_n(tenant, calls) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(until)) => Err(limited(Some(until.wait_time_from(governor::clock::Clock::now(&self.clock))))),
            Err(_) => Err(limited(None)),
        }
    }

    /// Tenants that are remembered.
    pub fn tenants(&self) -> usize {
        self.limiter.len()
    }

    /// Whether it remembers a tenant after a sweep.
    pub(crate) fn is_in_use(&self) -> bool {
        self.limiter.retain_recent();
        !self.limiter.is_empty()
    }

    /// A sweep looks at every tenant, so the next one waits for at least as many checks.
    fn sweep_now_and_then(&self) {
        if self.checks_until_sweep.fetch_sub(1, Relaxed) == 1 {
            self.limiter.retain_recent();
            let checks = self.limiter.len().max(CHECKS_BETWEEN_SWEEPS_MIN);
            self.checks_until_sweep.store(i64::try_from(checks).unwrap_or(i64::MAX), Relaxed);
        }
    }
}

impl std::fmt::Debug for ApiRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRate").field("rate", &self.rate).field("tenants", &self.tenants()).finish()
    }
}

/// Our clock as governor reads it.
#[derive(Debug, Clone)]
struct Seam(Arc<dyn Clock>);

impl governor::clock::Clock for Seam {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.now()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    #[derive(Debug, Default)]
    struct Stepped(AtomicU64);

    impl Clock for Stepped {
        fn now(&self) -> Duration {
            Duration::from_nanos(self.0.load(Relaxed))
        }
    }

    impl Stepped {
        fn advance(&self, by: Duration) {
            self.0.fetch_add(by.as_nanos() as u64, Relaxed);
        }
    }

    fn rate(rate: ApiCallRate) -> (ApiRate, Arc<Stepped>) {
        let clock = Arc::new(Stepped::default());
        (ApiRate::new(rate, clock.clone()).expect("a valid rate"), clock)
    }

    fn tenant(name: impl AsRef<str>) -> TenantId {
        TenantId::new(name).expect("a valid id")
    }

    /// How many calls of cost 1 pass now.
    fn passing(rate: &ApiRate, tenant: &TenantId) -> usize {
        std::iter::from_fn(|| rate.check(tenant, 1).ok()).count()
    }

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn sixty_at_once_then_one_a_second() {
        let (rate, clock) = rate(ApiCallRate::per_minute(60));
        let acme = tenant("acme");
        assert_eq!(passing(&rate, &acme), 60);
        for _ in 0..5 {
            clock.advance(Duration::from_secs(1) - MILLISECOND);
            let limited = rate.check(&acme, 1).expect_err("too early");
            assert_eq!((limited.retry_after, limited.retry_after_ms()), (Some(MILLISECOND), Some(1)));
            clock.advance(MILLISECOND);
            assert_eq!(passing(&rate, &acme), 1);
        }
        clock.advance(Duration::from_secs(3_600));
        assert_eq!(passing(&rate, &acme), 60, "unused calls are saved up to the burst");
    }

    #[test]
    fn both_figures_count() {
        for (calls, per, burst, at_once, in_next_period) in
            [(60, 60, 1, 1, 60), (10, 1, 30, 30, 10), (1, 60, 2, 2, 1), (1_000, 1, 1_000, 1_000, 1_000)]
        {
            let (rate, clock) = rate(ApiCallRate { calls, per: Duration::from_secs(per), burst });
            let acme = tenant("acme");
            assert_eq!(passing(&rate, &acme), at_once);
            let mut passed = 0;
            for _ in 0..calls {
                clock.advance(Duration::from_secs(per) / calls);
                passed += passing(&rate, &acme);
            }
            assert_eq!(passed, in_next_period);
        }
    }

    #[test]
    fn costs_are_taken_whole() {
        let (rate, _) = rate(ApiCallRate::per_minute(60));
        let acme = tenant("acme");
        assert_eq!(rate.check(&acme, 50), Ok(()));
        let limited = rate.check(&acme, 20).expect_err("only 10 are left");
        assert_eq!(limited.retry_after_ms(), Some(10_000));
        assert_eq!(rate.check(&acme, 10), Ok(()), "what did not pass was not counted");
        assert_eq!(rate.check(&acme, 0), Ok(()));
        for cost in [61, u32::MAX] {
            let limited = rate.check(&acme, cost).expect_err("over the burst");
            assert_eq!(limited.retry_after_ms(), None);
        }
        let text = "over the rate of 60 API calls in 60000 ms, 60 at once; this call costs 1";
        assert_eq!(rate.check(&acme, 1).expect_err("spent").to_string(), text);
    }

    #[test]
    fn tenants_do_not_share() {
        let (rate, _) = rate(ApiCallRate::per_minute(60));
        assert_eq!(passing(&rate, &tenant("acme")), 60);
        assert_eq!(passing(&rate, &tenant("umbrella")), 60);
        assert_eq!(passing(&rate, &tenant("acme")), 0);
    }

    #[test]
    fn the_largest_figures_do_not_overflow() {
        let day = Duration::from_millis(PER_MS_MAX);
        let (rate, clock) = rate(ApiCallRate { calls: 1, per: day, burst: BURST_MAX as u32 });
        let acme = tenant("acme");
        assert_eq!(rate.check(&acme, BURST_MAX as u32), Ok(()));
        assert_eq!(rate.check(&acme, 1).expect_err("spent").retry_after, Some(day));
        let whole = rate.check(&acme, BURST_MAX as u32).expect_err("spent");
        assert_eq!(whole.retry_after, Some(day * BURST_MAX as u32));
        clock.advance(day);
        assert_eq!(rate.check(&acme, 1), Ok(()));
    }

    #[test]
    fn tenants_whose_burst_is_full_are_forgotten() {
        let (rate, clock) = rate(ApiCallRate::per_minute(60));
        let mut most = 0;
        for number in 0..200_000 {
            clock.advance(Duration::from_millis(10));
            assert_eq!(rate.check(&tenant(number.to_string()), 1), Ok(()));
            most = most.max(rate.tenants());
        }
        // At any time about 200 of them have made a call in the last two seconds.
        assert!(most <= 2 * CHECKS_BETWEEN_SWEEPS_MIN, "{most} tenants were remembered at once");
    }
}
