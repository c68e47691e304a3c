//! The rules.

use std::collections::{HashMap, HashSet};

use isolet_core_traits::{ScriptId, TenantId};
use isolet_pool::admission::{QUANTUM_US, VmId};
use isolet_pool::{Need, Request};

use super::model::{Granted, Model, Seat, Totals, Watch};

type ByTenant<'a> = HashMap<&'a TenantId, usize>;
type ByScript<'a> = HashMap<(&'a TenantId, &'a ScriptId), usize>;

impl Model {
    /// No request of the tenant that came earlier and could be granted too is passed, and no cap.
    pub(super) fn check_order(&self, at: usize) {
        let (_, request, _) = &self.waiting[at];
        assert!(self.could_have(request), "{request:?} is granted beyond a cap");
        for (_, earlier, _) in &self.waiting[..at] {
            assert!(earlier.tenant != request.tenant || !self.could_have(earlier), "{earlier:?} was passed");
        }
    }

    /// Other tenants who could have been granted in its stead are not passed for longer than the bound says.
    pub(super) fn check_bound(&mut self, at: usize, cost_us: u64) {
        let server = self.waiting[at].1.tenant.clone();
        let part_us = QUANTUM_US * u64::from(self.waiting[at].1.share.weight.get());
        let mut watches = std::mem::take(&mut self.watches);
        for (tenant, watch) in watches.iter_mut().filter(|(tenant, _)| **tenant != server) {
            let mut own = self.waiting.iter().filter(|(_, request, _)| request.tenant == *tenant);
            if own.any(|(_, request, _)| self.could_have(request)) {
                let passed = watch.passed.entry(server.clone()).or_default();
                passed.cost_us += cost_us;
                passed.cost_max_us = passed.cost_max_us.max(cost_us);
                let bound_us = (watch.rounds + 1) * part_us + passed.cost_max_us + passed.given_back_us;
                assert!(passed.cost_us <= bound_us, "{tenant:?} waits for {server:?}: {passed:?} in {}", watch.rounds);
            }
        }
        self.watches = watches;
    }

    /// Begins to watch those who wait since now.
    pub(super) fn watch(&mut self) {
        let waiting = &self.waiting;
        self.watches.retain(|tenant, _| waiting.iter().any(|(_, request, _)| request.tenant == *tenant));
        for (ticket, request, _) in &self.waiting {
            let rounds = self.admission.rounds_ahead(*ticket).expect("it waits");
            let watch = Watch { rounds, passed: HashMap::new() };
            self.watches.entry(request.tenant.clone()).or_insert(watch);
        }
    }

    /// A run is asked to leave its VM only if a parked run wants it back, or if somebody new lacks nothing else; then it
    /// is the right one.
    pub(super) fn check_park(&self, at: usize) {
        let Seat::Waiting(vm, since) = self.granted[at].seat else { panic!("it does not wait") };
        if self.is_wanted_back(vm) {
            return;
        }
        assert!(self.parked_bytes() < self.config.parked_bytes_max, "parked runs hold too much");
        assert!(self.ready.is_empty() || self.vms_in_use() >= self.vms_for_further_runs());
        assert!(self.vms_lacking() > self.expected(), "nobody needs it");
        let best = self.granted.iter().filter_map(|granted| match granted.seat {
            Seat::Waiting(vm, since) => Some((self.parked_by(vm), since)),
            _ => None,
        });
        assert_eq!(Some((self.parked_by(vm), since)), best.min(), "another one should leave");
    }

    fn could_have(&self, request: &Request) -> bool {
        self.within_caps(request) && self.can_have(request)
    }

    fn within_caps(&self, request: &Request) -> bool {
        let share = self.shares[&request.tenant];
        let tenant = self.granted.iter().filter(|granted| granted.request.tenant == request.tenant);
        let script = tenant.clone().filter(|granted| granted.request.script == request.script);
        tenant.count() < share.runs_per_tenant && script.count() < share.runs_per_script
    }

    /// Whether a request could have a VM now, if it needs one.
    fn can_have(&self, request: &Request) -> bool {
        let is_first = self.granted.iter().all(|granted| granted.request.tenant != request.tenant);
        let is_free = is_first || self.vms_in_use() < self.vms_for_further_runs();
        let has_vm =
            !self.ready.is_empty() && self.in_flight() < self.config.runs_in_flight_max && !self.is_over_memory();
        request.need == Need::Permit || has_vm && is_free
    }

    /// A share is kept for tenants that have nothing going on.
    fn vms_for_further_runs(&self) -> usize {
        self.config.vms_max - self.config.vms_max * self.config.first_runs_percent / 100
    }

    fn seats(&self, which: impl Fn(Seat) -> bool) -> usize {
        self.granted.iter().filter(|granted| which(granted.seat)).count()
    }

