//! Which limits hold for whom.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use isolet_core_traits::{ScriptId, TenantId};

use crate::error::LimitsError;
use crate::limits::Limits;

/// Tells the limits of a tenant's scripts: the defaults, the plan that the tenant pays for, a script of its own.
///
/// It is asked when an execution begins, on its caller's thread, so it must be quick: what it tells should lie in memory.
/// An execution may ask for [lower ones](crate::LimitOverrides), never for higher ones.
pub trait LimitsPolicy: Send + Sync + 'static {
    /// The limits of a script. If they fail their [check](Limits::check), its executions are rejected and say why.
    fn limits(&self, tenant: &TenantId, script: &ScriptId) -> Arc<Limits>;
}

/// Limits by tenant and by script, in memory: those of the script, else of its tenant, else the defaults.
///
/// They may change at any time; executions that have begun keep theirs.
#[derive(Debug)]
pub struct Plans {
    default: Arc<Limits>,
    plans: RwLock<HashMap<TenantId, Plan>>,
}

#[derive(Debug, Default)]
struct Plan {
    limits: Option<Arc<Limits>>,
    scripts: HashMap<ScriptId, Arc<Limits>>,
}

impl Plans {
    /// The same for everybody.
    ///
    /// # Errors
    /// As [`Limits::check`].
    pub fn new(default: Limits) -> Result<Self, LimitsError> {
        Ok(Self { default: checked(default)?, plans: RwLock::default() })
    }

    /// From now on these are the limits of all of a tenant's scripts that have none of their own.
    ///
    /// # Errors
    /// As [`Limits::check`]; nothing is changed then.
    pub fn set_tenant(&self, tenant: TenantId, limits: Limits) -> Result<(), LimitsError> {
        let limits = checked(limits)?;
        self.change(|plans| plans.entry(tenant).or_default().limits = Some(limits));
        Ok(())
    }

    /// From now on these are the limits of one script of a tenant.
    ///
    /// # Errors
    /// As [`Limits::check`]; nothing is changed then.
    pub fn set_script(&self, tenant: TenantId, script: ScriptId, limits: Limits) -> Result<(), LimitsError> {
        let limits = checked(limits)?;
        self.change(|plans| plans.entry(tenant).or_default().scripts.insert(script, limits));
        Ok(())
    }

    /// From now on the defaults hold for a tenant and all of its scripts.
    pub fn remove_tenant(&self, tenant: &TenantId) {
        self.change(|plans| plans.remove(tenant));
    }

    fn change<T>(&self, change: impl FnOnce(&mut HashMap<TenantId, Plan>) -> T) {
        change(&mut self.plans.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl LimitsPolicy for Plans {
    fn limits(&self, tenant: &TenantId, script: &ScriptId) -> Arc<Limits> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        let plan = plans.get(tenant);
        let limits = plan.and_then(|plan| plan.scripts.get(script).or(plan.limits.as_ref()));
        limits.unwrap_or(&self.default).clone()
    }
}

fn checked(limits: Limits) -> Result<Arc<Limits>, LimitsError> {
    limits.check()?;
    Ok(limits.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_limits_hold() {
        let limits = |memory_bytes| Limits { memory_bytes, ..Limits::default() };
        let plans = Plans::new(limits(1 << 20)).expect("valid");
        let (acme, other) = (TenantId::new("acme").expect("an id"), TenantId::new("other").expect("an id"));
        let [a, b] = ["a.js", "b.js"].map(|name| ScriptId::new(name).expect("an id"));
        let seen = |plans: &Plans| {
            let bytes = |tenant, script| plans.limits(tenant, script).memory_bytes >> 20;
            [bytes(&acme, &a), bytes(&acme, &b), bytes(&other, &a)]
        };
        assert_eq!(seen(&plans), [1, 1, 1]);
        plans.set_script(acme.clone(), a.clone(), limits(3 << 20)).expect("valid");
        assert_eq!(seen(&plans), [3, 1, 1]);
        plans.set_tenant(acme.clone(), limits(2 << 20)).expect("valid");
        assert_eq!(seen(&plans), [3, 2, 1]);
        plans.set_tenant(acme.clone(), limits(0)).expect_err("no script could run");
        plans.set_script(acme.clone(), b.clone(), limits(0)).expect_err("no script could run");
        assert_eq!(seen(&plans), [3, 2, 1]);
        plans.remove_tenant(&acme);
        assert_eq!(seen(&plans), [1, 1, 1]);
        Plans::new(limits(0)).expect_err("no script could run");
    }
}
