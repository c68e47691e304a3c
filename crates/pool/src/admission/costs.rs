//! What runs of a script usually cost: moving averages of CPU time.

use std::time::Duration;

use isolet_core_traits::{ScriptId, TenantId};
use lru::LruCache;

use super::Need;

/// What a script is expected to use that nothing is known of.
pub const COST_UNKNOWN: Duration = Duration::from_millis(1);

/// Scripts that are remembered. What was used longest ago makes room.
const SCRIPTS_MAX: usize = 10_000;

/// What anything costs at least: clocks of CPU time may be coarse.
const COST_MIN_US: u64 = 1;

#[derive(Debug)]
pub(super) struct Costs {
    /// In microseconds, eight times as much, so that small changes are not lost.
    averages: LruCache<(TenantId, ScriptId, Need), u64>,
}

const SCALE: u64 = 8;

impl Default for Costs {
    fn default() -> Self {
        Self { averages: LruCache::unbounded() }
    }
}

impl Costs {
    /// What the next one is expected to cost, in microseconds of CPU time.
    pub(super) fn expected_us(&mut self, tenant: &TenantId, script: &ScriptId, need: Need) -> u64 {
        let average = self.averages.get(&(tenant.clone(), script.clone(), need));
        average.map_or_else(|| microseconds(COST_UNKNOWN), |average| (average / SCALE).max(COST_MIN_US))
    }

    /// One has cost so much: a quarter of the new average.
    pub(super) fn learn(&mut self, tenant: &TenantId, script: &ScriptId, need: Need, used_us: u64) {
        let used = used_us.saturating_mul(SCALE);
        let average = self.averages.get_or_insert_mut((tenant.clone(), script.clone(), need), || used);
        *average = *average - *average / 4 + used / 4;
        if self.averages.len() > SCRIPTS_MAX {
            self.averages.pop_lru();
        }
    }

    /// Scripts that are remembered.
    pub(super) fn scripts(&self) -> usize {
        self.averages.len()
    }
}

/// At least what anything costs, and not more than an hour: no sum of costs overflows.
pub(super) fn microseconds(cpu: Duration) -> u64 {
    u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX).clamp(COST_MIN_US, 3_600_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_follow_and_strangers_are_forgotten() {
        let (tenant, script) = (TenantId::new("a").expect("an id"), ScriptId::new("a.js").expect("an id"));
        let mut costs = Costs::default();
        let mut after = |used_us| {
            costs.learn(&tenant, &script, Need::Vm, used_us);
            costs.expected_us(&tenant, &script, Need::Vm)
        };
        assert_eq!([100, 100, 500, 500, 0].map(&mut after), [100, 100, 200, 275, 206]);
        assert_eq!(costs.expected_us(&tenant, &script, Need::Permit), 1_000, "compiling is something else");
        for number in 0..SCRIPTS_MAX {
            let script = ScriptId::new(number.to_string()).expect("an id");
            costs.learn(&tenant, &script, Need::Vm, 1);
        }
        assert_eq!((costs.scripts(), costs.expected_us(&tenant, &script, Need::Vm)), (SCRIPTS_MAX, 1_000));
    }
}
