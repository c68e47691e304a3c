//! The CPU time of tenants by the minute, as executions ask for it and workers charge it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolet_core_traits::{Clock, TenantId};
use isolet_limits::{CpuBudgetSpent, CpuBudgets, Limits};

/// What tenants have used. Nobody comes here whose limits have no such budget.
#[derive(Debug)]
pub(crate) struct Budgets {
    used: Mutex<CpuBudgets>,
    clock: Arc<dyn Clock>,
}

/// A tenant with a budget.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    budgets: Arc<Budgets>,
    tenant: TenantId,
    budget: Duration,
}

impl Budgets {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { used: Mutex::default(), clock }
    }

    /// That of a tenant, if it has one.
    pub(crate) fn of(self: &Arc<Self>, tenant: &TenantId, limits: &Limits) -> Option<Budget> {
        let budget = limits.cpu_time_per_minute?;
        Some(Budget { budgets: self.clone(), tenant: tenant.clone(), budget })
    }

    fn lock(&self) -> MutexGuard<'_, CpuBudgets> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// Whether anything may begin or go on.
    pub(crate) fn check(&self) -> Result<(), CpuBudgetSpent> {
        self.budgets.lock().check(self.budgets.clock.now(), &self.tenant, self.budget)
    }

    /// Says whether it is used up now.
    pub(crate) fn charge(&self, cpu: Duration) -> bool {
        self.budgets.lock().charge(self.budgets.clock.now(), &self.tenant, self.budget, cpu)
    }
}
