//! Many executions of every fate, with callers that leave and isolets that shut down in the midst of it: all permits,
//! VMs and threads come back, and the process does not grow.
//!
//! A binary of its own, because it looks at the memory and the threads of its process.
//! `ISOLET_SOAK` says how many executions there are: 6,000 unless it is set, 100,000 before a release.
#![expect(clippy::print_stdout, reason = "a soak tells its figures to the person who started it")]

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use isolet::{
    ApiCallRate, Execution, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Isolet,
    LimitOverrides, Limits, Payload, Permissions, PoolConfig, Report, RunInfo, Source, SourceKind, Status, TenantId,
};
use tokio::task::JoinSet;

const EXECUTIONS: usize = 6_000;
const ROUND: usize = 1_000;
/// What a process may have more after many rounds than after the first ones: allocators do not give everything back.
const GROWTH_BYTES_MAX: usize = 48 << 20;

/// A script, what it may use, and how it ends when nobody ends it.
struct Fate {
    script: &'static str,
    wall_time_ms: u64,
    status: Status,
}

const MINUTE_MS: u64 = 60_000;

const FATES: [Fate; 10] = [
    Fate { script: "1 + 1", wall_time_ms: MINUTE_MS, status: Status::Ok },
    Fate { script: "await pause.milliseconds(20)", wall_time_ms: MINUTE_MS, status: Status::Ok },
    Fate {
        script: "console.log(1); for (let i = 0; i < 9; i++) await pause.milliseconds(i); console.log(2)",
        wall_time_ms: MINUTE_MS,
        status: Status::Ok,
    },
    Fate { script: "let n = 0; for (let i = 0; i < 30000; i++) n += i", wall_time_ms: MINUTE_MS, status: Status::Ok },
    Fate { script: "null.x", wall_time_ms: MINUTE_MS, status: Status::RuntimeError },
    Fate { script: "let = ;", wall_time_ms: MINUTE_MS, status: Status::SyntaxError },
    Fate {
        script: "const a = []; for (;;) a.push('x'.repeat(9999))",
        wall_time_ms: MINUTE_MS,
        status: Status::MemoryExceeded,
    },
    Fate { script: "for (;;);", wall_time_ms: 8, status: Status::Timeout },
    Fate {
        script: "Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)",
        wall_time_ms: 8,
        status: Status::Timeout,
    },
    Fate { script: "await pause.milliseconds(60000)", wall_time_ms: 30, status: Status::Timeout },
];

/// `pause.milliseconds(n)` waits for so long.
struct Pause;

