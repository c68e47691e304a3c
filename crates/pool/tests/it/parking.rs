//! Parking by need, in simulated time.

use isolet_core_traits::WaitedFor;
use isolet_pool::admission::{Ticket, VmReturn};
use isolet_pool::{Admission, Blocked, Cap, Need, PoolConfig, Rejected};

use crate::bench::{Bench, MILLISECOND, config};
use crate::caps;

/// One VM, a run that left it, and one that is on it.
fn one_parked() -> (Bench, [Ticket; 2]) {
    let mut bench = Bench::new(config(1, 1));
    let first = bench.run("a");
    bench.wait(first);
    let second = bench.run("b");
    assert_eq!((bench.asked(), bench.granted()), (vec![first], vec![first]));
    bench.park(first);
    assert_eq!(bench.granted(), [second]);
    (bench, [first, second])
}

#[test]
fn nobody_is_asked_without_need() {
    let mut bench = Bench::new(config(1, 2));
    let first = bench.run("a");
    bench.wait(first);
    bench.run("b");
    assert_eq!((bench.asked(), bench.created.len()), (vec![], 1), "another VM can be made");
    bench.ask("c", "a.js", Need::Permit);
    assert_eq!(bench.asked(), [], "a compilation needs no VM of the pool");
    bench.run("d");
    assert_eq!(bench.asked(), [first]);
}

#[test]
fn nobody_is_asked_for_those_behind_a_cap() {
    let mut bench = Bench::with_share(config(1, 1), caps(1, 5));
    let first = bench.run("a");
    bench.wait(first);
    bench.run("a");
    bench.ask("b", "a.js", Need::Permit);
    assert_eq!(bench.asked(), []);
    bench.run("c");
    assert_eq!(bench.asked(), [first]);
}

#[test]
fn who_cannot_have_another_vm_made_asks() {
    let mut bench = Bench::new(config(1, 2));
    let first = bench.run("a");
    bench.wait(first);
    bench.run("b");
    bench.fail_all();
    assert_eq!(bench.asked(), [first], "the next attempt is far away");
}

#[test]
fn a_run_comes_back_when_its_vm_is_free() {
    type Leaves = fn(&mut Bench, Ticket);
    let rows: [(&str, Leaves); 4] = [
        ("released", |bench, second| bench.release(second, VmReturn::Kept)),
        ("returned", |bench, second| bench.step(|admission, now| admission.return_vm(now, second, VmReturn::Kept))),
        ("parked in its stead", |bench, second| {
            bench.wait(second);
            assert_eq!(bench.asked(), [second]);
            bench.park(second);
        }),
        ("parked unasked", |bench, second| bench.park(second)),
    ];
    for (case, leave) in rows {
        let (mut bench, [first, second]) = one_parked();
        let third = bench.run("c");
        bench.reply(first);
        bench.reply(first);
        assert_eq!((bench.resumed(), bench.admission.stats().parked_returning), (vec![], 1), "{case}");
        leave(&mut bench, second);
        assert_eq!((bench.resumed(), bench.granted()), (vec![first], vec![]), "{case}: parked runs go first");
        bench.release(first, VmReturn::Kept);
        assert_eq!(bench.granted(), [third], "{case}");
    }
}

#[test]
fn those_who_come_back_keep_their_order() {
    let mut bench = Bench::new(config(1, 1));
    let mut parked = Vec::new();
    for name in ["a", "b", "c", "d"] {
        let ticket = bench.run(name);
        bench.park(ticket);
        parked.push(ticket);
    }
    let last = bench.run("e");
    for at in [2, 0, 3, 1] {
        bench.reply(parked[at]);
    }
    // One that is over does not hold up the others.
    bench.release(parked[0], VmReturn::Lost);
    bench.wait(last);
    assert_eq!(bench.asked(), [last]);
    bench.release(last, VmReturn::Kept);
    for at in [2, 3, 1] {
        assert_eq!(bench.resumed(), [parked[at]]);
        bench.release(parked[at], VmReturn::Kept);
    }
    let metrics = bench.admission.stats();
    assert_eq!((metrics.parks_total, metrics.unparks_total, metrics.lost_total), (4, 3, 0));
    assert_eq!((metrics.parked_bytes, metrics.ready, metrics.leases), (0, 1, 0));
}

