//! How much CPU time a tenant may use by time.
//!
//! ```text
//!   used  ▲ budget ────────────╭──╮ spent: nothing begins, what runs is ended
//!         │            ╱╲     ╱    ╲
//!         │     ╱╲    ╱  ╲   ╱      ╲╌╌╌ nine tenths: others may begin again
//!         └────╱──╲──╱────╲─╱────────────▶ time        what was used is forgotten steadily, a budget in a minute
//! ```

use std::collections::HashMap;
use std::time::Duration;

use isolet_core_traits::TenantId;

const MINUTE: Duration = Duration::from_secs(60);

/// Sweeps are no closer to each other than so many charges.
const CHARGES_BETWEEN_SWEEPS_MIN: usize = 1_024;

/// CPU time that tenants have used of late: a state machine; time is passed in.
///
/// A budget may be used at once, and is there again in a minute; so in no minute are two budgets exceeded. Tenants whose
/// use is forgotten are forgotten, too.
#[derive(Debug, Default)]
pub struct CpuBudgets {
    accounts: HashMap<TenantId, Account>,
    charges_until_sweep: usize,
}

#[derive(Debug, Clone, Copy)]
struct Account {
    /// What was used and is not forgotten, at this time.
    used: Duration,
    at: Duration,
    budget: Duration,
    is_spent: bool,
}

/// A tenant has used up its CPU time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the tenant has used {} of {} ms of CPU time in a minute; try again in {} ms",
    used.as_millis(), budget.as_millis(), retry_after.as_millis().max(1)
)]
pub struct CpuBudgetSpent {
    /// What it has used of late.
    pub used: Duration,
    /// What it may use in a minute.
    pub budget: Duration,
    /// When it may use more, if it uses none until then.
    pub retry_after: Duration,
}

impl CpuBudgets {
    /// Whether something of a tenant may begin. Nothing is counted.
    ///
    /// # Errors
    /// [`CpuBudgetSpent`] if its budget is used up, until a tenth of it is free again.
    pub fn check(&self, now: Duration, tenant: &TenantId, budget: Duration) -> Result<(), CpuBudgetSpent> {
        let Some(account) = self.accounts.get(tenant) else { return Ok(()) };
        let account = Account { budget, ..*account }.at(now);
        if !account.is_spent {
            return Ok(());
        }
        let excess = account.used.saturating_sub(account.free_again());
        // What a minute makes free is a budget.
        let retry_after = Duration::from_secs_f64(excess.as_secs_f64() / budget.as_secs_f64() * MINUTE.as_secs_f64());
        Err(CpuBudgetSpent { used: account.used, budget, retry_after })
    }

    /// A tenant has used so much. Says whether its budget is used up, so that what it has running must end.
    pub fn charge(&mut self, now: Duration, tenant: &TenantId, budget: Duration, cpu: Duration) -> bool {
        self.sweep_now_and_then(now);
        let account = match self.accounts.get_mut(tenant) {
            Some(account) => account,
            None => {
                let fresh = Account { used: Duration::ZERO, at: now, budget, is_spent: false };
                self.accounts.entry(tenant.clone()).or_insert(fresh)
            }
        };
        *account = Account { budget, ..*account }.at(now);
        account.used = account.used.saturating_add(cpu);
        account.is_spent |= account.used >= budget;
        account.is_spent
    }

    /// Tenants that are remembered.
    pub fn tenants(&self) -> usize {
        self.accounts.len()
    }

    /// A sweep looks at every tenant, so the next one waits for at least as many charges.
    fn sweep_now_and_then(&mut self, now: Duration) {
        match self.charges_until_sweep.checked_sub(1) {
            Some(charges) => self.charges_until_sweep = charges,
            None => {
                self.accounts.retain(|_, account| account.at(now).used > Duration::ZERO);
                self.charges_until_sweep = self.accounts.len().max(CHARGES_BETWEEN_SWEEPS_MIN);
            }
        }
    }
}

