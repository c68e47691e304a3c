//! For how long a cap has held requests back.

use std::time::Duration;

use isolet_core_traits::WaitedFor;

use crate::rejected::Cap;

/// Counts the time that something is at its cap.
#[derive(Debug, Default)]
pub(super) struct Stopwatch {
    total: Duration,
    since: Option<Duration>,
}

impl Stopwatch {
    /// From now on it is, or is not.
    pub(super) fn set(&mut self, now: Duration, is_at_cap: bool) {
        self.total = self.read(now);
        self.since = is_at_cap.then_some(now);
    }

    pub(super) fn read(&self, now: Duration) -> Duration {
        self.total + self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }
}

/// How long a tenant and one of its scripts have been at their caps.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Capped {
    pub(super) tenant: Duration,
    pub(super) script: Duration,
}

impl Capped {
    /// What a request waited for most, if it waited for so long since `before`; of those alike, what held it back when it
    /// came.
    pub(super) fn reason(self, before: Self, waited: Duration, first: Cap) -> WaitedFor {
        let tenant = self.tenant.saturating_sub(before.tenant);
        let script = self.script.saturating_sub(before.script);
        let vm = waited.saturating_sub(tenant.max(script));
        let reasons = [(vm, WaitedFor::Vm), (script, WaitedFor::ScriptCap), (tenant, WaitedFor::TenantCap)];
        let (_, most) = reasons
            .into_iter()
            .max_by_key(|(time, reason)| (*time, *reason == first.waited_for()))
            .expect("there are three");
        most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_waited_for_most_counts() {
        let ms = Duration::from_millis;
        let capped = |tenant, script| Capped { tenant: ms(tenant), script: ms(script) };
        for (before, after, waited, first, reason) in [
            (capped(0, 0), capped(0, 0), 0, Cap::Script, WaitedFor::ScriptCap),
            (capped(0, 0), capped(0, 0), 0, Cap::Memory, WaitedFor::Vm),
            (capped(0, 0), capped(0, 0), 9, Cap::Tenant, WaitedFor::Vm),
            (capped(7, 0), capped(10, 0), 5, Cap::Vms, WaitedFor::TenantCap),
            (capped(7, 0), capped(10, 0), 7, Cap::Vms, WaitedFor::Vm),
            (capped(0, 0), capped(2, 4), 7, Cap::Vms, WaitedFor::ScriptCap),
            (capped(0, 0), capped(5, 5), 5, Cap::Vms, WaitedFor::TenantCap),
        ] {
            assert_eq!(after.reason(before, ms(waited), first), reason, "{before:?} to {after:?} of {waited} ms");
        }
    }

    #[test]
    fn a_stopwatch_counts_while_it_runs() {
        let seconds = Duration::from_secs;
        let mut watch = Stopwatch::default();
        watch.set(seconds(5), true);
        watch.set(seconds(6), true);
        watch.set(seconds(8), false);
        assert_eq!((watch.read(seconds(7)), watch.read(seconds(20))), (seconds(3), seconds(3)));
        watch.set(seconds(20), true);
        assert_eq!(watch.read(seconds(21)), seconds(4));
    }
}
