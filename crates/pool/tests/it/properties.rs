//! What holds after any sequence of events, checked against a plain model.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use isolet_core_traits::{EngineError, ScriptId, TenantId};
use isolet_pool::admission::{Decision, Ticket, VmId, VmReturn};
use isolet_pool::{Admission, Need, PoolConfig, Rejected, Request};
use proptest::prelude::*;

use crate::request;

#[derive(Debug, Clone)]
enum Event {
    Request { tenant: u8, script: u8, need: Need },
    Cancel(usize),
    ReturnVm(usize, VmReturn),
    Release(usize, VmReturn),
    Made(usize),
    Failed(usize),
    Pass(u16),
    Drain,
}

fn event() -> impl Strategy<Value = Event> {
    let back = || prop_oneof![Just(VmReturn::Kept), Just(VmReturn::Lost)];
    let need = prop_oneof![3 => Just(Need::Vm), 1 => Just(Need::Permit)];
    prop_oneof![
        40 => (0..5_u8, 0..3_u8, need).prop_map(|(tenant, script, need)| Event::Request { tenant, script, need }),
        5 => any::<usize>().prop_map(Event::Cancel),
        5 => (any::<usize>(), back()).prop_map(|(at, vm)| Event::ReturnVm(at, vm)),
        30 => (any::<usize>(), back()).prop_map(|(at, vm)| Event::Release(at, vm)),
        20 => any::<usize>().prop_map(Event::Made),
        5 => any::<usize>().prop_map(Event::Failed),
        10 => (0..400_u16).prop_map(Event::Pass),
        // Rare, so that most sequences reach deep states.
        1 => prop_oneof![9 => Just(Event::Pass(1)), 1 => Just(Event::Drain)],
    ]
}

fn config() -> impl Strategy<Value = PoolConfig> {
    (1..8_usize, 0..8_usize, 1..4_usize, 1..4_usize, 0..12_usize).prop_map(
        |(vms_max, vms_initial, runs_per_tenant, runs_per_script, queue_max)| PoolConfig {
            vms_initial: vms_initial.min(vms_max),
            vms_max,
            runs_per_tenant,
            runs_per_script,
            queue_max,
            queue_wait: Duration::from_millis(1_000),
            idle_timeout: Duration::from_millis(2_000),
            ..PoolConfig::default()
        },
    )
}

/// What the state machine should know, kept the plain way.
struct Model {
    admission: Admission,
    config: PoolConfig,
    now: Duration,
    draining: bool,
    waiting: Vec<(Ticket, Request, Duration)>,
    granted: Vec<(Ticket, Request, Option<VmId>)>,
    being_made: Vec<VmId>,
    ready: HashSet<VmId>,
    ended: HashSet<Ticket>,
    /// Granted and rejected.
    totals: (u64, u64),
    failed_since_last: bool,
}

impl Model {
    fn new(config: PoolConfig) -> Self {
        let admission = Admission::new(config.clone()).expect("a valid config");
        let mut model = Self {
            admission,
            config,
            now: Duration::ZERO,
            draining: false,
            waiting: Vec::new(),
            granted: Vec::new(),
            being_made: Vec::new(),
            ready: HashSet::new(),
            ended: HashSet::new(),
            totals: (0, 0),
            failed_since_last: false,
        };
        model.apply(Event::Pass(0));
        model
    }

