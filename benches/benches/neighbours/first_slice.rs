//! How long a tenant that was not there before waits for its first slice, beside tenants who run all they may.
//!
//! The slice itself cannot be seen from outside: what is measured is the whole of a trivial script's run, which is over
//! within it.
//!
//! Limits and pool are the defaults: most runaways wait for a VM, and a new tenant gets one that is kept for it.

use std::time::{Duration, Instant};

use isolet::{JsonText, Limits, PoolConfig};
use isolet_benches::{ORDER, TRIVIAL};

use crate::Plan;
use crate::figures::{Figures, Group, Times, milliseconds, number};
use crate::hostile::{LOOP, MIX};
use crate::runaways::Runaways;
use crate::stage::{Stage, execution};

const TENANTS: usize = 40;
/// What one tenant may have at once by default.
const RUNS_EACH: usize = 5;
const PAUSE: Duration = Duration::from_millis(10);
/// When enough new tenants have waited long.
const TIME_MAX: Duration = Duration::from_secs(6);

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    for (kind, texts) in [("loops", &[LOOP] as &[_]), ("mix", MIX)] {
        let stage = Stage::with_pool(Limits::default(), PoolConfig::default());
        let neighbours = Runaways::start(&stage, texts, TENANTS, RUNS_EACH, None);
        let times = new_tenants(&stage, plan.new_tenants);
        let runaways = stage.isolet.metrics().pool.in_use;
        figures.failures.extend(neighbours.stop(&stage));
        let name = format!("a trivial script of a new tenant, beside {TENANTS} tenants with {RUNS_EACH} runaways each");
        figures.groups.push(
            Group::new(format!("{name} ({kind})"))
                .figure("runaways on a VM", number(runaways as f64, ""))
                .figure("end to end, p50", milliseconds(times.median()))
                .at_most("end to end, p99", milliseconds(times.percentile(99)), 5.0)
                .figure("end to end, max", milliseconds(times.max())),
        );
    }
}

fn new_tenants(stage: &Stage, count: usize) -> Times {
    let (isolet, prepared) = (stage.isolet.clone(), stage.prepare(TRIVIAL));
    stage.service(async move {
        let (began, mut times) = (Instant::now(), Vec::new());
        for number in 0..count {
            if began.elapsed() > TIME_MAX {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            let input = JsonText::parse(ORDER).expect("valid JSON");
            let execution = execution(&prepared, format!("new-{number}")).input_json(input);
            let asked = Instant::now();
            let report = isolet.execute(execution).await;
            times.push(asked.elapsed());
            assert!(report.is_ok(), "{report:?}");
        }
        times.into_iter().collect()
    })
}
