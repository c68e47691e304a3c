//! What a host call costs, beside a round trip to a task; and many runs that wait for the host at once.
//!
//! `cargo bench -p isolet-benches --bench host_calls`

use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use isolet::{Execution, HostApi, HostOperation, Isolet, Permissions, PoolConfig, Report, Source, TenantId};
use isolet_benches::source;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

/// Calls of one run, whose first costs more than the others.
const CALLS: u64 = 100;

/// Runs that wait at once.
const RUNS: usize = 1_000;
/// Tenants that they belong to: each has five runs at once, as by default.
const TENANTS: usize = 200;

/// How long each of them waits.
const WAIT: Duration = Duration::from_millis(50);

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn isolet(runtime: &Runtime) -> Isolet {
    // The tenant's rate is not what is measured.
    let free = |name: &str| HostOperation { cost: 0, ..HostOperation::new(name) };
    let pause = HostApi::new("pause").operation(free("none"), async |_, (): ()| Ok(())).operation(
        free("briefly"),
        async |_, (): ()| {
            tokio::time::sleep(WAIT).await;
            Ok(())
        },
    );
    Isolet::builder()
        .workers(2)
        .pool(PoolConfig { vms_initial: 100, ..PoolConfig::default() })
        .host(pause)
        .permissions(Permissions::all())
        .runtime(runtime.handle().clone())
        .build()
        .expect("an isolet")
}

fn execution(source: &Source, number: usize) -> Execution {
    Execution::new(source.clone(), TenantId::new(format!("t{}", number % TENANTS)).expect("an id"))
}

fn checked(report: Report) -> Report {
    assert!(report.is_ok(), "{report:?}");
    report
}

/// A call that does nothing, awaited; and a request to a task that answers at once.
fn one_call(criterion: &mut Criterion) {
    let runtime = runtime();
    let isolet = isolet(&runtime);
    let mut group = criterion.benchmark_group("one host call");
    group.bench_function("baseline: a oneshot round trip to a task", |b| {
        b.iter_custom(|count| {
            let trips = async move {
                let (sender, mut requests) = mpsc::unbounded_channel::<oneshot::Sender<()>>();
                let answers = tokio::spawn(async move {
                    while let Some(answer) = requests.recv().await {
                        let _ = answer.send(());
                    }
                });
                let began = Instant::now();
                for _ in 0..count {
                    let (answer, answered) = oneshot::channel();
                    sender.send(answer).expect("the task lives");
                    answered.await.expect("an answer");
                }
                let took = began.elapsed();
                drop(sender);
                answers.await.expect("no panic");
                took
            };
            // From a thread outside, as a worker is one.
            runtime.block_on(trips)
        });
    });
    let [calls, none] =
        [CALLS, 0].map(|calls| source(&format!("for (let n = 0; n < {calls}; n++) await pause.none()")));
    group.bench_function("an awaited call that does nothing", |b| {
        b.iter_custom(|count| {
            let rounds = count.div_ceil(CALLS);
            let time = |source: &Source| {
                let began = Instant::now();
                for number in 0..rounds {
                    checked(isolet.execute_blocking(execution(source, number as usize)));
                }
                began.elapsed()
            };
            // What the run itself takes is not the calls'.
            let (with, without) = (time(&calls), time(&none));
            with.saturating_sub(without).mul_f64(count as f64 / (rounds * CALLS) as f64)
        });
    });
    group.finish();
}

/// A thousand runs, each of which awaits one call of 50 ms, on two workers.
fn many_waiting(criterion: &mut Criterion) {
    let runtime = runtime();
    let isolet = isolet(&runtime);
    let source = source("await pause.briefly(); 1");
    let mut group = criterion.benchmark_group("1,000 waits of 50 ms");
    group.sample_size(10);
    group.bench_function("baseline: tasks that sleep", |b| {
        b.iter(|| {
            runtime.block_on(async {
                (0..RUNS).map(|_| tokio::time::sleep(WAIT)).collect::<JoinSet<_>>().join_all().await
            })
        });
    });
    group.bench_function("runs that await a call", |b| {
        b.iter(|| {
            runtime.block_on(async {
                let runs = (0..RUNS).map(|number| {
                    let (isolet, execution) = (isolet.clone(), execution(&source, number));
                    async move { checked(isolet.execute(execution).await) }
                });
                runs.collect::<JoinSet<_>>().join_all().await
            })
        });
    });
    group.finish();
}

criterion_group!(benches, one_call, many_waiting);
criterion_main!(benches);
