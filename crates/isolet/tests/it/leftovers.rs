//! What a run leaves behind, and that no later one on its VM finds it: neither its own tenant's nor another's.
//!
//! There is one VM. Each pair is run as `finds`, `leaves`, `finds`, whichever way `leaves` ends: the report of the later
//! `finds` must be that of the earlier one, memory included.

mod pairs;

use std::collections::HashSet;
use std::time::Duration;

use isolet::{ApiCallRate, Execution, HostModules, Isolet, LimitOverrides, Limits, Policy, Report, Status, VmOrigin};
use isolet_testkit::services::{Echo, Slow};

use self::pairs::PAIRS;
use crate::setup::{builder, output, source, tenant, told};

/// What one run leaves, and what a later one must not find of it.
struct Pair {
    /// Unique in the table.
    name: &'static str,
    leaves: &'static str,
    ends: Ends,
    finds: &'static str,
    /// What `finds` gives, as JSON.
    gives: &'static str,
}

/// How the run that leaves something ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With this status.
    As(Status),
    /// Its caller drops it once it waits for the host.
    Dropped,
}

use Ends::{As, Dropped};

/// These do not wait with what they leave: they compute, fail meanwhile, or are modules.
const NEVER_PARKED: &[&str] =
    &["jobs without end", "rejections nobody handles", "a module of the host's", "a module's own state"];

/// Looks at a bit of everything.
const BROAD: &str = "
    const names = Object.getOwnPropertyNames(globalThis), own = (object) => Reflect.ownKeys(object).length;
    const lazy = names.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]).filter(([, found]) => found.get);
    const prototypes = names.map((name) => globalThis[name]?.prototype).filter((prototype) => prototype);
    let ticks = 0;
    for (let at = 0; at < 20; at++) await null, ticks++;
    console.log('a %s', { b: [1] });
    [
        names.length, lazy.length, prototypes.length, prototypes.map(own), own(globalThis), own(Math), own(JSON), own(Reflect),
        Object.isExtensible(globalThis), Object.isFrozen(Object.prototype), Object.keys(Object.prototype), ticks,
        JSON.stringify({ a: [1, 'b'] }), [3, 1, 2].sort().map(String).join(), 'a-b'.replace(/-(b)/, '$1'), RegExp.$1 ?? null,
        new URL('?b=c', 'http://a/').href, structuredClone(new Map([[1, 2]])).get(1), new TextDecoder().decode(new Uint8Array([97])),
        setTimeout(() => {}, 1), new Uint8Array(1 << 16).some(Boolean), typeof Error.prepareStackTrace, Error.stackTraceLimit,
        [...'ab'].length, `${[1, 2]}`, new Error('a').stack.length, Math.max(1, 2), context.tenant.length, input,
    ]";

fn isolet(slow: &Slow) -> Isolet {
    let modules = HostModules::new()
        .with("counter", "let count = 0; export const next = () => ++count; export const cache = new Map()");
    let policy = Policy::new().with_modules(modules.expect("a name"));
    let limits = Limits { api_rate: ApiCallRate::per_minute(100_000), ..Limits::default() };
    builder()
        .workers(1)
        .vms_max(1)
        .limits(limits)
        .host(Echo)
        .host(slow.clone())
        .policy(policy)
        .build()
        .expect("it builds")
}

/// All of a report that depends on the script and its VM alone.
fn seen(report: &Report) -> String {
    let output = report.output.as_ref().map_or("", |output| output.get());
    let logs: Vec<_> = report.logs.iter().map(|line| (line.level, line.message.as_str())).collect();
    let metrics = &report.metrics;
    let figures = (metrics.memory_peak_bytes, metrics.host_calls, metrics.host_bytes_in, metrics.host_bytes_out);
    format!("{} {output} {logs:?} {:?} {figures:?}", told(report), report.warnings)
}

/// Runs a script that must end well, on a VM that was there before.
async fn find(isolet: &Isolet, script: &str, tenant_name: &str) -> Report {
    let report = isolet.execute(Execution::new(source(script), tenant(tenant_name))).await;
    assert_eq!(report.status, Status::Ok, "{script}: {}", told(&report));
    let is_new = report.metrics.vm != Some(VmOrigin::Warm);
    assert!(!is_new || isolet.metrics().workers_replaced > 0, "{script}: the VM is another one");
    report
}

/// The same once the program has an image, which the second run makes.
async fn find_by_image(isolet: &Isolet, script: &str) -> Report {
    for _ in 0..2 {
        find(isolet, script, "acme").await;
    }
    find(isolet, script, "acme").await
}

