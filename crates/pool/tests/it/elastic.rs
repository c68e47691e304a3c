//! The number of VMs, in simulated time.

use std::time::Duration;

use isolet_pool::admission::{Ticket, VmReturn};
use isolet_pool::{Ordered, PoolConfig};

use crate::bench::{Bench, MILLISECOND, config};
use crate::caps;

const SECOND: Duration = Duration::from_secs(1);

/// A pool of which `in_use` VMs are used for `time`, by one run after the other, each of 10 ms.
fn under_load(config: PoolConfig, in_use: usize, time: Duration) -> Bench {
    let mut bench = Bench::with_share(config, caps(1_000, 1_000));
    let end = bench.now + time;
    while bench.now < end {
        let runs = ask(&mut bench, in_use);
        bench.make_all();
        bench.pass(10 * MILLISECOND);
        runs.iter().for_each(|run| bench.release(*run, VmReturn::Kept));
        bench.grants.clear();
    }
    bench
}

fn ask(bench: &mut Bench, runs: usize) -> Vec<Ticket> {
    (0..runs).map(|_| bench.run("acme")).collect()
}

#[test]
fn the_target_is_at_seventy_percent_of_the_last_minutes_load() {
    for (in_use, target) in [(0, 10), (3, 10), (7, 10), (8, 12), (25, 36), (65, 93), (90, 100)] {
        let config = PoolConfig { first_runs_percent: 0, ..PoolConfig::default() };
        let bench = under_load(config, in_use, 70 * SECOND);
        let stats = bench.admission.stats();
        assert_eq!((stats.target, stats.total), (target, target), "{in_use}");
        let utilisation = in_use as f64 / target as f64;
        assert!((stats.utilisation_average - utilisation).abs() < 0.03, "{in_use}: {stats:?}");
    }
}

#[test]
fn a_target_that_serves_is_kept() {
    let mut bench = under_load(PoolConfig::default(), 25, 70 * SECOND);
    for in_use in [23, 25, 27, 25] {
        let runs = ask(&mut bench, in_use);
        bench.pass(100 * SECOND);
        runs.iter().for_each(|run| bench.release(*run, VmReturn::Kept));
        assert_eq!(bench.admission.stats().target, 36, "{in_use} of 36 is between 62 and 78 %");
    }
}

#[test]
fn a_moments_demand_is_waited_out_and_a_lasting_one_is_not() {
    let mut bench = under_load(PoolConfig::default(), 7, 60 * SECOND);
    let runs = ask(&mut bench, 12);
    assert_eq!((bench.granted().len(), bench.created.len()), (10, 0), "700 come back in a second: 2 wait 3 ms");
    assert_eq!(bench.admission.wake_at(runs[11]), Some(bench.now + 250 * MILLISECOND));
    bench.pass(249 * MILLISECOND);
    assert_eq!(bench.created.len(), 0);
    bench.pass(MILLISECOND);
    assert_eq!(bench.created.len(), 2, "none came back");
    bench.make_all();
    assert_eq!(bench.granted(), runs[10..]);
    assert_eq!(bench.admission.stats().ordered, Ordered { initial: 10, ahead: 0, on_demand: 2 });
}

#[test]
fn who_would_wait_too_long_is_not_kept_waiting() {
    let mut bench = under_load(PoolConfig::default(), 7, 60 * SECOND);
    ask(&mut bench, 90);
    assert_eq!(bench.created.len(), 0, "80 wait for 114 ms");
    ask(&mut bench, 100);
    assert_eq!(bench.created.len(), 90, "all that there may be");

    let mut bench = under_load(PoolConfig { vm_patience: Duration::ZERO, ..PoolConfig::default() }, 7, 60 * SECOND);
    ask(&mut bench, 11);
    assert_eq!(bench.created.len(), 1);
}

#[test]
fn a_pool_that_nobody_used_is_not_patient() {
    let mut bench = Bench::with_share(config(2, 8), caps(10, 10));
    bench.pass(3_600 * SECOND);
    ask(&mut bench, 4);
    assert_eq!(bench.created.len(), 2, "nobody knows when a VM comes back");
}

#[test]
fn vms_that_are_used_now_and_then_go_one_a_minute() {
    let mut bench = Bench::with_share(config(10, 30), caps(1_000, 1_000));
    let runs = ask(&mut bench, 20);
    bench.make_all();
    runs.iter().for_each(|run| bench.release(*run, VmReturn::Kept));
    let mut destroyed = Vec::new();
    for _minute in 0..10 {
        for _ in 0..6 {
            // All are used every ten seconds, so that none becomes idle.
            let total = bench.admission.stats().total;
            let runs = ask(&mut bench, total);
            bench.pass(SECOND);
            runs.iter().for_each(|run| bench.release(*run, VmReturn::Kept));
            bench.pass(9 * SECOND);
            bench.grants.clear();
        }
        destroyed.push(std::mem::take(&mut bench.destroyed).len());
    }
    assert_eq!(destroyed, [0, 0, 0, 0, 1, 1, 1, 1, 1, 1], "after the idle timeout, and one at a time");
    let stats = bench.admission.stats();
    assert_eq!((stats.total, stats.target, stats.destroyed.surplus), (14, 10, 6));
}
