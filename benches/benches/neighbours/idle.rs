//! What an executor takes that has nothing to do.

use std::thread;
use std::time::{Duration, Instant};

use isolet::Limits;
use rustix::time::{ClockId, clock_gettime};

use crate::Plan;
use crate::figures::{Figures, Group, number};
use crate::stage::{Stage, execution};

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::new(Limits::default(), 100);
    let prepared = stage.prepare("1");
    for _ in 0..100 {
        let report = stage.isolet.execute_blocking(execution(&prepared, "was-here"));
        assert!(report.is_ok(), "{report:?}");
    }
    thread::sleep(plan.idle / 4);
    let (began, cpu) = (Instant::now(), process_time());
    thread::sleep(plan.idle);
    let used = process_time().saturating_sub(cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    let group = Group::new("idle executor with 100 VMs");
    figures.groups.push(group.at_most("CPU time of the process", number(used * 100.0, "% core"), 1.0));
}

/// CPU time that all threads of the process have used.
fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).expect("a time since the start")
}