    fn apply(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Request { tenant, script, need } => {
                let request = request(&format!("t{tenant}"), &format!("s{script}"), need);
                let ticket = self.admission.request(now, request.clone());
                self.waiting.push((ticket, request, now));
            }
            Event::Cancel(at) => {
                if let Some(at) = pick(&self.waiting, at) {
                    let (ticket, ..) = self.waiting.remove(at);
                    assert!(self.ended.insert(ticket));
                    self.admission.cancel(now, ticket);
                }
            }
            Event::ReturnVm(at, vm) => {
                if let Some(at) = pick(&self.granted, at) {
                    let (ticket, _, had) = &mut self.granted[at];
                    self.ready.extend(had.take().filter(|_| vm == VmReturn::Kept));
                    self.admission.return_vm(now, *ticket, vm);
                }
            }
            Event::Release(at, vm) => {
                if let Some(at) = pick(&self.granted, at) {
                    let (ticket, _, had) = self.granted.remove(at);
                    self.ready.extend(had.filter(|_| vm == VmReturn::Kept));
                    self.admission.release(now, ticket, vm);
                }
            }
            Event::Made(at) => {
                if let Some(at) = pick(&self.being_made, at) {
                    let vm = self.being_made.remove(at);
                    self.ready.insert(vm);
                    self.failed_since_last = false;
                    self.admission.vm_ready(now, vm);
                }
            }
            Event::Failed(at) => {
                if let Some(at) = pick(&self.being_made, at) {
                    let vm = self.being_made.remove(at);
                    self.failed_since_last = true;
                    self.admission.vm_failed(now, vm, EngineError::Memory);
                }
            }
            Event::Pass(ms) => {
                self.now += Duration::from_millis(u64::from(ms));
                self.admission.tick(self.now);
            }
            Event::Drain => {
                self.draining = true;
                self.admission.drain(now);
            }
        }
        while let Some(decision) = self.admission.next_decision() {
            self.decide(decision);
        }
        self.check();
    }

    fn decide(&mut self, decision: Decision) {
        match decision {
            Decision::Grant(grant) => {
                let at = self.waiting.iter().position(|(ticket, ..)| *ticket == grant.ticket).expect("it waited");
                self.check_order(at);
                self.totals.0 += 1;
                let (ticket, request, since) = self.waiting.remove(at);
                assert!(self.ended.insert(ticket), "a ticket ends once");
                assert_eq!(grant.waited, self.now - since);
                assert_eq!(grant.vm.is_some(), request.need == Need::Vm);
                let vm = grant.vm.map(|(vm, _)| vm);
                assert!(vm.is_none_or(|vm| self.ready.remove(&vm)), "only a VM that is ready is granted");
                self.granted.push((ticket, request, vm));
            }
            Decision::Reject(ticket, why) => {
                let at = self.waiting.iter().position(|(waiting, ..)| *waiting == ticket).expect("it waited");
                let (_, request, since) = self.waiting.remove(at);
                self.totals.1 += 1;
                assert!(self.ended.insert(ticket), "a ticket ends once");
                match why {
                    Rejected::QueueFull { waiting, queue_max, .. } => {
                        assert_eq!((waiting, queue_max), (self.config.queue_max, self.config.queue_max));
                    }
                    Rejected::QueueTimeout { waited, .. } => {
                        assert!(waited >= self.config.queue_wait && waited == self.now - since);
                    }
                    Rejected::Draining { .. } => assert!(self.draining),
                    Rejected::NoVm { .. } => assert!(request.need == Need::Vm && self.live() == 0),
                    _ => panic!("unknown reason: {why}"),
                }
            }
            Decision::Create(vm) => {
                assert!(!self.draining);
                assert!(self.being_made.len() < self.wanted(), "nobody needs another VM");
                self.being_made.push(vm);
            }
            Decision::Destroy(vm) => {
                assert!(self.ready.remove(&vm), "only a VM that is ready is destroyed");
                assert!(self.draining || self.live() >= self.config.vms_initial);
            }
        }
    }

    /// Nobody who came earlier, could be granted too and needs no more is passed.
    fn check_order(&self, at: usize) {
        let need = self.waiting[at].1.need;
        for (_, earlier, _) in &self.waiting[..at] {
            let satisfied = earlier.need == need || earlier.need == Need::Permit || !self.ready.is_empty();
            assert!(!(self.within_caps(earlier) && satisfied), "{earlier:?} was passed");
        }
    }

    fn within_caps(&self, request: &Request) -> bool {
        let tenant = self.granted.iter().filter(|(_, granted, _)| granted.tenant == request.tenant);
        let script = tenant.clone().filter(|(_, granted, _)| granted.script == request.script);
        tenant.count() < self.config.runs_per_tenant && script.count() < self.config.runs_per_script
    }

    fn vms_in_use(&self) -> usize {
        self.granted.iter().filter(|(.., vm)| vm.is_some()).count()
    }

    fn live(&self) -> usize {
        self.ready.len() + self.being_made.len() + self.vms_in_use()
    }

    /// VMs that those who wait could use at once, counted by granting them one after the other.
    fn vms_lacking(&self) -> usize {
        let mut tenants: HashMap<&TenantId, usize> = HashMap::new();
        let mut scripts: HashMap<(&TenantId, &ScriptId), usize> = HashMap::new();
        for (_, request, _) in &self.granted {
            *tenants.entry(&request.tenant).or_default() += 1;
            *scripts.entry((&request.tenant, &request.script)).or_default() += 1;
        }
        let mut lacking = 0;
        for (_, request, _) in self.waiting.iter().filter(|(_, request, _)| request.need == Need::Vm) {
            let tenant = tenants.entry(&request.tenant).or_default();
            let script = scripts.entry((&request.tenant, &request.script)).or_default();
            if *tenant < self.config.runs_per_tenant && *script < self.config.runs_per_script {
                (*tenant, *script) = (*tenant + 1, *script + 1);
                lacking += 1;
            }
        }
        lacking
    }

    /// VMs that should be being made.
    fn wanted(&self) -> usize {
        let made = self.ready.len() + self.vms_in_use();
        let initial = self.config.vms_initial.saturating_sub(made);
        self.vms_lacking().max(initial).min(self.config.vms_max - made)
    }

    fn check(&self) {
        let metrics = self.admission.metrics();
        assert_eq!(
            (metrics.ready, metrics.in_use, metrics.being_made, metrics.waiting, metrics.leases),
            (self.ready.len(), self.vms_in_use(), self.being_made.len(), self.waiting.len(), self.granted.len()),
        );
        assert_eq!((metrics.granted_total, metrics.rejected_total), self.totals);
        let active: HashSet<_> = self.waiting.iter().map(|(_, request, _)| &request.tenant).collect();
        let active: HashSet<_> = self.granted.iter().map(|(_, request, _)| &request.tenant).chain(active).collect();
        assert_eq!(metrics.tenants, active.len(), "idle tenants are forgotten");
        self.check_caps();
        for (ticket, request, since) in &self.waiting {
            let could = self.within_caps(request) && (request.need == Need::Permit || !self.ready.is_empty());
            assert!(!could, "{request:?} waits though it could be granted");
            assert!(self.now < *since + self.config.queue_wait, "it waits for too long");
            assert!(self.admission.wake_at(*ticket).is_some_and(|at| at > self.now), "its timer would spin");
        }
        if !self.draining && !self.failed_since_last {
            assert!(self.being_made.len() >= self.wanted(), "too few VMs are being made");
        }
        assert_eq!(self.admission.is_drained(), self.draining && self.granted.is_empty());
    }

    fn check_caps(&self) {
        assert!(self.live() <= self.config.vms_max);
        assert!(self.waiting.len() <= self.config.queue_max);
        let mut tenants: HashMap<_, usize> = HashMap::new();
        let mut scripts: HashMap<_, usize> = HashMap::new();
        for (_, request, _) in &self.granted {
            *tenants.entry(&request.tenant).or_default() += 1;
            *scripts.entry((&request.tenant, &request.script)).or_default() += 1;
        }
        assert!(tenants.values().all(|in_use| *in_use <= self.config.runs_per_tenant));
        assert!(scripts.values().all(|in_use| *in_use <= self.config.runs_per_script));
    }

    /// Everything ends when everyone lets go and VMs can be made.
    fn wind_up(&mut self) {
        for _ in 0..1_000 {
            if self.waiting.is_empty() && self.granted.is_empty() && self.being_made.is_empty() {
                break;
            }
            self.apply(Event::Made(0));
            self.apply(Event::Release(0, VmReturn::Kept));
            self.apply(Event::Pass(1));
        }
        let metrics = self.admission.metrics();
        assert_eq!((metrics.waiting, metrics.leases, metrics.in_use, metrics.tenants), (0, 0, 0, 0));
        let totals = metrics.created_total - metrics.lost_total - metrics.destroyed_total;
        assert_eq!(totals, metrics.ready as u64, "no VM is unaccounted for");
    }
}

fn pick<T>(from: &[T], at: usize) -> Option<usize> {
    at.checked_rem(from.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_keeps_the_rules(config in config(), events in prop::collection::vec(event(), 1..200)) {
        let mut model = Model::new(config);
        for event in events {
            model.apply(event);
        }
        model.wind_up();
    }
}
