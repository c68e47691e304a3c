//! A tenant that behaves, beside others that do not.
//!
//! Beside it a plain thread tells how late the machine itself is.

use std::time::{Duration, Instant};
use std::{iter, thread};

use isolet::Limits;
use isolet::engine::{Engine, Purpose, Reset, Vm};
use isolet_benches::{Bench, source};

use crate::Plan;
use crate::figures::{Figures, Group, Times, microseconds, milliseconds, number};
use crate::hostile::{LOOP, MIX};
use crate::runaways::Runaways;
use crate::stage::{Stage, execution, on_engine_thread, sleep_until};

/// What the script of the good tenant takes by itself.
const OWN_TIME: Duration = Duration::from_micros(100);
const PERIOD: Duration = Duration::from_millis(5);
/// After this time a runaway is ended and asks again.
pub(crate) const RUNAWAY_TIME: Duration = Duration::from_millis(500);
/// Why the good tenant may be late: one slice of a neighbour, and the way there and back.
const LATE_MS_MAX: f64 = 2.0;

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let (script, own_time) = on_engine_thread(calibrated);
    let scripts = Group::new("good tenant: its script alone on a VM");
    figures.groups.push(scripts.figure("median", microseconds(own_time)));
    let neighbourhoods: [(&str, &[&str], usize); 5] =
        [("loops", &[LOOP], 0), ("loops", &[LOOP], 8), ("mix", MIX, 8), ("loops", &[LOOP], 100), ("mix", MIX, 100)];
    for (kind, texts, runaways) in neighbourhoods {
        let name = match runaways {
            0 => "good tenant, alone".to_owned(),
            _ => format!("good tenant beside {runaways} runaways ({kind})"),
        };
        let stage = Stage::new(Limits::default(), runaways + 8);
        let neighbours = Runaways::start(&stage, texts, runaways, 1, Some(RUNAWAY_TIME));
        let watched = watch(&stage, &script, own_time, plan.good_tenant);
        figures.failures.extend(neighbours.stop(&stage));
        figures.groups.push(watched.group(name, runaways));
    }
}

/// A script that takes [`OWN_TIME`], and what it really takes.
fn calibrated(bench: &Bench) -> (String, Duration) {
    let _attached = bench.engine().attach_thread().expect("ticks");
    let script = |count: u64| format!("let sum = 0; for (let i = 0; i < {count}; i++) sum += i; sum");
    let time = |text: &str| {
        let source = source(text);
        let program = bench.compile(&mut bench.vm(Purpose::Compile), &source);
        let mut vm = bench.vm(Purpose::Run);
        let mut one = || {
            let began = Instant::now();
            bench.run(&mut vm, &program, &source);
            let time = began.elapsed();
            assert_eq!(vm.reset(), Reset::Pristine);
            time
        };
        iter::repeat_with(&mut one).take(400).collect::<Times>().median()
    };
    let (empty, full) = (time(&script(1)), time(&script(10_000)));
    let each = full.saturating_sub(empty).as_secs_f64() / 10_000.0;
    let text = script((OWN_TIME.saturating_sub(empty).as_secs_f64() / each) as u64);
    let own_time = time(&text);
    (text, own_time)
}

/// What was seen of the good tenant and of the machine.
struct Watched {
    late: Times,
    lag: Times,
    /// How many VMs were in use besides its own, most of the time.
    runaways: usize,
}

fn watch(stage: &Stage, script: &str, own_time: Duration, duration: Duration) -> Watched {
    let prepared = stage.prepare(script);
    let first = Instant::now() + PERIOD;
    let dues =
        move |first: Instant| (0..).map(move |n| first + PERIOD * n).take_while(move |&due| due < first + duration);
    // Between the turns of the tenant, so that they do not wait for each other.
    let control = thread::spawn(move || dues(first + PERIOD / 2).map(sleep_until).collect());
    let isolet = stage.isolet.clone();
    let (late, mut in_use): (Vec<_>, Vec<_>) = stage.service(async move {
        let mut seen = Vec::new();
        for due in dues(first) {
            tokio::time::sleep_until(due.into()).await;
            let in_use = isolet.metrics().pool.in_use;
            let execution = execution(&prepared, "good");
            let asked = Instant::now();
            let report = isolet.execute(execution).await;
            seen.push((asked.elapsed().saturating_sub(own_time), in_use));
            assert!(report.is_ok(), "{report:?}");
        }
        seen.into_iter().unzip()
    });
    in_use.sort_unstable();
    let lag = control.join().expect("no panic");
    Watched { late: late.into_iter().collect(), lag, runaways: in_use[in_use.len() / 2] }
}

impl Watched {
    fn group(&self, name: String, runaways: usize) -> Group {
        let (p99, control) = (milliseconds(self.late.percentile(99)), milliseconds(self.lag.percentile(99)));
        let group = Group::new(name)
            .figure("runaways on a VM when it asks, median", number(self.runaways as f64, ""))
            .figure("late (end to end without its own time), p50", milliseconds(self.late.median()))
            .figure("late, p99", p99)
            .figure("lag of a plain thread's timer, p50", milliseconds(self.lag.median()))
            .figure("lag of a plain thread's timer, p99", control);
        match runaways {
            0 => group.figure("late p99 - lag p99", p99.minus(control)),
            _ => group.at_most("late p99 - lag p99", p99.minus(control), LATE_MS_MAX),
        }
    }
}
