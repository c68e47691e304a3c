//! Scenarios of the state machine, in simulated time.

use std::time::Duration;

use isolet_core_traits::{EngineError, VmOrigin, WaitedFor};
use isolet_pool::admission::{Decision, Grant, VmReturn};
use isolet_pool::{Admission, Blocked, Cap, Need, PoolConfig, Rejected, Request};

use crate::bench::{Bench, MILLISECOND, config};
use crate::{caps, request};

#[test]
fn the_defaults_serve_ten_warm_and_a_hundred_in_all() {
    let mut bench = Bench::cold(PoolConfig::default());
    assert_eq!(bench.created.len(), 10);
    bench.make_all();
    for tenant in 0..101 {
        bench.run(&format!("tenant {tenant}"));
    }
    assert_eq!((bench.granted().len(), bench.created.len()), (10, 90));
    bench.make_all();
    assert_eq!((bench.granted().len(), bench.created.len()), (90, 0));
    let metrics = bench.admission.stats();
    assert_eq!((metrics.in_use, metrics.waiting, metrics.created_total), (100, 1, 100));
}

#[test]
fn caps_hold_and_nobody_else_is_held_back() {
    let mut bench = Bench::new(config(10, 10));
    let hog: Vec<_> = (0..8).map(|_| bench.run("hog")).collect();
    assert_eq!(bench.granted(), hog[..5]);
    let other = bench.run("other");
    assert_eq!(bench.granted(), [other], "it came last, and the first in line are held back by their cap");
    bench.release(hog[0], VmReturn::Kept);
    assert_eq!(bench.granted(), [hog[5]]);
    let grant = Grant {
        ticket: hog[6],
        vm: None,
        waited: 7 * MILLISECOND,
        waited_for: Some(WaitedFor::TenantCap),
        position: 1,
        expected_cpu: MILLISECOND,
    };
    bench.pass(7 * MILLISECOND);
    bench.release(hog[1], VmReturn::Kept);
    let granted = bench.grants.pop().expect("a grant");
    assert_eq!(Grant { vm: None, ..granted }, grant);
}

#[test]
fn a_share_of_the_vms_is_kept_for_first_runs() {
    let mut bench = Bench::new(PoolConfig { first_runs_percent: 25, ..config(8, 8) });
    let hogs: Vec<_> = (0..10).map(|run| bench.run(&format!("hog {}", run % 3))).collect();
    assert_eq!(bench.granted(), hogs[..6], "six of eight are for tenants that have others going on");
    let new = [bench.run("new"), bench.run("newer")];
    assert_eq!(bench.granted(), new, "they came last, and the two that are kept are for them");
    bench.release(new[0], VmReturn::Kept);
    assert_eq!(bench.granted(), [], "with seven in use, the hogs wait");
    bench.release(new[1], VmReturn::Kept);
    bench.release(hogs[0], VmReturn::Kept);
    assert_eq!(bench.granted(), [hogs[6]]);
    let blocked = Blocked { by: Cap::FurtherRuns, in_use: 6, cap: 6 };
    bench.pass(PoolConfig::default().queue_wait);
    let is_told =
        |(_, why): &(_, Rejected)| matches!(why, Rejected::QueueTimeout { blocked: by, .. } if *by == blocked);
    assert!(bench.rejected.iter().any(is_told), "{:?}", bench.rejected);
}

#[test]
fn the_script_cap_counts_within_the_tenant() {
    let mut bench = Bench::with_share(config(10, 10), caps(5, 1));
    let first = bench.ask("acme", "a.js", Need::Vm);
    let second = bench.ask("acme", "a.js", Need::Vm);
    let other_script = bench.ask("acme", "b.js", Need::Vm);
    let other_tenant = bench.ask("umbrella", "a.js", Need::Vm);
    assert_eq!(bench.granted(), [first, other_script, other_tenant]);
    bench.release(other_tenant, VmReturn::Kept);
    assert_eq!(bench.granted(), []);
    bench.release(first, VmReturn::Kept);
    assert_eq!(bench.grants[0].waited_for, Some(WaitedFor::ScriptCap));
    assert_eq!(bench.granted(), [second]);
}

