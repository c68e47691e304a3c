//! Programs found in memory by many callers at once, programs out of a store, and what a record costs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolet::store::{RecordStore, RecordsConfig, Store};
use isolet::{
    BytecodeConfig, CacheConfig, Execution, Isolet, IsoletBuilder, JsonText, ProgramKey, ProgramOrigin, Report,
    SealKey, SealKeys, TenantId,
};
use isolet_benches::{ORDER, TRIVIAL, script_20kb, source};
use isolet_cache::{Made, ProgramCache};
use isolet_core_traits::{EngineId, ReportSink};
use tokio::runtime::Runtime;

/// Programs in the cache, and scripts in the store.
const PROGRAMS: u64 = 1_000;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn key(number: u64) -> ProgramKey {
    ProgramKey::new(&EngineId::new("bench/1"), "none", &source(&number.to_string()))
}

/// Lookups by so many threads together, each of the keys in another order; the time is that of all of them.
fn lookups(cache: &ProgramCache<Arc<[u8]>>, keys: &[ProgramKey], threads: usize, count: u64) -> Duration {
    let began = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let mut at = thread * 7_919;
                for _ in 0..count / threads as u64 {
                    at += 1;
                    cache.get(&keys[at % keys.len()]).expect("it is kept");
                }
            });
        }
    });
    began.elapsed()
}

fn contention(criterion: &mut Criterion) {
    let cache = ProgramCache::new(CacheConfig::default());
    let keys: Vec<ProgramKey> = (0..PROGRAMS).map(key).collect();
    for key in &keys {
        let program: Arc<[u8]> = Arc::new([0; 64]);
        cache.insert(key, Made { program, bytes: 64, compile_time: Duration::from_micros(90), is_stored: false });
    }
    let mut group = criterion.benchmark_group("cache");
    for threads in [1, 8, 64] {
        group.bench_function(format!("lookup, {threads} threads"), |bencher| {
            bencher.iter_custom(|count| lookups(&cache, &keys, threads, count.next_multiple_of(64)));
        });
        group.bench_function(format!("lookup of one program, {threads} threads"), |bencher| {
            bencher.iter_custom(|count| lookups(&cache, &keys[..1], threads, count.next_multiple_of(64)));
        });
    }
}

/// 20 KB, and another text for each number.
fn numbered(script: &str, number: u64) -> Execution {
    let tenant = TenantId::new("acme").expect("a valid id");
    let input = JsonText::parse(ORDER).expect("valid JSON");
    Execution::new(source(&format!("/* {number} */ {script}")), tenant).input_json(input)
}

async fn run(isolet: &Isolet, execution: Execution) -> Report {
    let report = isolet.execute(execution).await;
    assert!(report.is_ok(), "{report:?}");
    report
}

/// First runs of scripts of 20 KB: with a warm restart every program is in the store, and none in memory.
fn restart(criterion: &mut Criterion) {
    let (runtime, script) = (runtime(), script_20kb());
    let directory = std::env::temp_dir().join(format!("isolet-bench-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory for temporary files");
    let store = runtime.block_on(Store::open(directory.join("store.db").to_str().expect("a name"))).expect("a store");
    let build = |builder: IsoletBuilder| builder.runtime(runtime.handle().clone()).build().expect("an isolet");
    let stored = |builder: IsoletBuilder| {
        let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] };
        let config = BytecodeConfig { queue_max: PROGRAMS as usize, ..BytecodeConfig::default() };
        build(builder.bytecode(store.bytecode(), keys, config))
    };
    let before = stored(Isolet::builder());
    runtime.block_on(async {
        for number in 0..PROGRAMS {
            run(&before, numbered(&script, number)).await;
        }
        while before.metrics().bytecode.expect("there is a store").saved < PROGRAMS {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let after = stored(Isolet::builder().cache_entries(0));
    let without = build(Isolet::builder().cache_entries(0));
    let number = AtomicU64::new(0);
    let next = || numbered(&script, number.fetch_add(1, Relaxed) % PROGRAMS);
    let mut group = criterion.benchmark_group("cache");
    for (name, isolet, origin) in
        [("compiled", &without, ProgramOrigin::Miss), ("out of the store", &after, ProgramOrigin::Stored)]
    {
        group.bench_function(format!("first run of 20 KB, {name}"), |bencher| {
            bencher.iter_custom(|count| {
                let mut total = Duration::ZERO;
                for _ in 0..count {
                    let execution = next();
                    let began = Instant::now();
                    let report = runtime.block_on(run(isolet, execution));
                    total += began.elapsed();
                    assert_eq!(report.metrics.cache, Some(origin));
                }
                total
            });
        });
    }
    group.finish();
    records(criterion, &runtime, &store, &directory);
}

/// What an execution waits for its record, and what it takes with and without.
fn records(criterion: &mut Criterion, runtime: &Runtime, store: &Store, directory: &std::path::Path) {
    let records: Arc<RecordStore> = runtime.block_on(async { store.records(RecordsConfig::default()) });
    let build = |builder: IsoletBuilder| builder.runtime(runtime.handle().clone()).build().expect("an isolet");
    let (with, without) = (build(Isolet::builder().reports(records.clone())), build(Isolet::builder()));
    let input = JsonText::parse(ORDER).expect("valid JSON");
    let report = runtime.block_on(run(&without, numbered(TRIVIAL, 0)));
    let mut group = criterion.benchmark_group("cache");
    group.bench_function("a record, batched", |bencher| {
        bencher.iter_custom(|count| {
            runtime.block_on(async {
                let began = Instant::now();
                for _ in 0..count {
                    records.record(&report, &input).await;
                }
                began.elapsed()
            })
        });
    });
    for (name, isolet) in [("without records", &without), ("with records", &with)] {
        group.bench_function(format!("an execution {name}"), |bencher| {
            bencher.iter(|| runtime.block_on(run(isolet, numbered(TRIVIAL, 0))));
        });
    }
    group.finish();
    runtime.block_on(async {
        records.flush().await;
        store.close().await;
    });
    std::fs::remove_dir_all(directory).expect("the directory goes");
}

criterion_group!(cache, contention, restart);
criterion_main!(cache);
