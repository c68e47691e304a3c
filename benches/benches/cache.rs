//! Programs found in memory by many callers at once, and what a record costs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolet::store::{RecordStore, RecordsConfig, Store};
use isolet::{CacheConfig, Execution, Isolet, IsoletBuilder, JsonText, ProgramKey, Report, TenantId};
use isolet_benches::{Directory, ORDER, TRIVIAL, source};
use isolet_cache::{Made, ProgramCache};
use isolet_core_traits::{EngineId, ReportSink};
use tokio::runtime::Runtime;

/// Programs in the cache.
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

fn execution() -> Execution {
    let tenant = TenantId::new("acme").expect("a valid id");
    let input = JsonText::parse(ORDER).expect("valid JSON");
    Execution::new(source(TRIVIAL), tenant).input_json(input)
}

async fn run(isolet: &Isolet) -> Report {
    let report = isolet.execute(execution()).await;
    assert!(report.is_ok(), "{report:?}");
    report
}

/// What an execution waits for its record, and what it takes with and without.
fn records(criterion: &mut Criterion) {
    let (runtime, directory) = (runtime(), Directory::new());
    let store = runtime.block_on(Store::open(&directory.store())).expect("a store");
    let records: Arc<RecordStore> = runtime.block_on(async { store.records(RecordsConfig::default()) });
    let build = |builder: IsoletBuilder| builder.runtime(runtime.handle().clone()).build().expect("an isolet");
    let (with, without) = (build(Isolet::builder().reports(records.clone())), build(Isolet::builder()));
    let input = JsonText::parse(ORDER).expect("valid JSON");
    let report = runtime.block_on(run(&without));
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
            bencher.iter(|| runtime.block_on(run(isolet)));
        });
    }
    group.finish();
    runtime.block_on(async {
        records.flush().await;
        store.close().await;
    });
}

criterion_group!(cache, contention, records);
criterion_main!(cache);