    fn vms_in_use(&self) -> usize {
        self.seats(|seat| seat.on().is_some())
    }

    fn in_flight(&self) -> usize {
        self.vms_in_use() + self.seats(|seat| seat.parked_by().is_some())
    }

    /// How many runs are parked by it.
    pub(super) fn parked_by(&self, vm: VmId) -> usize {
        self.seats(|seat| seat.parked_by() == Some(vm))
    }

    fn is_wanted_back(&self, vm: VmId) -> bool {
        self.seats(|seat| seat.place_at(vm).is_some()) > 0
    }

    /// VMs that will be free for somebody new.
    fn coming(&self) -> usize {
        self.seats(|seat| matches!(seat, Seat::Asked(vm) if !self.is_wanted_back(vm)))
    }

    fn parked_bytes(&self) -> usize {
        self.granted.iter().map(|granted| granted.seat.bytes()).sum()
    }

    pub(super) fn live(&self) -> usize {
        self.ready.len() + self.being_made.len() + self.vms_in_use()
    }

    /// Leases by tenant and by script.
    fn leases(&self) -> (ByTenant<'_>, ByScript<'_>) {
        let (mut tenants, mut scripts) = (HashMap::new(), HashMap::new());
        for Granted { request, .. } in &self.granted {
            *tenants.entry(&request.tenant).or_default() += 1;
            *scripts.entry((&request.tenant, &request.script)).or_default() += 1;
        }
        (tenants, scripts)
    }

    /// VMs that those who wait could use at once, counted by granting them one after the other.
    pub(super) fn vms_lacking(&self) -> usize {
        let (mut tenants, mut scripts) = self.leases();
        let mut lacking = 0;
        for (_, request, _) in self.waiting.iter().filter(|(_, request, _)| request.need == Need::Vm) {
            let tenant = tenants.entry(&request.tenant).or_default();
            let script = scripts.entry((&request.tenant, &request.script)).or_default();
            let share = self.shares[&request.tenant];
            if *tenant < share.runs_per_tenant && *script < share.runs_per_script {
                (*tenant, *script) = (*tenant + 1, *script + 1);
                lacking += 1;
            }
        }
        if self.is_over_memory() { 0 } else { lacking.min(self.config.runs_in_flight_max - self.in_flight()) }
    }

    /// VMs that may be being made; all of them should be, but for the patience of those who wait.
    pub(super) fn wanted(&self, lacking: usize) -> usize {
        let made = self.ready.len() + self.vms_in_use();
        let ahead = self.admission.stats().target.saturating_sub(made);
        let made_bytes = self.vm_bytes().saturating_sub(self.being_made.len() * self.config.vm_bytes);
        let by_memory = self.config.memory_bytes_max.saturating_sub(made_bytes) / self.config.vm_bytes;
        lacking.max(ahead).min(self.config.vms_max - made).min(by_memory)
    }

    /// Bytes of all VMs, those included that are being made.
    fn vm_bytes(&self) -> usize {
        let on = self.granted.iter().filter_map(|granted| granted.seat.on());
        let made = on.chain(self.ready.iter().copied()).map(|vm| self.bytes.get(&vm).unwrap_or(&self.config.vm_bytes));
        made.sum::<usize>() + self.being_made.len() * self.config.vm_bytes
    }

    fn is_over_memory(&self) -> bool {
        self.vm_bytes() - self.being_made.len() * self.config.vm_bytes > self.config.memory_bytes_max
    }

    /// VMs that would be used and were waited for in vain.
    fn lacking_for_long(&self) -> usize {
        let is_over = self.lacking_since.is_some_and(|since| self.now >= since + self.config.vm_patience);
        if is_over { self.vms_of_use() } else { 0 }
    }

    /// VMs that are lacking and would be used if they were made.
    pub(super) fn vms_of_use(&self) -> usize {
        let first = |request: &Request| self.granted.iter().all(|granted| granted.request.tenant != request.tenant);
        let firsts = self
            .waiting
            .iter()
            .filter(|(_, request, _)| request.need == Need::Vm && first(request) && self.within_caps(request));
        let firsts: HashSet<_> = firsts.map(|(_, request, _)| &request.tenant).collect();
        self.vms_lacking().min(firsts.len() + self.vms_for_further_runs().saturating_sub(self.vms_in_use()))
    }

    /// VMs that will be there for those who wait: made, or left by runs that were asked.
    fn expected(&self) -> usize {
        let fits = self.vm_bytes() + self.config.vm_bytes <= self.config.memory_bytes_max;
        let can_make = self.live() < self.config.vms_max && fits && !self.failed_since_last;
        let to_be_made = if can_make { self.vms_of_use() } else { 0 };
        self.being_made.len().max(to_be_made) + self.coming()
    }

