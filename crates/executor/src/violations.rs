//! Whose scripts use what the policy blocks, counted in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use isolet_core_traits::{Report, ScriptId, Status, TenantId};

/// A script of a tenant that used what the policy blocks and did not catch the error, or made calls that were denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violator {
    /// The tenant.
    pub tenant: TenantId,
    /// The script.
    pub script: ScriptId,
    /// Its executions that did so.
    pub violations: u64,
    /// At most so many of them may be others': its place among those that are counted was somebody else's before.
    pub error_max: u64,
}

impl Violator {
    /// The most that are told.
    pub const TOLD_MAX: usize = 10;
    /// The most that are counted.
    pub const COUNTED_MAX: usize = 128;
}

/// Counts violations by tenant and script.
///
/// Once [`Violator::COUNTED_MAX`] of them are known, a new one takes the place of the one with the fewest, and its count:
/// whoever has more than one in so many of all violations is always among them. "Space-Saving", by Metwally, Agrawal and
/// El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams, 2005.
#[derive(Debug, Default)]
pub(crate) struct Violations(Mutex<HashMap<(TenantId, ScriptId), Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    violations: u64,
    error_max: u64,
}

impl Violations {
    /// An execution ended with this report.
    pub(crate) fn count(&self, report: &Report) {
        if report.status == Status::SandboxViolation || report.metrics.host_calls_denied > 0 {
            self.add(&report.context.tenant, &report.context.script);
        }
    }

    fn add(&self, tenant: &TenantId, script: &ScriptId) {
        let mut counts = self.lock();
        let key = (tenant.clone(), script.clone());
        let is_full = counts.len() >= Violator::COUNTED_MAX && !counts.contains_key(&key);
        let fewest = counts.iter().filter(|_| is_full).min_by_key(|(_, count)| count.violations);
        let replaced = fewest.map(|(key, count)| (key.clone(), count.violations));
        let inherited = replaced.map_or(0, |(fewest, violations)| {
            counts.remove(&fewest);
            violations
        });
        let count = counts.entry(key).or_insert(Count { violations: inherited, error_max: inherited });
        count.violations += 1;
    }

    /// Those with the most, at most [`Violator::TOLD_MAX`].
    pub(crate) fn most(&self) -> Vec<Violator> {
        let counts = self.lock();
        let all = counts.iter().map(|((tenant, script), &Count { violations, error_max })| Violator {
            tenant: tenant.clone(),
            script: script.clone(),
            violations,
            error_max,
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|violator| std::cmp::Reverse(violator.violations - violator.error_max));
        all.truncate(Violator::TOLD_MAX);
        all
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(TenantId, ScriptId), Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(violations: &Violations, tenant: &str, script: &str) {
        violations.add(&TenantId::new(tenant).expect("an id"), &ScriptId::new(script).expect("an id"));
    }

    #[test]
    fn those_with_the_most_are_told() {
        let violations = Violations::default();
        for (tenant, script, count) in [("a", "x", 2), ("a", "y", 5), ("b", "x", 3)] {
            (0..count).for_each(|_| add(&violations, tenant, script));
        }
        let most = violations.most();
        let told: Vec<_> = most.iter().map(|one| (one.tenant.as_str(), one.script.as_str(), one.violations)).collect();
        assert_eq!(told, [("a", "y", 5), ("b", "x", 3), ("a", "x", 2)]);
        assert!(most.iter().all(|one| one.error_max == 0));
    }

    #[test]
    fn a_million_tenants_take_no_more_memory_than_few() {
        let violations = Violations::default();
        for number in 0..20_000 {
            add(&violations, &format!("t{number}"), "x");
            if number % 50 == 0 {
                add(&violations, "frequent", "x");
            }
        }
        assert_eq!(violations.lock().len(), Violator::COUNTED_MAX);
        let most = violations.most();
        assert_eq!(most.len(), Violator::TOLD_MAX);
        let first = &most[0];
        let range = first.violations - first.error_max..=first.violations;
        assert_eq!(first.tenant.as_str(), "frequent");
        assert!(range.contains(&400), "{first:?}");
    }
}
