//! VMs that are made and destroyed: what there may be, what is lacking, and what is to be done about it.

use std::time::Duration;

use super::making::Demand;
use super::{Admission, Decision};

impl Admission {
    /// Destroys VMs beyond the target: those that stood ready for too long, or one if there are far too many.
    pub(super) fn retire(&mut self, now: Duration) {
        let since = now.checked_sub(self.config.idle_timeout);
        while self.live() > self.size.target()
            && let Some(vm) = since.and_then(|since| self.vms.take_idle(since))
        {
            self.totals.destroyed.idle += 1;
            self.size.changed(now);
            self.destroy(vm);
        }
        self.size.has(self.live(), now);
        if self.size.is_too_large(&self.window, now, &self.config)
            && let Some(vm) = self.vms.take_idle(now)
        {
            self.totals.destroyed.surplus += 1;
            self.size.changed(now);
            self.destroy(vm);
        }
    }

    /// Destroys all VMs that nobody is on: none will be needed.
    pub(super) fn clear(&mut self, now: Duration) {
        while let Some(vm) = self.vms.take_idle(now) {
            self.totals.destroyed.drained += 1;
            self.destroy(vm);
        }
    }

    /// Begins to make the VMs that are wanted.
    pub(super) fn order(&mut self, now: Duration) {
        let lacking = self.vms_of_use().saturating_sub(self.making.being_made());
        let has_waited_enough = || self.size.is_urgent(self.vms_lacking(), &self.window, now, &self.config);
        let is_urgent = self.making.failures() > 0 || lacking > 0 && has_waited_enough();
        let to_begin = self.making.to_begin(self.demand(is_urgent), now);
        for number in 0..to_begin {
            let ordered = &mut self.totals.ordered;
            *match self.vms.made() + self.making.being_made() {
                _ if is_urgent && number < lacking => &mut ordered.on_demand,
                live if live < self.config.vms_initial => &mut ordered.initial,
                _ => &mut ordered.ahead,
            } += 1;
            self.size.changed(now);
            let vm = self.making.begin();
            self.decisions.push_back(Decision::Create(vm));
        }
    }

    /// How many VMs to aim at.
    pub(super) fn target(&self) -> usize {
        if self.draining { 0 } else { self.size.target() }
    }

    /// All VMs that count against the maximum.
    pub(super) fn live(&self) -> usize {
        self.vms.made() + self.making.being_made()
    }

    /// How many more VMs there may be.
    fn room(&self) -> usize {
        let made = self.vms.index().bytes() + self.making.being_made() * self.config.vm_bytes;
        let by_memory = self.config.memory_bytes_max.saturating_sub(made) / self.config.vm_bytes;
        self.config.vms_max.saturating_sub(self.live()).min(by_memory)
    }

    pub(super) fn is_over_memory(&self) -> bool {
        self.vms.index().bytes() > self.config.memory_bytes_max
    }

    /// Whether another VM could be made now.
    pub(super) fn can_make(&self) -> bool {
        self.room() > 0 && self.making.failures() == 0
    }

    /// With those who wait, or without.
    pub(super) fn demand(&self, of_those_who_wait: bool) -> Demand {
        let lacking = if of_those_who_wait { self.vms_of_use() } else { 0 };
        Demand { made: self.vms.made(), target: self.target(), room: self.room(), lacking }
    }

    /// VMs that those who wait could use at once, within all caps but that on VMs.
    pub(super) fn vms_lacking(&self) -> usize {
        if self.is_over_memory() {
            return 0;
        }
        self.ledger.vms_lacking().min(self.config.runs_in_flight_max.saturating_sub(self.in_flight()))
    }

    /// Those of them that would be used if they were made: the share for first runs holds the others back.
    pub(super) fn vms_of_use(&self) -> usize {
        let further = self.vms_for_further_runs().saturating_sub(self.vms.index().in_use());
        self.vms_lacking().min(self.ledger.first_runs() + further)
    }

    /// VMs that runs of tenants that have others going on may use.
    pub(super) fn vms_for_further_runs(&self) -> usize {
        self.config.vms_max - self.config.vms_for_first_runs()
    }

    /// When VMs will be made for those who wait, because they have waited for long enough.
    pub(super) fn urgent_at(&self) -> Option<Duration> {
        let is_held = self.can_make() && self.vms_of_use() > self.making.being_made();
        self.size.urgent_at(&self.config).filter(|_| is_held)
    }
}