    pub(super) fn check(&self) {
        self.check_figures();
        self.check_caps();
        self.check_vms();
        for (ticket, request, since) in &self.waiting {
            assert!(!self.could_have(request), "{request:?} waits though it could be granted");
            assert!(self.now < *since + self.config.queue_wait, "it waits for too long");
            assert!(self.admission.wake_at(*ticket).is_some_and(|at| at > self.now), "its timer would spin");
        }
        if !self.failed_since_last {
            assert!(self.being_made.len() >= self.wanted(self.lacking_for_long()), "too few VMs are being made");
        }
        let nobody_is_left = self.waiting.is_empty() && self.granted.is_empty();
        assert_eq!(self.admission.is_drained(), self.draining && nobody_is_left);
        assert!(!(self.draining && nobody_is_left) || self.ready.is_empty(), "nobody will need these");
    }

    fn check_figures(&self) {
        let stats = self.admission.stats();
        assert_eq!(
            (stats.ready, stats.in_use, stats.being_made, stats.waiting, stats.leases),
            (self.ready.len(), self.vms_in_use(), self.being_made.len(), self.waiting.len(), self.granted.len()),
        );
        assert_eq!(
            (stats.parked, stats.parked_returning, stats.parked_bytes),
            (
                self.seats(|seat| seat.parked_by().is_some()),
                self.seats(|seat| matches!(seat, Seat::Parked(_, _, Some(_)))),
                self.parked_bytes()
            ),
        );
        let sum = stats.ordered.initial + stats.ordered.ahead + stats.ordered.on_demand;
        assert_eq!(sum, stats.created_total + stats.failed_total + stats.being_made as u64);
        assert_eq!(
            stats.destroyed.idle + stats.destroyed.surplus + stats.destroyed.memory + stats.destroyed.drained,
            stats.destroyed_total,
            "each has a reason"
        );
        assert_eq!((stats.total, stats.lacking), (stats.ready + stats.in_use, self.vms_lacking()));
        let rejections = stats.rejections;
        let rejected = rejections.queue_full + rejections.queue_timeout + rejections.draining + rejections.no_vm;
        assert_eq!((rejected, stats.wait_times.count()), (stats.rejected_total, stats.granted_total));
        let totals = Totals {
            granted: stats.granted_total,
            rejected: stats.rejected_total,
            parks: stats.parks_total,
            unparks: stats.unparks_total,
        };
        assert_eq!(totals, self.totals);
        let active: HashSet<_> = self.waiting.iter().map(|(_, request, _)| &request.tenant).collect();
        let active: HashSet<_> = self.granted.iter().map(|granted| &granted.request.tenant).chain(active).collect();
        assert_eq!(stats.tenants, active.len(), "idle tenants are forgotten");
    }

    fn check_caps(&self) {
        assert!(self.live() <= self.config.vms_max);
        if self.is_over_memory() {
            let is_large = |vm: &VmId| self.bytes.get(vm).is_some_and(|bytes| *bytes > self.config.vm_bytes);
            assert!(!self.ready.iter().any(|vm| is_large(vm) && self.parked_by(*vm) == 0), "a large one could go");
        }
        assert!(self.in_flight() <= self.config.runs_in_flight_max);
        assert!(self.waiting.len() <= self.config.queue_max);
    }

    /// Each VM is in one place, nobody is parked by one that is gone, and whoever wants one back is served or next.
    fn check_vms(&self) {
        let on: Vec<_> = self.granted.iter().filter_map(|granted| granted.seat.on()).collect();
        let all: HashSet<_> = on.iter().chain(&self.ready).chain(&self.being_made).collect();
        assert_eq!(all.len(), self.live(), "a VM is in two places");
        for Granted { ticket, seat, .. } in &self.granted {
            assert!(!matches!(seat, Seat::Lost(_)), "{ticket:?} was not told that its VM is gone");
            assert!(seat.parked_by().is_none_or(|vm| all.contains(&vm)), "{ticket:?} is parked by no VM");
            let wanted_back = |vm: &VmId| self.is_wanted_back(*vm);
            assert!(!matches!(seat, Seat::Waiting(vm, _) if wanted_back(vm)), "{ticket:?} should have been asked");
        }
        assert!(!self.ready.iter().any(|vm| self.is_wanted_back(*vm)), "a parked run does not get its VM back");
        let waits = self.seats(|seat| matches!(seat, Seat::Waiting(..))) > 0;
        if waits && self.parked_bytes() < self.config.parked_bytes_max {
            assert!(self.vms_lacking() <= self.expected(), "somebody lacks a VM, and another waits on one");
        }
    }
}
