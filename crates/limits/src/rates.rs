//! API calls of tenants whose rates differ.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use isolet_core_traits::{Clock, TenantId};

use crate::api_rate::{ApiCallRate, ApiRate, RateLimited};

/// Counts the API calls of each tenant against the tenant's rate: an [`ApiRate`] for each rate that there is.
///
/// A tenant whose rate changes has its whole burst again. Tenants whose burst is full, and rates that no other tenant
/// has, are forgotten, now and then, by the checks themselves.
pub struct ApiRates {
    clock: Arc<dyn Clock>,
    rates: RwLock<HashMap<ApiCallRate, Arc<ApiRate>>>,
    checks_until_sweep: AtomicI64,
}

/// Sweeps are no closer to each other than this.
const CHECKS_BETWEEN_SWEEPS_MIN: usize = 4_096;

impl ApiRates {
    /// Nobody has made a call.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, rates: RwLock::default(), checks_until_sweep: AtomicI64::new(CHECKS_BETWEEN_SWEEPS_MIN as i64) }
    }

    /// Counts a call of `cost` by a tenant that has this rate, if it is within it. A cost of 0 always is.
    ///
    /// # Errors
    /// [`RateLimited`] if it is not, or if the rate fails its [check](ApiCallRate::check); nothing is counted then.
    pub fn check(&self, rate: ApiCallRate, tenant: &TenantId, cost: u32) -> Result<(), RateLimited> {
        self.sweep_now_and_then();
        let known = self.rates.read().unwrap_or_else(PoisonError::into_inner).get(&rate).cloned();
        let known = known.or_else(|| self.begin(rate));
        known.ok_or(RateLimited { cost, rate, retry_after: None })?.check(tenant, cost)
    }

    /// Rates that are remembered.
    pub fn len(&self) -> usize {
        self.rates.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nobody has made a call.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A sweep looks at every tenant, so the next one waits for at least as many checks.
    fn sweep_now_and_then(&self) {
        if self.checks_until_sweep.fetch_sub(1, Relaxed) == 1 {
            let mut rates = self.rates.write().unwrap_or_else(PoisonError::into_inner);
            rates.retain(|_, rate| rate.is_in_use());
            let tenants: usize = rates.values().map(|rate| rate.tenants()).sum();
            let checks = tenants.max(CHECKS_BETWEEN_SWEEPS_MIN);
            self.checks_until_sweep.store(i64::try_from(checks).unwrap_or(i64::MAX), Relaxed);
        }
    }

    fn begin(&self, rate: ApiCallRate) -> Option<Arc<ApiRate>> {
        let mut rates = self.rates.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = rates.get(&rate) {
            return Some(known.clone());
        }
        let new = Arc::new(ApiRate::new(rate, self.clock.clone()).ok()?);
        rates.insert(rate, new.clone());
        Some(new)
    }
}

impl std::fmt::Debug for ApiRates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiRates").field("rates", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;

    #[derive(Debug, Default)]
    struct Stepped(AtomicU64);

    impl Clock for Stepped {
        fn now(&self) -> Duration {
            Duration::from_secs(self.0.load(Relaxed))
        }
    }

    fn tenant(number: u32) -> TenantId {
        TenantId::new(format!("tenant {number}")).expect("an id")
    }

    #[test]
    fn each_tenant_has_its_own_rate() {
        let rates = ApiRates::new(Arc::new(Stepped::default()));
        for (number, calls) in [(1, 3), (2, 7), (3, 3)] {
            let passing = (0..20).filter(|_| rates.check(ApiCallRate::per_minute(calls), &tenant(number), 1).is_ok());
            assert_eq!(passing.count() as u32, calls);
        }
        assert_eq!(rates.len(), 2);
        let never = ApiCallRate { calls: 0, ..ApiCallRate::per_minute(1) };
        assert_eq!(rates.check(never, &tenant(4), 1).map_err(|limited| limited.retry_after), Err(None));
    }

    #[test]
    fn a_million_tenants_and_rates_leave_nothing() {
        let clock = Arc::new(Stepped::default());
        let rates = ApiRates::new(clock.clone());
        for number in 0..1_000_000 {
            // Each is used once, and its burst is full again when the next thousand come.
            clock.0.store(u64::from(number) / 1_000 * 60, Relaxed);
            let rate = ApiCallRate::per_minute(1 + number % 1_000);
            rates.check(rate, &tenant(number), 1).expect("the first one is free");
        }
        let tenants: usize = rates.rates.read().expect("no panic").values().map(|rate| rate.tenants()).sum();
        assert!(tenants <= 2 * CHECKS_BETWEEN_SWEEPS_MIN, "{tenants} tenants");
    }
}
