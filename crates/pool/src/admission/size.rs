//! How many VMs there should be.
//!
//! ```text
//!   demand in VMs, averaged over a minute
//!   ──────────────────────────────────────── = utilisation, if there were as many as the target says
//!                  target
//!
//!   0 % ────────────── 62 % ─────── 70 % ─────── 78 % ────────────── 100 %
//!    a new target: 70 % │        the target stays        │ a new target: 70 %
//! ```
//!
//! - Below the target, VMs are made ahead of demand.
//! - Above it, one is made only for those who would else wait for longer than `vm_patience`: because those in use come
//!   back too slowly, or because some have been lacking for so long without a break. A little more demand than VMs, for a
//!   moment, is what a steady load looks like.
//! - Above it, VMs are destroyed that were idle for `idle_timeout`. If there have been too many for so long, because all
//!   of them are used now and then, one a minute is destroyed while the utilisation is below 62 %.

use std::time::Duration;

use super::window::Window;
use crate::config::PoolConfig;

/// Where the utilisation should be.
const UTILISATION: f64 = 0.70;
const UTILISATION_MIN: f64 = 0.62;
const UTILISATION_MAX: f64 = 0.78;

/// What must be known of the load before the target follows it.
const EVIDENCE: Duration = Duration::from_secs(10);

/// Between two VMs that are destroyed though they were used of late.
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Size {
    target: usize,
    /// When a VM was made or destroyed last.
    changed: Duration,
    /// Since when VMs have been lacking without a break.
    lacking_since: Option<Duration>,
    /// Since when there have been more VMs than the target without a break.
    exceeded_since: Option<Duration>,
}

impl Size {
    pub(super) fn new(config: &PoolConfig) -> Self {
        Self { target: config.vms_initial, changed: Duration::ZERO, lacking_since: None, exceeded_since: None }
    }

    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// A second has passed.
    pub(super) fn revise(&mut self, window: &Window, config: &PoolConfig) {
        if window.covered() < EVIDENCE {
            return;
        }
        let demand = window.demand();
        if !(UTILISATION_MIN..=UTILISATION_MAX).contains(&(demand / self.target.max(1) as f64)) {
            let target = (demand / UTILISATION).ceil();
            self.target = (target as usize).clamp(config.vms_initial, config.vms_max);
        }
    }

    /// So many VMs are lacking now.
    pub(super) fn lacks(&mut self, vms: usize, now: Duration) {
        self.lacking_since = if vms == 0 { None } else { self.lacking_since.or(Some(now)) };
    }

    /// There are so many VMs now.
    pub(super) fn has(&mut self, vms: usize, now: Duration) {
        self.exceeded_since = if vms <= self.target { None } else { self.exceeded_since.or(Some(now)) };
    }

    /// Whether to make VMs beyond the target for those who lack so many: else they would wait for too long.
    pub(super) fn is_urgent(&self, lacking: usize, window: &Window, now: Duration, config: &PoolConfig) -> bool {
        if lacking == 0 {
            return false;
        }
        let by_vm_back = window.time_by_vm_back().filter(|_| window.covered() >= EVIDENCE);
        let come_back_in = by_vm_back.map(|time| time.saturating_mul(u32::try_from(lacking).unwrap_or(u32::MAX)));
        come_back_in.is_none_or(|time| time > config.vm_patience)
            || self.urgent_at(config).is_some_and(|urgent_at| urgent_at <= now)
    }

    /// When VMs will have been lacking for long enough, if any are.
    pub(super) fn urgent_at(&self, config: &PoolConfig) -> Option<Duration> {
        Some(self.lacking_since?.saturating_add(config.vm_patience))
    }

    /// A VM was made or destroyed.
    pub(super) fn changed(&mut self, now: Duration) {
        self.changed = now;
    }

    /// Whether to give up one of the VMs above the target though it was used of late.
    pub(super) fn is_too_large(&self, window: &Window, now: Duration, config: &PoolConfig) -> bool {
        self.exceeded_since.is_some_and(|since| now >= since.saturating_add(config.idle_timeout))
            && now >= self.changed.saturating_add(PERIOD)
            && window.utilisation() < UTILISATION_MIN
    }
}