#[test]
fn permits_need_no_vm_but_count() {
    let mut bench = Bench::with_share(config(1, 1), caps(2, 5));
    let runs = [bench.run("acme"), bench.run("acme")];
    let compile = bench.ask("acme", "b.js", Need::Permit);
    assert_eq!(bench.granted(), [runs[0], compile], "a permit passes those who wait for a VM");
    let late = bench.ask("acme", "c.js", Need::Permit);
    bench.release(runs[0], VmReturn::Kept);
    assert_eq!(bench.granted(), [runs[1]], "the first in line goes first");
    bench.release(compile, VmReturn::Kept);
    assert_eq!((bench.granted(), bench.admission.stats().lost_total), (vec![late], 0));
}

#[test]
fn a_thread_begins_on_the_vm_that_it_used_last() {
    let mut admission = Admission::new(config(4, 4)).expect("a valid config");
    admission.tick(Duration::ZERO);
    let decided: Vec<_> = std::iter::from_fn(|| admission.next_decision()).collect();
    for decision in decided {
        let Decision::Create(vm) = decision else { panic!("{decision:?}") };
        admission.vm_ready(Duration::ZERO, vm);
    }
    let [a, b, c, d] =
        ["a", "b", "c", "d"].map(|tenant| admission.request(Duration::ZERO, request(tenant, "a.js", Need::Vm)));
    let first = admission.begin(a, 0).expect("a VM");
    assert_eq!(admission.begin(a, 7), Some(first), "it has begun");
    let second = admission.begin(b, 1).expect("a VM");
    assert_ne!(first, second);
    admission.release(Duration::ZERO, a, VmReturn::Kept, None);
    admission.release(Duration::ZERO, b, VmReturn::Kept, None);
    assert_eq!(admission.begin(c, 0), Some(first), "of this thread, though the other was used later");
    assert_eq!(admission.begin(d, 2), Some(second), "of a thread that is new: the one used last");
    let vms = [c, d].map(|ticket| admission.vm_of(ticket));
    assert_eq!(vms, [Some(first), Some(second)]);
}

#[test]
fn the_most_recently_used_vm_goes_first_and_the_idle_one_is_destroyed() {
    let mut bench = Bench::new(config(1, 3));
    let first = [bench.run("a"), bench.run("b"), bench.run("c")];
    bench.make_all();
    let origins: Vec<_> = bench.grants.drain(..).map(|grant| grant.vm.expect("a VM")).collect();
    assert_eq!(origins, [VmOrigin::Warm, VmOrigin::Cold, VmOrigin::Cold]);
    let vms = first.map(|ticket| bench.vm(ticket));
    for ticket in first {
        bench.release(ticket, VmReturn::Kept);
        bench.pass(MILLISECOND);
    }
    let again = bench.run("d");
    assert_eq!((bench.grants[0].vm, bench.vm(again)), (Some(VmOrigin::Warm), vms[2]));
    bench.pass(Duration::from_secs(300) - 4 * MILLISECOND);
    assert_eq!(bench.destroyed, []);
    bench.pass(MILLISECOND);
    assert_eq!(bench.destroyed, [vms[0]]);
    bench.pass(Duration::from_secs(3_600));
    assert_eq!(bench.destroyed, [vms[0]], "with one in use, the pool aims at two");
    bench.release(again, VmReturn::Kept);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.destroyed, [vms[0], vms[1]]);
    bench.pass(Duration::from_secs(3_600));
    let stats = bench.admission.stats();
    assert_eq!((stats.ready, stats.destroyed_total, stats.target), (1, 2, 1), "the initial one stays");
}

#[test]
fn a_vm_that_ran_the_same_is_preferred_among_those_that_stand_ready() {
    let mut bench = Bench::new(config(3, 3));
    let run = |bench: &mut Bench, affinity: u64| {
        let request = Request { affinity: Some(affinity), ..request("acme", "a.js", Need::Vm) };
        let ticket = bench.step(|admission, now| admission.request(now, request));
        (ticket, bench.vm(ticket))
    };
    let [(first, a), (second, b), (third, c)] = [1, 2, 3].map(|affinity| run(&mut bench, affinity));
    [first, second, third].iter().for_each(|ticket| bench.release(*ticket, VmReturn::Kept));
    let (ticket, vm) = run(&mut bench, 1);
    assert_eq!(vm, a, "though the third was used more recently");
    assert_ne!(run(&mut bench, 1).1, a, "nobody waits for it");
    bench.park(ticket);
    let (_, vm) = run(&mut bench, 1);
    assert!(vm == b || vm == c, "a VM with parked runs takes new work last");
}

