//! Loads in simulated time, event by event. Each prints its figures: `--nocapture` shows them.
#![expect(clippy::print_stdout, reason = "figures for whoever asks for them")]

mod load;

use std::time::Duration;

use isolet_pool::{PoolConfig, PoolStats, Share};

use self::load::{Load, Source};
use crate::caps;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// What is looked at every second.
#[derive(Debug, Default)]
struct Watched {
    seconds: usize,
    /// Seconds in which the utilisation of that moment, and that of the last minute, was within 60 to 80 %.
    within_now: usize,
    within_average: usize,
    /// VMs that were made and destroyed in each minute.
    changes: Vec<u64>,
}

fn changes(stats: &PoolStats) -> u64 {
    stats.created_total + stats.destroyed_total
}

fn is_within(utilisation: f64) -> bool {
    (0.6..=0.8).contains(&utilisation)
}

fn watch(load: &mut Load, minutes: usize) -> Watched {
    let mut watched = Watched::default();
    let mut before = changes(&load.stats());
    for second in 1..=minutes * 60 {
        load.run(SECOND);
        let stats = load.stats();
        watched.seconds += 1;
        watched.within_now += usize::from(is_within(stats.in_use as f64 / stats.total as f64));
        watched.within_average += usize::from(is_within(stats.utilisation_average));
        if second % 60 == 0 {
            watched.changes.push(changes(&stats) - before);
            before = changes(&stats);
        }
    }
    watched
}

/// Runs of many tenants that together need so many VMs on average.
fn poisson(demand: f64, run_time: Duration, tenants: usize) -> Vec<Source> {
    let every = Duration::from_secs_f64(run_time.as_secs_f64() * tenants as f64 / demand);
    (0..tenants).map(|tenant| Source::poisson(&format!("t{tenant}"), every, run_time)).collect()
}

/// Runs of 50 ms, of forty tenants.
fn check_steady(demand: u32, warm_up: usize, minutes: usize) {
    let sources = poisson(demand.into(), Duration::from_millis(50), 40);
    let mut load = Load::new(PoolConfig::default(), u64::from(demand), sources);
    watch(&mut load, warm_up);
    let watched = watch(&mut load, minutes);
    let stats = load.stats();
    println!(
        "demand {demand}: {} VMs; within 60-80 % {} of {} s by the last minute, {} at the moment; changes {:?}; waits {:?}",
        stats.total, watched.within_average, watched.seconds, watched.within_now, watched.changes, stats.wait_times
    );
    assert_eq!(watched.within_average, watched.seconds, "{stats:?}");
    assert!(watched.changes.iter().all(|changes| *changes <= 1), "{:?}", watched.changes);
    assert_eq!(stats.rejected_total, 0);
}

#[test]
fn a_steady_demand_of_8_vms() {
    check_steady(8, 14, 12);
}

#[test]
fn a_steady_demand_of_25_vms() {
    check_steady(25, 4, 5);
}

#[test]
fn a_steady_demand_of_65_vms() {
    check_steady(65, 2, 3);
}

/// Twenty tenants who ask now and then for 2 ms, and one that asks for a thousand runs at once every ten seconds.
fn quiet_tenants(with_burst: bool, share: Share) -> [Duration; 2] {
    let (every, run_time) = (Duration::from_millis(100), Duration::from_millis(2));
    let mut sources: Vec<_> = (0..20).map(|n| Source::poisson(&format!("quiet {n}"), every, run_time)).collect();
    if with_burst {
        let burst = Source { share, ..Source::burst("hog", 1_000, 10 * SECOND, Duration::from_millis(10)) };
        sources.push(burst);
    }
    let mut load = Load::new(PoolConfig { queue_max: 2_000, ..PoolConfig::default() }, 7, sources);
    load.run(MINUTE);
    load.waits.clear();
    load.run(2 * MINUTE);
    let quantile = |part| load.wait_quantile(|tenant| tenant.starts_with("quiet"), part);
    [quantile(0.5), quantile(0.99)]
}

#[test]
fn quiet_tenants_do_not_feel_a_burst() {
    let without = quiet_tenants(false, Share::default());
    for share in [Share::default(), caps(20, 5), caps(1_000, 1_000)] {
        let with = quiet_tenants(true, share);
        println!("p50 and p99 of waits: {without:?} without the burst, {with:?} beside it, of {share:?}");
        let two_slices = Duration::from_millis(2);
        assert!(with[1] <= (2 * without[1]).max(two_slices), "{without:?} {with:?} {share:?}");
    }
}

#[test]
fn a_script_at_its_cap_does_not_hold_back_its_tenants_others() {
    let long = Duration::from_secs(20);
    let mut sources = vec![Source { share: caps(20, 5), ..Source::burst("acme", 100, MINUTE, long) }];
    let every = Duration::from_millis(500);
    for script in ["b.js", "c.js", "d.js"] {
        let source = Source::poisson("acme", every, Duration::from_millis(20));
        sources.push(Source { share: caps(20, 5), script: script.into(), ..source });
    }
    let mut load = Load::new(PoolConfig { queue_wait: MINUTE, ..PoolConfig::default() }, 3, sources);
    let mut most = 0;
    for _ in 0..600 {
        load.run(Duration::from_millis(100));
        most = most.max(load.running(|script| script == "a.js"));
    }
    let waits = load.wait_quantile_by_script(|script| script != "a.js", 0.99);
    println!("at most {most} of a.js at once; p99 of the others' waits {waits:?}");
    assert_eq!(most, 5, "the script's cap binds, the tenant's does not");
    assert!(waits <= Duration::from_millis(2), "{waits:?}");
}

#[test]
fn a_flash_crowd_is_served_and_given_back() {
    let run_time = Duration::from_millis(50);
    let mut load =
        Load::new(PoolConfig { first_runs_percent: 0, ..PoolConfig::default() }, 11, poisson(6.5, run_time, 40));
    load.run(12 * MINUTE);
    assert_eq!(load.stats().total, 10);
    load.waits.clear();
    load.sources(poisson(75.0, run_time, 40));
    load.run(2 * SECOND);
    let after_two_seconds = load.stats().total;
    load.run(2 * MINUTE);
    let waits = [0.99, 1.0].map(|part| load.wait_quantile(|_| true, part));
    let crowd = load.stats();
    load.sources(poisson(6.5, run_time, 40));
    load.run(15 * MINUTE);
    let after = load.stats();
    println!(
        "10 VMs, {after_two_seconds} after two seconds of ten times the load, {} after two minutes, {} a quarter of an hour after it; \
         p99 and maximum of waits {waits:?}; {:?} {:?}",
        crowd.total, after.total, after.ordered, after.destroyed
    );
    assert!(after_two_seconds >= 60 && crowd.total >= 96, "{after_two_seconds} {crowd:?}");
    assert!(waits[0] <= Duration::from_millis(250) && crowd.rejected_total == 0, "{waits:?} {crowd:?}");
    assert!(after.total <= 12 && is_within(after.utilisation_average), "{after:?}");
}