/// An execution with an input that no other one has.
fn execution(script: &str, tenant_name: &str) -> Execution {
    let input = serde_json::json!({ "secret": "input of acme" });
    Execution::new(source(script), tenant(tenant_name)).input(&input).expect("JSON")
}

async fn leave(isolet: &Isolet, slow: &Slow, pair: &Pair) {
    let millis = match pair.ends {
        As(Status::Timeout) => 50,
        _ => 30_000,
    };
    let limits = LimitOverrides { wall_time: Some(Duration::from_millis(millis)), ..LimitOverrides::default() };
    let is_script = pair.ends == As(Status::Ok) && !pair.leaves.contains("export ");
    let script = if is_script { &format!("{}\n;1", pair.leaves) } else { pair.leaves };
    let execution = execution(script, "acme").limits(limits);
    match pair.ends {
        As(status) => {
            let report = isolet.execute(execution).await;
            assert_eq!(report.status, status, "{}: {}", pair.name, told(&report));
        }
        Dropped => tokio::select! {
            report = isolet.execute(execution) => panic!("{}: {}", pair.name, told(&report)),
            () = slow.wait_until_waiting(1) => {}
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_finds_what_another_has_left() {
    let slow = Slow::default();
    let isolet = isolet(&slow);
    let broad = seen(&find_by_image(&isolet, BROAD).await);
    let mut wrong = Vec::new();
    for pair in PAIRS {
        let before = find_by_image(&isolet, pair.finds).await;
        assert_eq!(output(&before), pair.gives, "{}", pair.name);
        for tenant_name in ["acme", "ecma"] {
            for (script, expected) in [(pair.finds, &seen(&before)), (BROAD, &broad)] {
                let replaced = isolet.metrics().workers_replaced;
                leave(&isolet, &slow, pair).await;
                if isolet.metrics().workers_replaced > replaced {
                    continue; // The machine was too slow for the deadline, and the VM went with its worker.
                }
                let found = seen(&find(&isolet, script, tenant_name).await);
                if found != *expected {
                    wrong.push(format!("{}, {tenant_name}\n  before: {expected}\n   after: {found}", pair.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The same while the other run still lives: it waits for the host, parked, and goes on afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_run_finds_what_a_parked_one_holds() {
    let slow = Slow::default();
    let isolet = isolet(&slow);
    let is_parked = |pair: &&Pair| pair.ends == As(Status::Ok) && !NEVER_PARKED.contains(&pair.name);
    for pair in PAIRS.iter().filter(is_parked) {
        let before = seen(&find_by_image(&isolet, pair.finds).await);
        // What it waits with was there before it changed anything.
        let script = format!("const wait = slow.wait; {}\n;await wait(7); 'resumed'", pair.leaves);
        let (shared, execution) = (isolet.clone(), execution(&script, "other"));
        let mut parked = tokio::spawn(async move { shared.execute(execution).await });
        let calls = 1 + pair.leaves.matches("slow.wait").count();
        tokio::select! {
            report = &mut parked => panic!("{}: it did not wait: {}", pair.name, told(&report.expect("no panic"))),
            () = slow.wait_until_waiting(calls) => {}
        }
        let parks = isolet.metrics().pool.parks_total;
        assert_eq!(seen(&find(&isolet, pair.finds, "acme").await), before, "{}", pair.name);
        assert!(isolet.metrics().pool.parks_total > parks, "{}: it was not parked", pair.name);
        slow.release(calls);
        let report = parked.await.expect("no panic");
        assert_eq!(output(&report), r#""resumed""#, "{}", pair.name);
        // A call that nobody awaits may have been ended before its answer came, which is not the next pair's.
        slow.wait_until_waiting(0).await;
        slow.take_back();
    }
}

/// Random numbers and ids come from a seed of each run, not from a state that stays.
#[tokio::test]
async fn nothing_random_comes_twice() {
    let isolet = isolet(&Slow::default());
    let script =
        "[Math.random(), crypto.randomUUID(), String(crypto.getRandomValues(new Uint32Array(4))), Math.random()]";
    let mut values = HashSet::new();
    for run in 0..20 {
        let report = find(&isolet, script, if run % 2 == 0 { "acme" } else { "ecma" }).await;
        for value in report.output_as::<Vec<serde_json::Value>>().expect("a list") {
            assert!(values.insert(value.to_string()), "{value} came twice");
        }
    }
}

#[test]
fn the_table_is_broad_and_its_names_are_unique() {
    let names: HashSet<_> = PAIRS.iter().map(|pair| pair.name).collect();
    assert_eq!(names.len(), PAIRS.len());
    assert!(names.len() >= 60, "{} pairs", names.len());
}
