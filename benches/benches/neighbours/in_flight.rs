//! Thousands of runs that wait for the host at once: how long all of them take, and what the process holds meanwhile.

use std::fs;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use isolet::{
    ApiCallRate, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Limits, Payload, PoolConfig,
    RunInfo,
};
use tokio::task::JoinSet;

use crate::Plan;
use crate::figures::{Figures, Group, milliseconds, number};
use crate::stage::{Stage, execution};

/// How long each of them waits.
const WAIT: Duration = Duration::from_millis(50);

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    for runs in [1_000, 10_000].map(|runs| runs / plan.in_flight_divisor) {
        let limits = Limits { api_rate: ApiCallRate::per_minute(100_000), ..Limits::default() };
        let pool = PoolConfig { queue_max: runs, ..PoolConfig::default() };
        let stage = Stage::with_host(limits, pool, Pause);
        let prepared = stage.prepare("const kept = new Map([[1, input]]); await pause.briefly(); kept.size");
        // From here on the peak counts anew, where the system can do that.
        let _ = fs::write("/proc/self/clear_refs", "5");
        let (resident, began) = (resident_bytes("VmRSS:"), Instant::now());
        let isolet = stage.isolet.clone();
        let failed = stage.service(async move {
            let mut all = JoinSet::new();
            for run in 0..runs {
                let (isolet, execution) = (isolet.clone(), execution(&prepared, format!("tenant-{}", run / 5)));
                all.spawn(async move { isolet.execute(execution).await.is_ok() });
            }
            all.join_all().await.into_iter().filter(|is_ok| !is_ok).count()
        });
        let took = began.elapsed();
        if failed > 0 {
            figures.failures.push(format!("{failed} of {runs} runs that waited for the host were not ok"));
        }
        let megabytes = resident_bytes("VmHWM:").saturating_sub(resident) as f64 / 1e6;
        let parked = stage.isolet.metrics().pool.parks_total as f64;
        let group = Group::new(format!("{runs} runs at once that wait {} ms for the host", WAIT.as_millis()));
        let group = group.figure("until all are over", milliseconds(took));
        let group = group.figure("memory of the process at its peak, more than before", number(megabytes, "MB"));
        figures.groups.push(group.figure("times that a run left its VM", number(parked, "")));
    }
}

/// 0 where the system does not tell.
fn resident_bytes(name: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok())
        .map_or(0, |kilobytes| kilobytes << 10)
}

struct Pause;

#[async_trait]
impl HostService for Pause {
    fn namespace(&self) -> HostNamespace {
        let briefly = HostOperation { cost: 0, ..HostOperation::new("briefly") };
        HostNamespace { name: "pause".into(), exposed: true, operations: vec![briefly] }
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Pause {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        tokio::time::sleep(WAIT).await;
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}