#[test]
fn the_vm_with_the_fewest_parked_runs_is_asked_for_and_then_the_longest_wait_counts() {
    let mut bench = Bench::new(config(3, 3));
    let runs = ["a", "b", "c"].map(|tenant| bench.run(tenant));
    for at in [1, 0, 2] {
        bench.wait(runs[at]);
    }
    let fourth = bench.run("d");
    assert_eq!(bench.asked(), [runs[1]], "it waits longest");
    bench.park(runs[1]);
    bench.wait(fourth);
    for at in [0, 2] {
        bench.run("e");
        assert_eq!(bench.asked(), [runs[at]], "the fourth is on a VM with a parked run");
        bench.park(runs[at]);
    }
    bench.run("f");
    assert_eq!(bench.asked(), [fourth]);
}

#[test]
fn a_vm_with_parked_runs_takes_new_work_last() {
    let mut bench = Bench::new(config(2, 2));
    let runs = ["a", "b"].map(|tenant| bench.run(tenant));
    let vms = runs.map(|ticket| bench.vm(ticket));
    bench.release(runs[1], VmReturn::Kept);
    bench.park(runs[0]);
    let third = bench.run("c");
    assert_eq!(bench.vm(third), vms[1], "the other one was used more recently");
    bench.release(third, VmReturn::Kept);
    bench.release(runs[0], VmReturn::Kept);
    let fourth = bench.run("d");
    assert_eq!(bench.vm(fourth), vms[0], "now the last one used goes first");
}

#[test]
fn whoever_was_asked_may_do_something_else() {
    let mut bench = Bench::new(config(2, 2));
    let [first, second] = ["a", "b"].map(|tenant| bench.run(tenant));
    bench.wait(first);
    bench.wait(second);
    let third = bench.run("c");
    assert_eq!(bench.asked(), [first]);
    bench.go_on(first);
    assert_eq!(bench.asked(), [second], "another one is asked in its stead");
    bench.wait(first);
    assert_eq!(bench.asked(), []);
    bench.granted();
    bench.release(second, VmReturn::Kept);
    assert_eq!(bench.granted(), [third], "the VM is free all the same");
    assert_eq!(bench.asked(), []);
}

#[test]
fn who_was_asked_for_somebody_who_has_left_may_still_leave() {
    let mut bench = Bench::new(config(1, 1));
    let first = bench.run("a");
    bench.wait(first);
    let second = bench.run("b");
    bench.step(|admission, now| admission.cancel(now, second));
    bench.park(first);
    assert_eq!((bench.admission.stats().ready, bench.admission.stats().parked), (1, 1));
    bench.reply(first);
    assert_eq!(bench.resumed(), [first]);
}

#[test]
fn a_lost_vm_takes_its_parked_runs_with_it() {
    let (mut bench, [first, second]) = one_parked();
    let third = bench.run("c");
    bench.wait(second);
    assert_eq!(bench.asked(), [second]);
    bench.park(second);
    bench.reply(second);
    bench.release(third, VmReturn::Lost);
    assert_eq!((std::mem::take(&mut bench.lost), bench.resumed()), (vec![first, second], vec![]));
    let metrics = bench.admission.stats();
    assert_eq!((metrics.parked, metrics.parked_bytes, metrics.leases, metrics.being_made), (0, 0, 2, 1));
    bench.release(first, VmReturn::Kept);
    bench.step(|admission, now| admission.return_vm(now, second, VmReturn::Kept));
    bench.release(second, VmReturn::Kept);
    assert_eq!(bench.admission.stats().lost_total, 1);
    bench.make_all();
    assert_eq!(bench.admission.stats().ready, 1);
}

#[test]
fn a_vm_with_parked_runs_is_not_idle() {
    let mut bench = Bench::new(PoolConfig { vms_initial: 0, ..config(0, 2) });
    let runs = ["a", "b"].map(|tenant| bench.run(tenant));
    bench.make_all();
    bench.park(runs[0]);
    bench.release(runs[1], VmReturn::Kept);
    bench.pass(300_000 * MILLISECOND);
    assert_eq!((bench.destroyed.len(), bench.admission.stats().ready), (1, 1));
    bench.pass(300_000 * MILLISECOND);
    bench.release(runs[0], VmReturn::Kept);
    assert_eq!(
        (bench.destroyed.len(), bench.admission.stats().ready),
        (2, 0),
        "it has been one too many for long enough"
    );
}

