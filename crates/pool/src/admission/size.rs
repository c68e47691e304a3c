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
//! A few seconds in which more VMs are wanted than the target make for a new one as well: 70 % for what is wanted then.
//!
//! - Below the target, VMs are made ahead of demand.
//! - Above it, one is made only for those who would else wait for longer than `vm_patience`: because those in use come
//!   back too slowly, or because those who lacked one so long ago have not been served yet. A little more demand than VMs,
//!   for a moment, is what a steady load looks like.
//! - Above it, VMs are destroyed that were idle for `idle_timeout`. If there have been too many for so long, because all
//!   of them are used now and then, one a minute is destroyed while the utilisation is below 62 %.

use std::time::Duration;

use super::window::Window;
use crate::config::PoolConfig;

/// Where the utilisation should be.
const UTILISATION: f64 = 0.70;
const UTILISATION_MIN: f64 = 0.62;
const UTILISATION_MAX: f64 = 0.78;
/// Beyond this in a few seconds, a load has grown that does not wait for the minute's average.
const UTILISATION_NOW_MAX: f64 = 1.05;

/// What must be known of the load before the target follows it.
const EVIDENCE: Duration = Duration::from_secs(10);

/// Between two VMs that are destroyed though they were used of late.
const PERIOD: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Size {
    target: usize,
    /// When a VM was made or destroyed last.
    changed: Duration,
    lack: Option<Lack>,
    /// Since when there have been more VMs than the target without a break.
    exceeded_since: Option<Duration>,
}

/// Some lacked a VM, and have not all been served yet.
#[derive(Debug, Clone, Copy)]
struct Lack {
    since: Duration,
    to_serve: usize,
}

impl Size {
    pub(super) fn new(config: &PoolConfig) -> Self {
        Self { target: config.vms_initial, changed: Duration::ZERO, lack: None, exceeded_since: None }
    }

    pub(super) fn target(&self) -> usize {
        self.target
    }

    /// A second has passed.
    pub(super) fn revise(&mut self, window: &Window, config: &PoolConfig) {
        if window.covered() < EVIDENCE {
            return;
        }
        let (average, now) = (window.demand(), window.demand_now());
        let by_target = |demand: f64| demand / self.target.max(1) as f64;
        let demand = if by_target(now) > UTILISATION_NOW_MAX {
            now
        } else if by_target(average) > UTILISATION_MAX {
            average
        } else if by_target(average.max(now)) < UTILISATION_MIN {
            average.max(now)
        } else {
            return;
        };
        self.target = ((demand / UTILISATION).ceil() as usize).clamp(config.vms_initial, config.vms_max);
    }

    /// Someone who waited is served.
    pub(super) fn serves(&mut self) {
        if let Some(lack) = &mut self.lack {
            lack.to_serve = lack.to_serve.saturating_sub(1);
        }
    }

    /// So many VMs are lacking now.
    pub(super) fn lacks(&mut self, vms: usize, now: Duration) {
        let to_serve = self.lack.map_or(0, |lack| lack.to_serve.min(vms));
        self.lack = match self.lack {
            Some(lack) if to_serve > 0 => Some(Lack { to_serve, ..lack }),
            _ => (vms > 0).then_some(Lack { since: now, to_serve: vms }),
        };
    }

    /// There are so many VMs now.
    pub(super) fn has(&mut self, vms: usize, now: Duration) {
        self.exceeded_since = if vms <= self.target { None } else { self.exceeded_since.or(Some(now)) };
    }

    /// Whether to make VMs beyond the target because so many lack one: else they would wait for too long.
    pub(super) fn is_urgent(&self, lacking: usize, window: &Window, now: Duration, config: &PoolConfig) -> bool {
        let by_vm_back = window.time_by_vm_back();
        let come_back_in = by_vm_back.map(|time| time.saturating_mul(u32::try_from(lacking).unwrap_or(u32::MAX)));
        come_back_in.is_none_or(|time| time > config.vm_patience)
            || self.urgent_at(config).is_some_and(|urgent_at| urgent_at <= now)
    }

    /// When those who lack VMs will have waited for long enough, if any do.
    pub(super) fn urgent_at(&self, config: &PoolConfig) -> Option<Duration> {
        Some(self.lack?.since.saturating_add(config.vm_patience))
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
