//! Executions from end to end: `execute().await`, each beside what a service does without isolet.

mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolet::{Execution, Isolet, JsonText, Limits, Report, Source, TenantId};
use isolet_benches::{ORDER, TOTAL, TRIVIAL, script_20kb, source};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::plain::plain_fresh;

/// Callers of end-to-end runs.
const CALLERS: [usize; 3] = [1, 8, 64];

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime")
}

fn isolet(runtime: &Runtime) -> Isolet {
    // The caps of one tenant are not what is measured: every caller may run.
    let limits = Limits { runs_per_tenant: 64, runs_per_script: 64, ..Limits::default() };
    Isolet::builder().limits(limits).runtime(runtime.handle().clone()).build().expect("an executor")
}

fn execution(source: &Source) -> Execution {
    let tenant = TenantId::new("acme").expect("a valid id");
    Execution::new(source.clone(), tenant).input_json(JsonText::parse(ORDER).expect("valid JSON"))
}

fn checked(report: Report) -> Report {
    assert!(report.is_ok(), "{report:?}");
    report
}

/// Executes one after another on a task of the runtime, as a service does, and adds up the time of the executions.
fn execute_each(
    runtime: &Runtime,
    isolet: &Isolet,
    count: u64,
    execution: impl Fn(u64) -> Execution + Send + 'static,
) -> Duration {
    let isolet = isolet.clone();
    let task = runtime.spawn(async move {
        let mut total = Duration::ZERO;
        for number in 0..count {
            let execution = execution(number);
            let began = Instant::now();
            let report = isolet.execute(execution).await;
            total += began.elapsed();
            checked(report);
        }
        total
    });
    runtime.block_on(task).expect("no panic")
}

/// One caller, a script that was compiled before.
fn cached_run(criterion: &mut Criterion) {
    let runtime = runtime();
    let isolet = isolet(&runtime);
    let trivial = source(TRIVIAL);
    let report = checked(isolet.execute_blocking(execution(&trivial)));
    assert_eq!(report.output.expect("an output").get(), TOTAL);
    let mut group = criterion.benchmark_group("cached run (trivial script)");
    group.bench_function("baseline: rquickjs, fresh runtime", |b| b.iter(|| plain_fresh(TRIVIAL)));
    group.bench_function("isolet execute", |b| {
        b.iter_custom(|count| {
            let trivial = trivial.clone();
            execute_each(&runtime, &isolet, count, move |_| execution(&trivial))
        });
    });
    group.finish();
}

/// The time of one execution when this many callers keep asking: each measurement runs a round of them.
fn end_to_end(criterion: &mut Criterion) {
    let runtime = runtime();
    let isolet = isolet(&runtime);
    let trivial = source(TRIVIAL);
    for callers in CALLERS {
        let mut group = criterion.benchmark_group(format!("end to end, {callers} callers (one round of all)"));
        group.bench_function("baseline: rquickjs, fresh runtime, blocking threads", |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let mut round = JoinSet::new();
                    (0..callers).for_each(|_| drop(round.spawn_blocking(|| plain_fresh(TRIVIAL))));
                    round.join_all().await
                })
            });
        });
        group.bench_function("isolet execute", |b| {
            b.iter(|| {
                runtime.block_on(async {
                    let mut round = JoinSet::new();
                    for _ in 0..callers {
                        let (isolet, execution) = (isolet.clone(), execution(&trivial));
                        round.spawn(async move { checked(isolet.execute(execution).await) });
                    }
                    round.join_all().await
                })
            });
        });
        group.finish();
    }
}

/// What compiling once saves.
fn cold_and_cached(criterion: &mut Criterion) {
    let runtime = runtime();
    let isolet = isolet(&runtime);
    let text = Arc::<str>::from(script_20kb());
    let cached = source(&text);
    checked(isolet.execute_blocking(execution(&cached)));
    let mut group = criterion.benchmark_group("20 KB script");
    let seen = Arc::new(AtomicU64::new(0));
    group.bench_function("baseline: cold (compile and run)", |b| {
        b.iter_custom(|count| {
            let (text, seen) = (text.clone(), seen.clone());
            // A source that was never seen before: a comment makes it another one.
            let cold = move |_| execution(&source(&format!("{text} // {}", seen.fetch_add(1, Relaxed))));
            execute_each(&runtime, &isolet, count, cold)
        });
    });
    group.bench_function("cached", |b| {
        b.iter_custom(|count| {
            let cached = cached.clone();
            execute_each(&runtime, &isolet, count, move |_| execution(&cached))
        });
    });
    group.finish();
}

criterion_group!(benches, cached_run, end_to_end, cold_and_cached);
criterion_main!(benches);