impl Account {
    fn at(self, now: Duration) -> Self {
        let forgotten = self.budget.as_secs_f64() * now.saturating_sub(self.at).as_secs_f64() / MINUTE.as_secs_f64();
        let forgotten = Duration::try_from_secs_f64(forgotten).unwrap_or(Duration::MAX);
        let aged = Self { used: self.used.saturating_sub(forgotten), at: self.at.max(now), ..self };
        Self { is_spent: aged.is_spent && aged.used > aged.free_again(), ..aged }
    }

    /// From here on more may be used again.
    fn free_again(self) -> Duration {
        self.budget / 10 * 9
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const BUDGET: Duration = Duration::from_secs(6);

    fn tenant(name: impl AsRef<str>) -> TenantId {
        TenantId::new(name).expect("an id")
    }

    #[test]
    fn a_budget_may_be_used_at_once_and_comes_back_steadily() {
        let (mut budgets, acme) = (CpuBudgets::default(), tenant("acme"));
        assert!(!budgets.charge(SECOND, &acme, BUDGET, 5 * SECOND));
        assert_eq!(budgets.check(SECOND, &acme, BUDGET), Ok(()));
        assert!(budgets.charge(SECOND, &acme, BUDGET, SECOND));
        let spent = budgets.check(SECOND, &acme, BUDGET).expect_err("it is used up");
        assert_eq!((spent.used, spent.retry_after), (BUDGET, 6 * SECOND));
        let text = "the tenant has used 6000 of 6000 ms of CPU time in a minute; try again in 6000 ms";
        assert_eq!(spent.to_string(), text);
        assert!(budgets.check(6 * SECOND, &acme, BUDGET).is_err(), "not before a tenth is free");
        assert_eq!(budgets.check(8 * SECOND, &acme, BUDGET), Ok(()));
        assert_eq!(budgets.check(SECOND, &tenant("umbrella"), BUDGET), Ok(()), "tenants do not share");
    }

    #[test]
    fn no_minute_has_more_than_two_budgets() {
        let (mut budgets, acme) = (CpuBudgets::default(), tenant("acme"));
        let slice = Duration::from_millis(10);
        let mut used = Vec::new();
        for tick in 0..30_000_u32 {
            let now = slice * tick;
            let is_used = budgets.check(now, &acme, BUDGET).is_ok();
            used.push(is_used);
            if is_used {
                budgets.charge(now, &acme, BUDGET, slice);
            }
        }
        let used_in = |ticks: &[bool]| slice * ticks.iter().filter(|is_used| **is_used).count() as u32;
        let most = used.windows(6_000).map(used_in).max().expect("minutes");
        assert!((BUDGET..=2 * BUDGET).contains(&most), "{most:?}");
        let average = used_in(&used[6_000..]) / 4;
        assert!((BUDGET * 95 / 100..=BUDGET * 105 / 100).contains(&average), "{average:?} a minute in the long run");
    }

    #[test]
    fn budgets_may_change() {
        let (mut budgets, acme) = (CpuBudgets::default(), tenant("acme"));
        assert!(budgets.charge(SECOND, &acme, BUDGET, 7 * SECOND));
        assert_eq!(budgets.check(SECOND, &acme, 2 * BUDGET), Ok(()));
        assert!(budgets.charge(SECOND, &acme, SECOND, Duration::ZERO));
        // Time that goes back changes nothing.
        assert!(budgets.check(Duration::ZERO, &acme, SECOND).is_err());
        let spent = budgets.check(SECOND, &acme, SECOND).expect_err("far over");
        assert_eq!(spent.retry_after.as_secs(), 366);
    }

    #[test]
    fn tenants_that_have_used_nothing_of_late_are_forgotten() {
        let mut budgets = CpuBudgets::default();
        let mut most = 0;
        for number in 0..200_000_u32 {
            let now = Duration::from_millis(10) * number;
            budgets.charge(now, &tenant(number.to_string()), BUDGET, Duration::from_millis(200));
            most = most.max(budgets.tenants());
        }
        // At any time about 200 of them have used something that is not forgotten.
        assert!(most <= 2 * CHARGES_BETWEEN_SWEEPS_MIN, "{most} tenants were remembered at once");
    }
}
