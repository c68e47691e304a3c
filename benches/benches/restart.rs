//! The first run of each of a thousand scripts of 20 KB after a restart: compiled, or out of a store in SQLite.
//!
//! They run one after another, each once between two restarts. The time is that from opening the store to the last
//! script's report: whatever a start does for them is in it. CPU time is that of all threads of the process.

use std::thread;
use std::time::Duration;

use criterion::{Criterion, SamplingMode, criterion_group, criterion_main};
use isolet::store::Store;
use isolet::{BytecodeConfig, BytecodeStats, Execution, Isolet, JsonText, ProgramOrigin, SealKey, SealKeys, TenantId};
use isolet_benches::{Directory, ORDER, script_20kb, source};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::{Builder, Runtime};

const SCRIPTS: usize = 1_000;

/// How programs come back after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Warmth {
    /// They are compiled.
    Cold,
    /// Each is loaded when its script runs.
    Stored,
    /// The cache is filled first.
    Warm,
}

impl Warmth {
    fn origin(self) -> ProgramOrigin {
        match self {
            Self::Cold => ProgramOrigin::Miss,
            Self::Stored => ProgramOrigin::Stored,
            Self::Warm => ProgramOrigin::Hit,
        }
    }
}

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
}

impl Started {
    fn bytecode(&self) -> BytecodeStats {
        self.isolet.metrics().bytecode.unwrap_or_default()
    }
}

impl Stage {
    /// With all programs in the store.
    fn new() -> Self {
        let script = script_20kb();
        let scripts = (0..SCRIPTS).map(|number| execution(&format!("/* {number} */ {script}"))).collect();
        let runtime = Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let stage = Self { runtime, scripts, directory: Directory::new() };
        let started = stage.start(Warmth::Warm);
        stage.run_each(&started, Warmth::Cold);
        // A shutdown would not wait for all of them where disks are slow.
        while started.bytecode().saved < SCRIPTS as u64 {
            thread::sleep(Duration::from_millis(20));
        }
        stage.stop(started);
        stage
    }

    /// Comes back when the cache is filled, if it is to be.
    fn start(&self, warmth: Warmth) -> Started {
        let keys = SealKeys { current: SealKey { number: 1, secret: [7; 32] }, previous: vec![] };
        let warm_max = if warmth == Warmth::Warm { SCRIPTS } else { 0 };
        let config = BytecodeConfig { queue_max: SCRIPTS, warm_max, ..BytecodeConfig::default() };
        let has_store = warmth != Warmth::Cold;
        let store = has_store.then(|| self.runtime.block_on(Store::open(&self.directory.store())).expect("a store"));
        // One caller needs one VM.
        let builder = Isolet::builder().vms_warm(1).runtime(self.runtime.handle().clone());
        let builder = match &store {
            Some(store) => builder.bytecode(store.bytecode(), keys, config),
            None => builder,
        };
        let started = Started { isolet: builder.build().expect("an isolet"), store };
        while started.bytecode().is_warming {
            thread::sleep(Duration::from_micros(500));
        }
        started
    }

    fn stop(&self, started: Started) {
        self.runtime.block_on(started.isolet.shutdown(Duration::from_secs(60)));
        if let Some(store) = started.store {
            self.runtime.block_on(store.close());
        }
    }

    /// Runs each script once.
    fn run_each(&self, started: &Started, expected: Warmth) {
        for execution in self.scripts.clone() {
            let report = self.runtime.block_on(started.isolet.execute(execution));
            assert!(report.is_ok() && report.metrics.cache == Some(expected.origin()), "{report:?}");
        }
    }

    /// What so many restarts, with a first run of each script, take by a clock.
    fn restarts(&self, warmth: Warmth, count: u64, clock: fn() -> Duration) -> Duration {
        let mut total = Duration::ZERO;
        for _ in 0..count {
            let began = clock();
            let started = self.start(warmth);
            self.run_each(&started, warmth);
            total += clock() - began;
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
        let mut group =
            criterion.benchmark_group(format!("restart and the first run of 1,000 scripts of 20 KB, {name}"));
        // A restart with its first runs takes up to two seconds.
        group.sampling_mode(SamplingMode::Flat).sample_size(10);
        let names = ["baseline: compiled", "out of the store", "out of the store, read ahead"];
        for (name, warmth) in names.into_iter().zip([Warmth::Cold, Warmth::Stored, Warmth::Warm]) {
            group.bench_function(name, |bencher| bencher.iter_custom(|count| stage.restarts(warmth, count, clock)));
        }
        group.finish();
    }
}

criterion_group!(benches, restart);
criterion_main!(benches);