#[async_trait]
impl HostService for Pause {
    fn namespace(&self) -> HostNamespace {
        HostNamespace { name: "pause".into(), exposed: true, operations: vec![HostOperation::new("milliseconds")] }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Pause {
    async fn call(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let [milliseconds] = arguments.to_value::<[u64; 1]>().expect("a number");
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as usize % bound
    }
}

fn isolet() -> Isolet {
    let limits = Limits {
        memory_bytes: 8 << 20,
        runs_per_tenant: 20,
        runs_per_script: 20,
        api_rate: ApiCallRate::per_minute(100_000),
        ..Limits::default()
    };
    // Few VMs, so that runs are parked.
    let pool = PoolConfig { vms_initial: 2, vms_max: 8, queue_max: ROUND, ..PoolConfig::default() };
    Isolet::builder()
        .workers(2)
        .limits(limits)
        .pool(pool)
        .host(Pause)
        .permissions(Permissions::all())
        .build()
        .expect("it builds")
}

fn execution(fate: &Fate, tenant: usize) -> Execution {
    let source = Source::new("soak.js", fate.script, SourceKind::Auto).expect("a name");
    let wall_time = Some(Duration::from_millis(fate.wall_time_ms).min(Limits::default().wall_time));
    let tenant = TenantId::new(format!("tenant-{tenant}")).expect("an id");
    Execution::new(source, tenant).limits(LimitOverrides { wall_time, ..LimitOverrides::default() })
}

/// Executes them at once; some callers leave. Gives the reports of the others.
async fn round(isolet: &Isolet, random: &mut Random) -> Vec<(Report, Status)> {
    let mut callers = JoinSet::new();
    for _ in 0..ROUND {
        let fate = &FATES[random.below(FATES.len())];
        let execution = execution(fate, random.below(20));
        let patience = (random.below(8) == 0).then(|| Duration::from_micros(random.below(20_000) as u64));
        let isolet = isolet.clone();
        callers.spawn(async move {
            let report = isolet.execute(execution);
            match patience {
                None => Some((report.await, fate.status)),
                Some(patience) => tokio::time::timeout(patience, report).await.ok().map(|report| (report, fate.status)),
            }
        });
    }
    callers.join_all().await.into_iter().flatten().collect()
}

/// One isolet from its start to its end. It is shut down in the midst of its work, or after it.
async fn life(random: &mut Random) -> HashMap<Status, usize> {
    let isolet = isolet();
    let is_cut_short = random.below(3) == 0;
    let down = is_cut_short.then(|| {
        let (begin, deadline) = (random.below(3_000) as u64, random.below(300) as u64);
        let isolet = isolet.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(begin)).await;
            isolet.shutdown(Duration::from_millis(deadline)).await
        })
    });
    let reports = round(&isolet, random).await;
    let cut_short = match down {
        Some(down) => down.await.expect("no panic"),
        None => isolet.shutdown(Duration::from_secs(60)).await,
    };
    let shutdown = isolet.shutdown(Duration::ZERO).await;
    assert_eq!((shutdown.workers_ended, shutdown.workers_stuck.len(), shutdown.vms_leaked), (2, 0, 0));
    let ended = &shutdown.executions;
    assert!(cut_short.executions.killed == ended.killed && ended.killed_ids.len() <= 100, "{ended:?}");

    let mut statuses = HashMap::new();
    let mut killed = 0;
    for (report, status) in &reports {
        *statuses.entry(report.status).or_default() += 1;
        let name = report.error.as_ref().map_or("", |error| error.name.as_str());
        killed += u64::from(name == "ShuttingDown");
        let is_ended = is_cut_short && matches!(name, "ShuttingDown" | "Draining");
        // Under load a run may meet its deadline before it does what it is made for, and wait for longer than it may.
        let is_late = report.status == Status::Timeout || name == "QueueTimeout";
        assert!(report.status == *status || is_ended || is_late, "{report:?} instead of {status}");
    }
    assert!(killed <= ended.killed, "{killed} were told of {ended:?}");
    check_balance(&isolet);
    statuses
}

/// All that was taken came back.
fn check_balance(isolet: &Isolet) {
    let metrics = isolet.metrics();
    let pool = &metrics.pool;
    assert_eq!(metrics.executions.total(), ROUND as u64);
    assert_eq!((metrics.executions.of(Status::EngineFault), metrics.workers_replaced), (0, 0));
    assert_eq!((metrics.in_flight, metrics.cache.in_flight), (0, 0));
    assert_eq!((pool.leases, pool.waiting, pool.tenants, pool.in_use, pool.ready, pool.being_made), (0, 0, 0, 0, 0, 0));
    assert_eq!((pool.parked, pool.parked_returning, pool.parked_bytes, pool.vm_bytes), (0, 0, 0, 0));
    assert_eq!(pool.created_total, pool.destroyed_total + pool.lost_total);
    assert_eq!(pool.wait_times.count(), pool.granted_total);
}

/// A figure of `/proc/self/status`, in kB if it is one of memory.
fn process(name: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a known name");
    line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").trim().parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_comes_back() {
    let executions = std::env::var("ISOLET_SOAK").map_or(EXECUTIONS, |text| text.parse().expect("a number"));
    let rounds = (executions / ROUND).max(3);
    let mut statuses = HashMap::<Status, usize>::new();
    let mut before = None;
    for number in 0..rounds {
        for (status, count) in life(&mut Random(number as u64)).await {
            *statuses.entry(status).or_default() += count;
        }
        if cfg!(target_os = "linux") && number >= rounds.min(6) / 2 {
            let (resident, threads) = (process("VmRSS") << 10, process("Threads"));
            let (resident_before, threads_before) = *before.get_or_insert((resident, threads));
            assert!(resident <= resident_before + GROWTH_BYTES_MAX, "round {number}: {resident_before} to {resident}");
            assert!(threads <= threads_before, "round {number}: {threads_before} to {threads} threads");
        }
    }
    let expected = FATES.map(|fate| fate.status);
    assert!(expected.iter().all(|status| statuses.get(status).is_some_and(|count| *count > 0)), "{statuses:?}");
    println!("{rounds} isolets, {} executions: {statuses:?}, {before:?}, now {} kB", rounds * ROUND, process("VmRSS"));
}
