//! Turns by CPU time, in simulated time.

use std::collections::HashMap;
use std::time::Duration;

use isolet_core_traits::TenantId;
use isolet_pool::admission::{COST_UNKNOWN, QUANTUM_US, Ticket};
use isolet_pool::{Cap, Crowd, Need, PoolConfig, Share};

use crate::bench::{Bench, MILLISECOND, config};
use crate::{caps, weight};

const MICROSECOND: Duration = Duration::from_micros(1);

/// Tenants whose queues never are empty, on VMs that run one after the other.
struct Backlog {
    bench: Bench,
    /// Whose each ticket is.
    tenants: HashMap<Ticket, usize>,
    /// Their weights, and what their runs cost.
    about: Vec<(u32, Duration)>,
    used: Vec<Duration>,
    granted: Vec<usize>,
}

impl Backlog {
    /// Of tenants with these weights, whose runs cost so much.
    fn new(tenants: &[(u32, Duration)]) -> Self {
        let mut backlog = Self {
            bench: Bench::new(PoolConfig { first_runs_percent: 0, ..config(1, 1) }),
            tenants: HashMap::new(),
            about: tenants.to_vec(),
            used: vec![Duration::ZERO; tenants.len()],
            granted: Vec::new(),
        };
        for _ in 0..4 {
            (0..tenants.len()).for_each(|tenant| backlog.ask(tenant));
        }
        backlog
    }

    fn ask(&mut self, tenant: usize) {
        self.bench.share = Share { weight: weight(self.about[tenant].0), ..caps(3, 3) };
        let ticket = self.bench.run(&format!("t{tenant}"));
        self.tenants.insert(ticket, tenant);
    }

    /// Ends the run that is on the VM; its tenant asks again.
    fn step(&mut self) {
        let ticket = self.bench.granted()[0];
        let tenant = self.tenants.remove(&ticket).expect("it asked");
        let (_, cost) = self.about[tenant];
        self.used[tenant] += cost;
        self.granted.push(tenant);
        self.ask(tenant);
        self.bench.finish(ticket, cost);
    }
}

#[test]
fn tenants_share_cpu_time_by_weight_whatever_their_runs_cost() {
    let tenants = [(1, 100 * MICROSECOND), (2, 5 * MILLISECOND), (4, 700 * MICROSECOND), (1, 40 * MILLISECOND)];
    let mut backlog = Backlog::new(&tenants);
    for _ in 0..20_000 {
        backlog.step();
    }
    let by_weight = |at: usize| backlog.used[at].as_secs_f64() / f64::from(tenants[at].0);
    let cost_max = 40e-3;
    let quantum = QUANTUM_US as f64 / 1e6;
    for at in 1..tenants.len() {
        let apart = (by_weight(at) - by_weight(0)).abs();
        assert!(apart <= 2.0 * (quantum + cost_max), "{at} is {apart} s apart: {:?}", backlog.used);
    }
    assert!(by_weight(0) > 1.0, "{:?}", backlog.used);
}

#[test]
fn what_was_not_expected_is_paid_afterwards() {
    let tenants = [(1, 50 * MILLISECOND), (1, MILLISECOND)];
    let mut backlog = Backlog::new(&tenants);
    for _ in 0..52 {
        backlog.step();
    }
    assert_eq!(backlog.granted[..2], [0, 1], "nobody knew");
    assert!(backlog.granted[2..50].iter().all(|tenant| *tenant == 1), "{:?}", backlog.granted);
}

#[test]
fn a_tenant_without_debt_waits_one_round_beside_a_crowd() {
    let mut bench = Bench::with_share(config(1, 1), caps(1_000, 1_000));
    let hog: Vec<_> = (0..900).map(|_| bench.run("hog")).collect();
    let quiet = bench.run("quiet");
    assert_eq!((bench.granted(), bench.admission.rounds_ahead(quiet)), (vec![hog[0]], Some(0)));
    assert_eq!(bench.admission.rounds_ahead(hog[1]), Some(1), "one of unknown cost is all of a round");
    let crowds = [("hog", 899, 1, 1_000), ("quiet", 1, 0, 1_000)].map(|(tenant, waiting, in_use, cap)| Crowd {
        tenant: TenantId::new(tenant).expect("a valid id"),
        waiting,
        in_use,
        cap,
        blocked_by: Some(Cap::Vms),
    });
    assert_eq!(bench.admission.stats().crowds, crowds);
    bench.finish(hog[0], COST_UNKNOWN);
    assert_eq!(bench.granted(), [quiet]);
}

#[test]
fn within_a_tenant_the_earliest_goes_first_that_no_cap_holds_back() {
    let mut bench = Bench::with_share(config(1, 1), caps(3, 1));
    let a = [0; 2].map(|_| bench.ask("acme", "a.js", Need::Vm));
    let b = [0; 2].map(|_| bench.ask("acme", "b.js", Need::Vm));
    let compile = bench.ask("acme", "a.js", Need::Permit);
    assert_eq!(bench.granted(), [a[0]], "a.js is at its cap");
    bench.step(|admission, now| admission.return_vm(now, a[0], isolet_pool::admission::VmReturn::Kept));
    assert_eq!(bench.granted(), [b[0]], "its VM is free, its permits are not");
    bench.finish(a[0], MILLISECOND);
    assert_eq!(bench.granted(), [compile], "a.js's second waits for a VM");
    bench.finish(compile, MILLISECOND);
    bench.finish(b[0], MILLISECOND);
    assert_eq!(bench.granted(), [a[1]]);
    bench.finish(a[1], MILLISECOND);
    assert_eq!(bench.granted(), [b[1]]);
}

#[test]
fn the_newest_request_says_what_its_tenant_may_have() {
    let mut bench = Bench::with_share(config(3, 3), caps(1, 1));
    let runs = [0; 3].map(|_| bench.run("acme"));
    assert_eq!(bench.granted(), [runs[0]]);
    bench.share = caps(3, 3);
    let newest = bench.run("acme");
    assert_eq!(bench.granted(), [runs[1], runs[2]], "those who came before go before");
    bench.share = caps(1, 1);
    bench.run("acme");
    bench.finish(runs[0], MILLISECOND);
    bench.finish(runs[1], MILLISECOND);
    assert_eq!(bench.granted(), [], "one is going on, and that is the cap now");
    bench.finish(runs[2], MILLISECOND);
    assert_eq!(bench.granted(), [newest]);
}

#[test]
fn a_grant_tells_what_its_script_usually_costs() {
    let mut bench = Bench::new(config(1, 1));
    for (used, expected) in [(80, 1_000), (80, 80), (400, 80), (400, 160), (0, 220), (400, 220)] {
        let run = bench.run("acme");
        assert_eq!(bench.grants[0].expected_cpu, expected * MICROSECOND);
        bench.granted();
        bench.finish(run, used * MICROSECOND);
    }
    assert_eq!(bench.admission.stats().scripts_known, 1);
}
