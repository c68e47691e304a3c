//! More runs in flight than VMs: those that wait for the host leave their VMs to others.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use isolet::{ApiCallRate, Execution, Limits, PoolConfig, Status};
use isolet_testkit::services::Slow;
use tokio::task::JoinSet;

use crate::setup::{builder, output, source, tenant};

const RUNS: usize = 10_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Keeps something of each kind over the call, and tells what it was.
const SCRIPT: &str = "
    const map = new Map([[input, { seen: [input, String(input).padStart(9, '-')] }]]);
    class Keeper { #kept = input; get kept() { return this.#kept } }
    const keeper = new Keeper(), number = Math.random();
    globalThis.mine = (globalThis.mine ?? 0) + 1;
    console.log('before', input);
    const reply = await slow.wait(input * 2);
    console.log('after', input);
    [reply, map.get(input).seen, keeper.kept, globalThis.mine, number === Math.random()]";

/// The most memory that this process has had at once.
fn peak_resident_bytes() -> Option<usize> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<usize>().ok()? << 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_runs_in_flight() {
    let slow = Slow::default();
    let limits = Limits {
        runs_per_tenant: 100,
        runs_per_script: 100,
        api_rate: ApiCallRate::per_minute(100_000),
        // Long enough for a machine that has much else to do: the first ones wait for the last.
        wall_time: HOUR,
        ..Limits::default()
    };
    let pool = PoolConfig { vms_initial: 2, queue_max: RUNS, queue_wait: HOUR, ..PoolConfig::default() };
    let isolet = builder().host(slow.clone()).limits(limits).pool(pool).build().expect("it builds");
    let before = peak_resident_bytes();
    let mut reports = JoinSet::new();
    for number in 0..RUNS {
        let execution = Execution::new(source(SCRIPT), tenant(&format!("t{}", number % 200))).input(&number);
        let (isolet, execution) = (isolet.clone(), execution.expect("JSON"));
        reports.spawn(async move { (number, isolet.execute(execution).await) });
    }
    tokio::select! {
        () = slow.wait_until_waiting(RUNS) => {}
        ended = reports.join_next() => panic!("it was to wait: {ended:?}"),
    }
    let metrics = isolet.metrics().pool;
    assert!(metrics.parked >= RUNS - metrics.in_use && metrics.in_use <= 100, "{metrics:?}");
    assert!(metrics.parked_bytes <= 40_000 * RUNS, "{metrics:?}");
    slow.release(RUNS);
    let mut statuses = HashMap::<Status, usize>::new();
    for (number, report) in reports.join_all().await {
        *statuses.entry(report.status).or_default() += 1;
        let expected = format!("[{},[{number},\"{number:->9}\"],{number},1,false]", number * 2);
        assert_eq!(output(&report), expected);
        let lines: Vec<_> = report.logs.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(lines, [format!("before {number}"), format!("after {number}")]);
    }
    assert_eq!(statuses, HashMap::from([(Status::Ok, RUNS)]));
    if let (Some(before), Some(peak)) = (before, peak_resident_bytes()) {
        assert!(peak - before <= 600_000_000, "{RUNS} runs in flight took {} bytes", peak - before);
    }
    let pool = isolet.metrics().pool;
    assert_eq!((pool.parked, pool.parked_bytes, pool.parks_total), (0, 0, pool.unparks_total));
    isolet.shutdown(Duration::from_secs(60)).await;
}
