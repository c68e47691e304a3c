//! What one run may use of something that is counted.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A run's budget of API calls, or of bytes. Ask that of calls before [`ApiRate`](crate::ApiRate): a run that has spent
/// its own budget must not use up its tenant's.
#[derive(Debug)]
pub struct RunBudget {
    max: Option<u64>,
    used: AtomicU64,
}

/// Something is over the run's budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{used} of {max} are used, and {asked} are asked for")]
pub struct BudgetSpent {
    /// What was asked for.
    pub asked: u64,
    /// What the run has used.
    pub used: u64,
    /// What it may use.
    pub max: u64,
}

impl RunBudget {
    /// The whole budget; `None`: without limit.
    pub fn new(max: Option<u64>) -> Self {
        Self { max, used: AtomicU64::new(0) }
    }

    /// Takes `asked` from the budget, or nothing.
    ///
    /// # Errors
    /// [`BudgetSpent`] if less is left.
    pub fn take(&self, asked: u64) -> Result<(), BudgetSpent> {
        let Some(max) = self.max else { return Ok(()) };
        let add = |used: u64| used.checked_add(asked).filter(|sum| *sum <= max);
        let taken = self.used.fetch_update(Relaxed, Relaxed, add);
        taken.map(drop).map_err(|used| BudgetSpent { asked, used, max })
    }

    /// Nothing is left: what was asked for was too much, and less would be no use.
    pub fn exhaust(&self) {
        if let Some(max) = self.max {
            self.used.store(max, Relaxed);
        }
    }

    /// Gives back what was taken for something that did not happen.
    pub fn give_back(&self, taken: u64) {
        let subtract = |used: u64| Some(used.saturating_sub(taken));
        let _ = self.used.fetch_update(Relaxed, Relaxed, subtract);
    }

    /// Whether nothing is left.
    pub fn is_spent(&self) -> bool {
        self.max.is_some_and(|max| self.used.load(Relaxed) >= max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_left_and_no_more() {
        let budget = RunBudget::new(Some(3));
        assert_eq!(budget.take(0), Ok(()));
        assert_eq!(budget.take(2), Ok(()));
        assert_eq!(budget.take(2), Err(BudgetSpent { asked: 2, used: 2, max: 3 }));
        assert_eq!(budget.take(u64::MAX), Err(BudgetSpent { asked: u64::MAX, used: 2, max: 3 }));
        assert!(!budget.is_spent());
        assert_eq!(budget.take(1), Ok(()));
        assert!(budget.is_spent());
        let spent = budget.take(1).expect_err("spent");
        assert_eq!(spent.to_string(), "3 of 3 are used, and 1 are asked for");
        budget.give_back(1);
        assert_eq!(budget.take(1), Ok(()));
        assert_eq!(RunBudget::new(Some(0)).take(1), Err(BudgetSpent { asked: 1, used: 0, max: 0 }));
    }

    #[test]
    fn without_a_limit_everything_passes() {
        let budget = RunBudget::new(None);
        for _ in 0..3 {
            assert_eq!(budget.take(u64::MAX), Ok(()));
            budget.exhaust();
            assert!(!budget.is_spent());
        }
    }

    #[test]
    fn an_exhausted_budget_has_nothing_left() {
        let budget = RunBudget::new(Some(3));
        budget.exhaust();
        assert!(budget.is_spent());
        budget.take(1).expect_err("exhausted");
    }
}
