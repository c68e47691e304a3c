//! Executions from end to end: what a service sees that awaits them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use isolet::{Execution, Isolet, JsonText, Limits, Source, TenantId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::figures::{self, Quantiles};
use super::{PART_TIME_MAX, Plan, checked, workbench};

const CALLERS: usize = 64;
/// Runs of many callers end faster, so that more of them take no longer.
const RUNS_OF_CALLERS_PER_RUN: usize = 2;
/// Runs before those that count: by then the pool has all VMs that it will have, and the program is compiled.
const WARM_UP_RUNS: usize = 1_000;

pub(super) fn measure(plan: &Plan) -> Result<figures::Execute> {
    runtime()?.block_on(async {
        // The caps of one tenant are not what is measured: every caller may run.
        let limits = Limits { runs_per_tenant: CALLERS, runs_per_script: CALLERS, ..Limits::default() };
        let isolet = Isolet::builder().limits(limits).build().context("cannot start")?;
        let caller = Caller {
            isolet: isolet.clone(),
            source: workbench::script()?,
            input: workbench::order()?,
            tenant: TenantId::new("local")?,
        };
        caller.many(plan.runs.min(WARM_UP_RUNS)).await?;
        let times = tokio::spawn(caller.clone().one_after_another(plan.runs)).await??;
        let rate = caller.many(plan.runs * RUNS_OF_CALLERS_PER_RUN).await?;
        isolet.shutdown(Duration::from_secs(60)).await;
        Ok(figures::Execute { one_caller_us: Quantiles::of(times), runs_per_s_64_callers: Some(rate) })
    })
}

/// What a service has: as many threads as cores.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread().enable_all().build().context("cannot start a runtime")
}

/// A task of a service that keeps asking.
#[derive(Clone)]
struct Caller {
    isolet: Isolet,
    source: Source,
    input: JsonText,
    tenant: TenantId,
}

impl Caller {
    fn execution(&self) -> Execution {
        Execution::new(self.source.clone(), self.tenant.clone()).input_json(self.input.clone())
    }

    async fn one_after_another(self, runs: usize) -> Result<Vec<Duration>> {
        let mut times = Vec::new();
        let began_all = Instant::now();
        while times.len() < runs && began_all.elapsed() < PART_TIME_MAX {
            let execution = self.execution();
            let began = Instant::now();
            let report = self.isolet.execute(execution).await;
            times.push(began.elapsed());
            checked(report)?;
        }
        Ok(times)
    }

    /// Has many callers make so many runs together, and gives how many ended in a second.
    async fn many(&self, runs: usize) -> Result<u64> {
        let asked = Arc::new(AtomicUsize::new(0));
        let began = Instant::now();
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (caller, asked) = (self.clone(), asked.clone());
            callers.spawn(async move {
                let mut ended = 0;
                while began.elapsed() < PART_TIME_MAX && asked.fetch_add(1, Relaxed) < runs {
                    checked(caller.isolet.execute(caller.execution()).await)?;
                    ended += 1;
                }
                Ok::<u64, anyhow::Error>(ended)
            });
        }
        let ended = callers.join_all().await.into_iter().sum::<Result<u64>>()?;
        Ok((ended as f64 / began.elapsed().as_secs_f64()).round() as u64)
    }
}
