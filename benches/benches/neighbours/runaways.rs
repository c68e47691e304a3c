//! Neighbours whose scripts never end by themselves.

use std::collections::BTreeSet;
use std::time::Duration;

use isolet::{LimitOverrides, Prepared, Status};
use tokio::task::JoinSet;

use crate::stage::{Stage, execution};

/// Runs that are asked for again as soon as they were ended.
pub(crate) struct Runaways {
    tasks: JoinSet<String>,
}

impl Runaways {
    /// The first runs are under way for a moment when it returns: those of `tenants` tenants, so many each.
    ///
    /// `wall_time` is the time of each run; none: that of the limits.
    pub(crate) fn start(
        stage: &Stage,
        texts: &[&str],
        tenants: usize,
        runs_each: usize,
        wall_time: Option<Duration>,
    ) -> Self {
        let scripts: Vec<Prepared> = texts.iter().map(|text| stage.prepare(text)).collect();
        let mut tasks = JoinSet::new();
        for run in 0..tenants * runs_each {
            let (isolet, script) = (stage.isolet.clone(), scripts[run % scripts.len()].clone());
            let limits = LimitOverrides { wall_time, ..LimitOverrides::default() };
            let runaway = async move {
                loop {
                    let execution = execution(&script, format!("runaway-{}", run / runs_each)).limits(limits.clone());
                    let report = isolet.execute(execution).await;
                    if !matches!(report.status, Status::Timeout | Status::MemoryExceeded) {
                        let why = report.error.map(|error| error.name);
                        return format!("a runaway ended as {}: {}", report.status, why.unwrap_or_default());
                    }
                }
            };
            tasks.spawn_on(runaway, stage.runtime().handle());
        }
        std::thread::sleep(Duration::from_millis(300));
        Self { tasks }
    }

    /// Ends all of them. Those that ended otherwise than by a limit are failures, each kind of which is told once.
    pub(crate) fn stop(mut self, stage: &Stage) -> BTreeSet<String> {
        let mut failures = BTreeSet::new();
        while let Some(ended) = self.tasks.try_join_next() {
            failures.insert(ended.expect("no panic"));
        }
        stage.runtime().block_on(self.tasks.shutdown());
        failures
    }
}