#[test]
fn a_lost_vm_is_replaced() {
    let mut bench = Bench::new(config(2, 2));
    for round in 1..=3 {
        let ticket = bench.run("acme");
        bench.release(ticket, VmReturn::Lost);
        assert_eq!((bench.created.len(), bench.admission.stats().lost_total), (1, round));
        bench.make_all();
        assert_eq!(bench.admission.stats().ready, 2);
    }
}

#[test]
fn a_vm_may_come_back_before_its_permits() {
    let mut bench = Bench::with_share(config(1, 1), caps(1, 5));
    let (first, second, other) = (bench.run("acme"), bench.run("acme"), bench.run("other"));
    bench.step(|admission, now| admission.return_vm(now, first, VmReturn::Kept));
    assert_eq!(bench.granted(), [first, other], "the VM is free, the tenant's place is not");
    bench.step(|admission, now| admission.return_vm(now, first, VmReturn::Kept));
    bench.release(first, VmReturn::Lost);
    bench.release(first, VmReturn::Lost);
    bench.release(other, VmReturn::Kept);
    let metrics = bench.admission.stats();
    assert_eq!((bench.granted(), metrics.lost_total, metrics.in_use), (vec![second], 0, 1));
}

#[test]
fn the_queue_is_bounded_in_length_and_time() {
    let mut bench = Bench::new(PoolConfig { queue_max: 2, ..config(1, 1) });
    let running = bench.run("a");
    let waiting = [bench.run("b"), bench.run("c")];
    let refused = bench.run("d");
    let blocked = Blocked { by: Cap::Vms, in_use: 1, cap: 1 };
    assert_eq!(
        bench.rejected,
        [(refused, Rejected::QueueFull { waiting: 2, queue_max: 2, blocked, retry_after: None })]
    );
    bench.rejected.clear();
    let deadline = Duration::from_secs(30);
    assert_eq!(bench.admission.wake_at(waiting[0]), Some(deadline));
    bench.pass(deadline - MILLISECOND);
    assert_eq!(bench.rejected(), []);
    bench.pass(MILLISECOND);
    let timeout = |position, waiting, seconds| {
        // One was granted in the last 30 s.
        let retry_after = Some(Duration::from_secs(seconds));
        Rejected::QueueTimeout { waited: deadline, position, waiting, blocked, retry_after }
    };
    assert_eq!(bench.rejected, [(waiting[0], timeout(0, 1, 90)), (waiting[1], timeout(1, 0, 60))]);
    assert_eq!((bench.granted(), bench.admission.wake_at(waiting[0])), (vec![running], None));
}

#[test]
fn who_is_rejected_is_told_when_to_try_again() {
    let mut bench = Bench::with_share(PoolConfig { queue_max: 4, ..config(2, 2) }, caps(1, 5));
    for _ in 0..100 {
        let run = bench.run("acme");
        bench.pass(200 * MILLISECOND);
        bench.release(run, VmReturn::Kept);
    }
    let told = |bench: &Bench| bench.rejected.last().and_then(|(_, why)| why.retry_after());
    for _ in 0..6 {
        bench.run("acme");
    }
    assert_eq!(told(&bench), Some(Duration::from_secs(1)), "five of 200 ms, one after the other");
    bench.run("b");
    bench.run("c");
    let by_rate = Duration::from_secs(20) / 102 * 5;
    assert_eq!(told(&bench), Some(by_rate), "five at the rate of the last minute");
}

#[test]
fn whoever_goes_away_leaves_nothing() {
    let mut bench = Bench::new(config(1, 1));
    let (running, first, second) = (bench.run("a"), bench.run("b"), bench.run("c"));
    bench.step(|admission, now| admission.cancel(now, first));
    bench.step(|admission, now| admission.cancel(now, running));
    bench.release(running, VmReturn::Kept);
    bench.release(second, VmReturn::Kept);
    let metrics = bench.admission.stats();
    assert_eq!(bench.granted(), [running, second]);
    assert_eq!((metrics.leases, metrics.waiting, metrics.tenants, metrics.ready), (0, 0, 0, 1));
}

#[test]
fn vms_are_made_for_those_who_can_use_them_only() {
    let mut bench = Bench::with_share(config(0, 100), caps(3, 2));
    for _ in 0..10 {
        bench.ask("acme", "a.js", Need::Vm);
    }
    assert_eq!(bench.created.len(), 2, "the script's cap");
    for _ in 0..10 {
        bench.ask("acme", "b.js", Need::Vm);
    }
    assert_eq!(bench.created.len(), 3, "the tenant's cap");
    bench.make_all();
    assert_eq!((bench.granted().len(), bench.created.len()), (3, 0));
}

