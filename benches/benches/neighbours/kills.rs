//! How late hostile scripts are ended: from their deadline until their report is there.
//!
//! A run's time begins with its first slice, which cannot be seen from outside. So it is counted from when the run was
//! asked for: what it waited for that slice is in its lateness.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use isolet::{LimitOverrides, Limits, Prepared, Status};

use crate::Plan;
use crate::figures::{Figures, Group, Times, milliseconds, number};
use crate::good_tenant::RUNAWAY_TIME;
use crate::hostile::{KINDS, Kind, MIX};
use crate::runaways::Runaways;
use crate::stage::{Stage, execution};

const RUNAWAYS: usize = 100;

/// How many kinds are named.
const NAMED: usize = 5;

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::new(Limits::default(), RUNAWAYS + 8);
    let name = format!("lateness of deadlines of {} ms", plan.deadline.as_millis());
    let alone = end_each(&stage, plan.deadline, plan.kills, figures);
    let times = alone.times();
    let group = Group::new(format!("{name}, alone"))
        .figure("kinds of scripts", number(KINDS.len() as f64, ""))
        .figure("runs that their deadline ended", number(alone.0.len() as f64, ""))
        .figure("p50", milliseconds(times.median()))
        .at_most("p99", milliseconds(times.percentile(99)), 5.0)
        .at_most("max", milliseconds(times.max()), 10.0);
    figures.groups.push(alone.named(group));

    let neighbours = Runaways::start(&stage, MIX, RUNAWAYS, 1, Some(RUNAWAY_TIME));
    let beside = end_each(&stage, plan.deadline, plan.kills_beside_runaways, figures);
    figures.failures.extend(neighbours.stop(&stage));
    let times = beside.times();
    let group = Group::new(format!("{name}, beside {RUNAWAYS} runaways (mix)"))
        .figure("runs that their deadline ended", number(beside.0.len() as f64, ""))
        .figure("p50", milliseconds(times.median()))
        .figure("p99", milliseconds(times.percentile(99)))
        .at_most("max", milliseconds(times.max()), 20.0);
    figures.groups.push(beside.named(group));
}

/// How late the runs were that their deadline ended.
struct Ended(Vec<(Duration, &'static Kind)>);

impl Ended {
    fn times(&self) -> Times {
        self.0.iter().map(|&(late, _)| late).collect()
    }

    /// Adds the kinds that were latest.
    fn named(&self, group: Group) -> Group {
        let mut latest = BTreeMap::new();
        for (late, kind) in &self.0 {
            let max: &mut Duration = latest.entry(kind.name).or_default();
            *max = (*max).max(*late);
        }
        let mut latest: Vec<_> = latest.into_iter().collect();
        latest.sort_by_key(|&(_, late)| Reverse(late));
        let named = latest.into_iter().take(NAMED);
        named.fold(group, |group, (name, late)| group.figure(format!("max: {name}"), milliseconds(late)))
    }
}

/// Runs all kinds one after another, so many times.
fn end_each(stage: &Stage, deadline: Duration, rounds: usize, figures: &mut Figures) -> Ended {
    let prepared: Vec<(Prepared, &Kind)> = KINDS.iter().map(|kind| (stage.prepare(kind.text), kind)).collect();
    let limits = LimitOverrides { wall_time: Some(deadline), ..LimitOverrides::default() };
    let mut ended = Ended(Vec::new());
    for (prepared, kind) in prepared.iter().cycle().take(rounds * KINDS.len()) {
        let (isolet, execution) = (stage.isolet.clone(), execution(prepared, "hostile").limits(limits.clone()));
        let (report, time) = stage.service(async move {
            let asked = Instant::now();
            let report = isolet.execute(execution).await;
            (report, asked.elapsed())
        });
        match report.status {
            Status::Timeout => {
                let queue = Duration::from_micros(report.queue.waited_us);
                ended.0.push((time.saturating_sub(queue).saturating_sub(deadline), *kind));
            }
            Status::MemoryExceeded if kind.leaks => {}
            status => figures.failures.push(format!("{}: ended as {status}: {:?}", kind.name, report.error)),
        }
    }
    ended
}