#[test]
fn runs_in_flight_are_capped() {
    let mut bench = Bench::new(PoolConfig { runs_in_flight_max: 2, queue_max: 1, ..config(1, 1) });
    let first = bench.run("a");
    bench.park(first);
    let second = bench.run("b");
    assert_eq!(bench.granted(), [first, second]);
    bench.wait(second);
    let third = bench.run("c");
    assert_eq!(bench.asked(), [], "one that leaves its VM is still in flight");
    let blocked = Blocked { by: Cap::RunsInFlight, in_use: 2, cap: 2 };
    let fourth = bench.run("d");
    assert_eq!(
        bench.rejected,
        [(fourth, Rejected::QueueFull { waiting: 1, queue_max: 1, blocked, retry_after: None })]
    );
    let compile = bench.ask("e", "a.js", Need::Permit);
    assert_eq!(bench.granted(), [compile]);
    bench.release(first, VmReturn::Kept);
    assert_eq!(bench.asked(), [second]);
    bench.park(second);
    assert_eq!(bench.grants[0].waited_for, Some(WaitedFor::Vm));
    assert_eq!(bench.granted(), [third]);
}

#[test]
fn parked_bytes_are_capped_for_new_runs_alone() {
    let mut bench = Bench::new(PoolConfig { parked_bytes_max: 2_000, ..config(1, 1) });
    let parked = ["a", "b"].map(|tenant| {
        let ticket = bench.run(tenant);
        bench.park(ticket);
        ticket
    });
    let third = bench.run("c");
    bench.wait(third);
    let fourth = bench.run("d");
    assert_eq!((bench.asked(), bench.admission.stats().parked_bytes), (vec![], 2_000));
    bench.reply(parked[0]);
    assert_eq!(bench.asked(), [third], "one that comes back does not wait for it");
    bench.park(third);
    assert_eq!((bench.resumed(), bench.admission.stats().parked_bytes), (vec![parked[0]], 2_000));
    bench.wait(parked[0]);
    assert_eq!(bench.asked(), []);
    bench.granted();
    bench.release(parked[1], VmReturn::Kept);
    assert_eq!(bench.asked(), [parked[0]], "there is room again");
    bench.park(parked[0]);
    assert_eq!(bench.granted(), [fourth]);
}

#[test]
fn draining_lets_parked_runs_come_back() {
    let (mut bench, [first, second]) = one_parked();
    bench.step(Admission::drain);
    bench.wait(second);
    assert_eq!(bench.asked(), [], "nobody needs its VM");
    bench.reply(first);
    assert_eq!(bench.asked(), [second]);
    bench.park(second);
    assert_eq!(bench.resumed(), [first]);
    bench.release(first, VmReturn::Kept);
    assert_eq!((bench.destroyed.len(), bench.admission.is_drained()), (0, false), "a parked run needs it");
    bench.reply(second);
    assert_eq!(bench.resumed(), [second]);
    bench.release(second, VmReturn::Kept);
    assert_eq!((bench.destroyed.len(), bench.admission.is_drained()), (1, true));
}

#[test]
fn a_hundred_thousand_runs_share_a_vm_and_leave_nothing() {
    let config = PoolConfig { runs_in_flight_max: 100_000, parked_bytes_max: 1 << 40, ..config(1, 1) };
    let mut bench = Bench::new(config);
    let runs: Vec<_> = (0..100_000)
        .map(|number| {
            let run = bench.run(&number.to_string());
            bench.park(run);
            run
        })
        .collect();
    let metrics = bench.admission.stats();
    assert_eq!((metrics.parked, metrics.parked_bytes, metrics.tenants), (100_000, 100_000_000, 100_000));
    runs.iter().for_each(|run| bench.reply(*run));
    for run in &runs {
        assert_eq!(bench.resumed(), [*run]);
        bench.release(*run, VmReturn::Kept);
    }
    let metrics = bench.admission.stats();
    assert_eq!((metrics.parked, metrics.parked_bytes, metrics.tenants, metrics.ready), (0, 0, 0, 1));
}