#[test]
fn failures_pause_and_then_reject() {
    let mut bench = Bench::cold(config(4, 4));
    let run = bench.run("acme");
    assert_eq!(bench.created.len(), 4);
    bench.fail_all();
    assert_eq!((bench.created.len(), bench.admission.wake_at(run)), (0, Some(50 * MILLISECOND)));
    bench.pass(49 * MILLISECOND);
    assert_eq!(bench.created.len(), 0);
    bench.pass(MILLISECOND);
    assert_eq!(bench.created.len(), 1, "one attempt, not four");
    bench.fail_all();
    bench.pass(100 * MILLISECOND);
    bench.fail_all();
    let retry_after = Some(200 * MILLISECOND);
    let why = Rejected::NoVm { failures: 3, error: EngineError::Memory, retry_after };
    assert_eq!(bench.rejected, [(run, why)]);
    let compile = bench.ask("acme", "a.js", Need::Permit);
    assert_eq!(bench.granted(), [compile]);
    let late = bench.run("acme");
    bench.pass(200 * MILLISECOND);
    bench.make_all();
    assert_eq!(bench.granted(), [late], "a success heals");
    assert_eq!((bench.created.len(), bench.admission.stats().failed_total), (3, 6));
}

#[test]
fn failures_do_not_reject_while_a_vm_is_alive() {
    let mut bench = Bench::new(config(1, 2));
    let (running, waiting) = (bench.run("a"), bench.run("b"));
    for pause in [50, 100, 200, 400, 800] {
        bench.fail_all();
        assert_eq!(bench.admission.retry_at(), Some(bench.now + pause * MILLISECOND));
        bench.pass(pause * MILLISECOND);
    }
    assert_eq!(bench.rejected(), []);
    bench.release(running, VmReturn::Kept);
    assert_eq!(bench.granted(), [running, waiting]);
}

#[test]
fn no_attempt_is_due_when_no_vm_is_lacking() {
    let mut bench = Bench::new(config(1, 2));
    let (running, waiting) = (bench.run("a"), bench.run("b"));
    bench.fail_all();
    bench.release(running, VmReturn::Kept);
    let queued: Vec<_> = (0..6).map(|_| bench.ask("b", "a.js", Need::Permit)).collect();
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.admission.retry_at(), None);
    assert_eq!(bench.admission.wake_at(queued[5]), Some(Duration::from_secs(30)));
    assert_eq!(bench.granted(), [running, waiting, queued[0], queued[1], queued[2], queued[3]]);
}

#[test]
fn vms_that_have_grown_too_large_are_replaced() {
    let memory = PoolConfig { vm_bytes: 100, memory_bytes_max: 500, ..config(3, 10) };
    let mut bench = Bench::new(memory);
    let runs = ["a", "b", "c"].map(|tenant| bench.run(tenant));
    assert!(runs.iter().all(|run| bench.admission.begin(*run, 0).is_some()));
    bench.admission.vm_holds(runs[0], 350);
    bench.admission.vm_holds(runs[1], 120);
    bench.pass(MILLISECOND);
    let waiting = bench.run("d");
    assert_eq!((bench.admission.stats().vm_bytes, bench.created.len()), (570, 0));
    bench.release(runs[2], VmReturn::Kept);
    let blocked = Blocked { by: Cap::Memory, in_use: 570, cap: 500 };
    bench.pass(PoolConfig::default().queue_wait);
    let is_told =
        |(_, why): &(_, Rejected)| matches!(why, Rejected::QueueTimeout { blocked: by, .. } if *by == blocked);
    assert!(bench.rejected.iter().any(is_told), "{waiting:?}: {:?}", bench.rejected);
    bench.release(runs[1], VmReturn::Kept);
    assert_eq!((bench.destroyed.len(), bench.admission.stats().vm_bytes), (1, 450), "the largest that stands ready");
    bench.release(runs[0], VmReturn::Kept);
    let stats = bench.admission.stats();
    assert_eq!((stats.vm_bytes, stats.destroyed.memory, stats.ready), (450, 1, 2), "there is room for it now");
}

