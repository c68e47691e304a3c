//! The state machine on a bench, in simulated time.

use std::time::Duration;

use isolet_core_traits::EngineError;
use isolet_pool::admission::{Decision, Grant, Ticket, VmId, VmReturn};
use isolet_pool::{Admission, Need, PoolConfig, Rejected, Request, Share};

use crate::request;

/// Steps a state machine and keeps what it decided. Runs begin at once, each on a thread of its own.
pub(crate) struct Bench {
    pub(crate) admission: Admission,
    /// Of the tenants that ask from now on.
    pub(crate) share: Share,
    pub(crate) now: Duration,
    pub(crate) grants: Vec<Grant>,
    pub(crate) rejected: Vec<(Ticket, Rejected)>,
    pub(crate) created: Vec<VmId>,
    pub(crate) destroyed: Vec<VmId>,
    pub(crate) asked: Vec<Ticket>,
    pub(crate) resumed: Vec<Ticket>,
    pub(crate) lost: Vec<Ticket>,
    threads: usize,
}

impl Bench {
    /// All initial VMs are made.
    pub(crate) fn new(config: PoolConfig) -> Self {
        let mut bench = Self::cold(config);
        bench.make_all();
        bench
    }

    /// All initial VMs are made, and tenants may have so much.
    pub(crate) fn with_share(config: PoolConfig, share: Share) -> Self {
        Self { share, ..Self::new(config) }
    }

    pub(crate) fn cold(config: PoolConfig) -> Self {
        let admission = Admission::new(config).expect("a valid config");
        let (grants, rejected, created, destroyed) = Default::default();
        let (asked, resumed, lost) = Default::default();
        let now = Duration::ZERO;
        let (share, threads) = (Share::default(), 0);
        let mut bench =
            Self { admission, share, now, grants, rejected, created, destroyed, asked, resumed, lost, threads };
        bench.step(Admission::tick);
        bench
    }

    pub(crate) fn step<T>(&mut self, event: impl FnOnce(&mut Admission, Duration) -> T) -> T {
        let result = event(&mut self.admission, self.now);
        while let Some(decision) = self.admission.next_decision() {
            match decision {
                Decision::Grant(grant) => {
                    self.threads += 1;
                    self.admission.begin(grant.ticket, self.threads);
                    self.grants.push(grant);
                }
                Decision::Reject(ticket, why) => self.rejected.push((ticket, why)),
                Decision::Create(vm) => self.created.push(vm),
                Decision::Destroy(vm) => self.destroyed.push(vm),
                Decision::Park(ticket) => self.asked.push(ticket),
                Decision::Resume { ticket, .. } => self.resumed.push(ticket),
                Decision::Lost(ticket) => self.lost.push(ticket),
            }
        }
        result
    }

    pub(crate) fn ask(&mut self, tenant: &str, script: &str, need: Need) -> Ticket {
        let request = Request { share: self.share, ..request(tenant, script, need) };
        self.step(|admission, now| admission.request(now, request))
    }

    pub(crate) fn run(&mut self, tenant: &str) -> Ticket {
        self.ask(tenant, "a.js", Need::Vm)
    }

    /// The VM of a grant.
    pub(crate) fn vm(&self, ticket: Ticket) -> VmId {
        self.admission.vm_of(ticket).expect("it is on a VM")
    }

    pub(crate) fn release(&mut self, ticket: Ticket, vm: VmReturn) {
        self.step(|admission, now| admission.release(now, ticket, vm, None));
    }

    /// Ends a run that has used so much CPU time.
    pub(crate) fn finish(&mut self, ticket: Ticket, cpu_used: Duration) {
        self.step(|admission, now| admission.release(now, ticket, VmReturn::Kept, Some(cpu_used)));
    }

    pub(crate) fn make_all(&mut self) {
        for vm in std::mem::take(&mut self.created) {
            self.step(|admission, now| admission.vm_ready(now, vm));
        }
    }

    pub(crate) fn fail_all(&mut self) {
        for vm in std::mem::take(&mut self.created) {
            self.step(|admission, now| admission.vm_failed(now, vm, EngineError::Memory));
        }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.step(Admission::tick);
    }

    pub(crate) fn wait(&mut self, ticket: Ticket) {
        self.step(|admission, now| admission.wait(now, ticket));
    }

    pub(crate) fn go_on(&mut self, ticket: Ticket) {
        self.step(|admission, now| admission.go_on(now, ticket));
    }

    /// Parks a run in a thousand bytes.
    pub(crate) fn park(&mut self, ticket: Ticket) {
        self.step(|admission, now| admission.parked(now, ticket, 1_000));
    }

    pub(crate) fn reply(&mut self, ticket: Ticket) {
        self.step(|admission, now| admission.reply(now, ticket));
    }

    pub(crate) fn asked(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.asked)
    }

    pub(crate) fn resumed(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.resumed)
    }

    pub(crate) fn granted(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.grants).into_iter().map(|grant| grant.ticket).collect()
    }

    pub(crate) fn rejected(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.rejected).into_iter().map(|(ticket, _)| ticket).collect()
    }
}

pub(crate) fn config(vms_initial: usize, vms_max: usize) -> PoolConfig {
    PoolConfig { vms_initial, vms_max, ..PoolConfig::default() }
}

pub(crate) const MILLISECOND: Duration = Duration::from_millis(1);
