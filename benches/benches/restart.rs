//! The first run of each of a thousand scripts of 20 KB after a restart: compiled, or out of a store in SQLite.
//!
//! They run one after another, each once between two restarts. CPU time is that of all threads of the process.

use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use isolet::store::Store;
use isolet::{BytecodeConfig, Execution, Isolet, JsonText, ProgramOrigin, Report, SealKey, SealKeys, TenantId};
use isolet_benches::{Directory, ORDER, script_20kb, source};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const SCRIPTS: usize = 1_000;

/// What outlives a restart.
struct Stage {
    runtime: Runtime,
    scripts: Vec<Execution>,
    directory: Directory,
}

/// An isolet since it was started.
struct Started {
    isolet: Isolet,
    store: Option<Store>,
    /// Scripts that did not run since.
    left: std::vec::IntoIter<Execution>,
}

impl Started {
    /// Programs in the store, with that of the start.
    fn saved(&self) -> u64 {
        self.isolet.metrics().bytecode.map_or(0, |bytecode| bytecode.saved)
    }
}

impl Stage {
    /// With all programs in the store.
    fn new() -> Self {
        let script = script_20kb();
        let scripts = (0..SCRIPTS).map(|number| execution(&format!("/* {number} */ {script}"))).collect();
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let stage = Self { runtime, scripts, directory: Directory::new() };
        let mut started = stage.start(true);
        while stage.first_run(&mut started).is_some() {}
        // A shutdown would not wait for all of them where disks are slow.
        while started.saved() <= SCRIPTS as u64 {
            thread::sleep(Duration::from_millis(20));
        }
        stage.stop(started);
        stage
    }

    fn start(&self, has_store: bool) -> Started {
        let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] };
        let config = BytecodeConfig { queue_max: SCRIPTS, ..BytecodeConfig::default() };
        let store = has_store.then(|| self.runtime.block_on(Store::open(&self.directory.store())).expect("a store"));
        let builder = Isolet::builder().runtime(self.runtime.handle().clone());
        let builder = match &store {
            Some(store) => builder.bytecode(store.bytecode(), keys, config),
            None => builder,
        };
        let started =
            Started { isolet: builder.build().expect("an isolet"), store, left: self.scripts.clone().into_iter() };
        // What every isolet does once is no part of a script's first run.
        self.run(&started.isolet, execution("1"));
        started
    }

    fn stop(&self, started: Started) {
        self.runtime.block_on(started.isolet.shutdown(Duration::from_secs(60)));
        if let Some(store) = started.store {
            self.runtime.block_on(store.close());
        }
    }

    fn run(&self, isolet: &Isolet, execution: Execution) -> Report {
        let report = self.runtime.block_on(isolet.execute(execution));
        assert!(report.is_ok(), "{report:?}");
        report
    }

    /// The first run of the next script. `None`: all have run.
    fn first_run(&self, started: &mut Started) -> Option<Report> {
        started.left.next().map(|execution| self.run(&started.isolet, execution))
    }

    /// What so many first runs take by a clock, with as many restarts as they need.
    fn first_runs(&self, has_store: bool, count: u64, clock: fn() -> Duration) -> Duration {
        let origin = if has_store { ProgramOrigin::Stored } else { ProgramOrigin::Miss };
        let (mut total, mut done) = (Duration::ZERO, 0);
        while done < count {
            let mut started = self.start(has_store);
            let runs = (count - done).min(SCRIPTS as u64);
            let began = clock();
            for _ in 0..runs {
                let report = self.first_run(&mut started).expect("no script has run");
                assert_eq!(report.metrics.cache, Some(origin));
            }
            total += clock() - began;
            done += runs;
            self.stop(started);
        }
        total
    }
}

fn execution(text: &str) -> Execution {
    let tenant = TenantId::new("acme").expect("a valid id");
    let input = JsonText::parse(ORDER).expect("valid JSON");
    Execution::new(source(text), tenant).input_json(input)
}

fn wall_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).expect("a time since the start")
}

fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("a time since the start")
}

fn restart(criterion: &mut Criterion) {
    let stage = Stage::new();
    for (name, clock) in [("CPU time", cpu_time as fn() -> Duration), ("wall time", wall_time)] {
        let mut group = criterion.benchmark_group(format!("first run after a restart (20 KB script), {name}"));
        for (name, has_store) in [("baseline: compiled", false), ("out of the store", true)] {
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|count| stage.first_runs(has_store, count, clock));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, restart);
criterion_main!(benches);