#[test]
fn draining_serves_those_who_wait_and_then_destroys() {
    let mut bench = Bench::new(config(2, 2));
    let runs = [bench.run("a"), bench.run("b"), bench.run("c")];
    bench.step(Admission::drain);
    let late = bench.run("d");
    assert_eq!(bench.rejected, [(late, Rejected::Draining { in_use: 2 })]);
    bench.release(runs[0], VmReturn::Kept);
    assert_eq!(bench.grants.last().map(|grant| grant.ticket), Some(runs[2]));
    bench.release(runs[2], VmReturn::Kept);
    assert_eq!((bench.destroyed.len(), bench.admission.is_drained()), (1, false));
    bench.release(runs[1], VmReturn::Lost);
    assert!(bench.admission.is_drained());
    let metrics = bench.admission.stats();
    assert_eq!((metrics.ready + metrics.being_made + metrics.in_use, bench.created.len()), (0, 0));
}

#[test]
fn a_vm_is_made_for_those_who_wait_while_it_drains() {
    let mut bench = Bench::new(config(1, 1));
    let runs = [bench.run("a"), bench.run("b")];
    bench.step(Admission::drain);
    bench.release(runs[0], VmReturn::Lost);
    assert!(!bench.admission.is_drained());
    bench.pass(PoolConfig::default().vm_patience);
    bench.make_all();
    assert_eq!(bench.grants.last().map(|grant| grant.ticket), Some(runs[1]));
    bench.release(runs[1], VmReturn::Kept);
    assert!(bench.admission.is_drained());
}

#[test]
fn those_who_wait_can_be_turned_away() {
    let mut bench = Bench::new(config(2, 2));
    let runs = [bench.run("a"), bench.run("b"), bench.run("c")];
    bench.step(Admission::drain);
    bench.step(Admission::turn_away);
    assert_eq!(bench.rejected, [(runs[2], Rejected::Draining { in_use: 2 })]);
    bench.release(runs[0], VmReturn::Kept);
    bench.release(runs[1], VmReturn::Kept);
    assert_eq!((bench.destroyed.len(), bench.admission.is_drained()), (2, true));
}

#[test]
fn what_is_told_is_what_was_waited_for_most() {
    let mut bench = Bench::with_share(config(2, 2), caps(2, 1));
    let [first, other] = [bench.ask("acme", "a.js", Need::Vm), bench.ask("other", "a.js", Need::Vm)];
    // Came when no VM was there, and had to wait for its script's turn long after one was.
    let second = bench.ask("acme", "a.js", Need::Vm);
    bench.pass(MILLISECOND);
    bench.release(other, VmReturn::Kept);
    let crowd = |bench: &Bench| bench.admission.stats().crowds[0].blocked_by;
    assert_eq!(crowd(&bench), Some(Cap::Script));
    bench.pass(40 * MILLISECOND);
    bench.release(first, VmReturn::Kept);
    assert_eq!((bench.grants[2].ticket, bench.grants[2].waited_for), (second, Some(WaitedFor::ScriptCap)));
    // The other way round: its script's turn comes soon, but others have the VMs.
    let third = bench.ask("acme", "a.js", Need::Vm);
    let others = [bench.ask("other", "a.js", Need::Vm), bench.ask("others", "a.js", Need::Vm)];
    bench.pass(MILLISECOND);
    bench.release(second, VmReturn::Kept);
    let last = bench.ask("last", "a.js", Need::Vm);
    bench.pass(40 * MILLISECOND);
    assert_eq!(crowd(&bench), Some(Cap::Vms));
    for lease in [others[0], others[1], third] {
        bench.release(lease, VmReturn::Kept);
    }
    let told = |ticket| bench.grants.iter().find(|grant| grant.ticket == ticket).and_then(|grant| grant.waited_for);
    assert_eq!((told(third), told(last)), (Some(WaitedFor::Vm), Some(WaitedFor::Vm)));
}

#[test]
fn a_million_tenants_and_scripts_leave_nothing() {
    let mut bench = Bench::new(config(1, 1));
    let mut most = (0, 0, 0);
    for number in 0..1_000_000 {
        let (tenant, script) = (format!("t{number}"), format!("s{number}.js"));
        let ticket = bench.ask(&tenant, &script, Need::Permit);
        if number % 1_000 == 0 {
            let stats = bench.admission.stats();
            most = most.max((stats.tenants, stats.debtors, stats.scripts_known));
        }
        bench.step(|admission, now| admission.release(now, ticket, VmReturn::Lost, Some(30 * MILLISECOND)));
        bench.grants.clear();
    }
    let stats = bench.admission.stats();
    assert_eq!((stats.tenants, stats.granted_total), (0, 1_000_000));
    assert_eq!((most, stats.debtors, stats.scripts_known), ((1, 10_000, 10_000), 10_000, 10_000), "all are bounded");
}
