//! How many API calls one run may make.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// A run's budget of API calls, below its tenant's rate. Ask it before [`ApiRate`](crate::ApiRate): a run that has spent
/// its own budget must not use up its tenant's.
#[derive(Debug)]
pub struct RunCallBudget {
    calls_max: Option<u32>,
    used: AtomicU32,
}

/// A call is over the run's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run has made {used} of {calls_max} API calls, this one costs {cost}")]
pub struct BudgetSpent {
    /// What the call counts as.
    pub cost: u32,
    /// API calls that the run has made.
    pub used: u32,
    /// API calls that it may make.
    pub calls_max: u32,
}

impl RunCallBudget {
    /// The whole budget; `None`: without limit.
    pub fn new(calls_max: Option<u32>) -> Self {
        Self { calls_max, used: AtomicU32::new(0) }
    }

    /// Takes `cost` from the budget, or nothing.
    ///
    /// # Errors
    /// [`BudgetSpent`] if less is left.
    pub fn take(&self, cost: u32) -> Result<(), BudgetSpent> {
        let Some(calls_max) = self.calls_max else { return Ok(()) };
        let add = |used: u32| used.checked_add(cost).filter(|sum| *sum <= calls_max);
        let taken = self.used.fetch_update(Relaxed, Relaxed, add);
        taken.map(drop).map_err(|used| BudgetSpent { cost, used, calls_max })
    }

    /// Gives back what was taken for a call that was not made.
    pub fn give_back(&self, cost: u32) {
        let subtract = |used: u32| Some(used.saturating_sub(cost));
        let _ = self.used.fetch_update(Relaxed, Relaxed, subtract);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_left_and_no_more() {
        let budget = RunCallBudget::new(Some(3));
        assert_eq!(budget.take(0), Ok(()));
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(2), Err(BudgetSpent { cost: 2, used: 2, calls_max: 3 }));
        assert_eq!(budget.take(u32::MAX), Err(BudgetSpent { cost: u32::MAX, used: 2, calls_max: 3 }));
        assert_eq!(budget.take(1), Ok(()));
        let spent = budget.take(1).expect_err("spent");
        assert_eq!(spent.to_string(), "the run has made 3 of 3 API calls, this one costs 1");
        budget.give_back(1);
        assert_eq!(budget.take(1), Ok(()));
        assert_eq!(RunCallBudget::new(Some(0)).take(1), Err(BudgetSpent { cost: 1, used: 0, calls_max: 0 }));
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let budget = RunCallBudget::new(None);
        for _ in 0..3 {
            assert_eq!(budget.take(u32::MAX), Ok(()));
        }
    }
}
