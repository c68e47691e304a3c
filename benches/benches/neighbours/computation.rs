//! What preemption costs a script that computes: fib(30) here and on a plain QuickJS, by turns.

use std::time::{Duration, Instant};

use isolet::engine::{Engine, Purpose, Reset, Vm};
use isolet::{Limits, Prepared};
use isolet_benches::source;
use isolet_engine_quickjs::PlainRuntime;
use rustix::time::{ClockId, clock_gettime};

use crate::Plan;
use crate::figures::{Figures, Group, Times, median, milliseconds, number};
use crate::stage::{Stage, execution, on_engine_thread};

const FIB: &str = "(function fib(n) { return n < 2 ? n : fib(n - 1) + fib(n - 2) })(30)";
const ANSWER: &str = "832040";

/// What a run took.
#[derive(Clone, Copy)]
struct Took {
    wall: Duration,
    cpu: Duration,
}

/// The runs of one round.
struct Round {
    plain: Took,
    attached: Took,
    execute: Took,
}

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let rounds = rounds(plan.rounds);
    let wall =
        |of: fn(&Round) -> Took| milliseconds(rounds.iter().map(|round| of(round).wall).collect::<Times>().median());
    let ratio = |of: fn(&Round) -> Took, time: fn(Took) -> Duration| {
        let one = |round: &Round| time(of(round)).as_secs_f64() / time(round.plain).as_secs_f64();
        number(median(rounds.iter().map(one).collect()), "x")
    };
    figures.groups.push(
        Group::new("fib(30), ratios: medians of the rounds'")
            .figure("plain QuickJS", wall(|round| round.plain))
            .figure("engine on an attached thread", wall(|round| round.attached))
            .figure("execute, end to end", wall(|round| round.execute))
            .at_most("attached / plain", ratio(|round| round.attached, |took| took.wall), 1.04)
            .at_most("attached / plain, CPU time", ratio(|round| round.attached, |took| took.cpu), 1.04)
            .at_most("execute / plain", ratio(|round| round.execute, |took| took.wall), 1.04)
            .at_most("execute / plain, CPU time", ratio(|round| round.execute, |took| took.cpu), 1.04),
    );
}

fn rounds(count: usize) -> Vec<Round> {
    let stage = Stage::new(Limits::default(), 8);
    let prepared = stage.prepare(FIB);
    on_engine_thread(|bench| {
        let source = source(FIB);
        let program = bench.compile(&mut bench.vm(Purpose::Compile), &source);
        let (mut vm, mut plain) = (bench.vm(Purpose::Run), PlainRuntime::new());
        let mut round = || Round {
            plain: took(|| assert_eq!(plain.run(&program, "null", "null").as_deref(), Some(ANSWER))),
            attached: {
                // Only for its turn: on an attached thread, ticks would meet the plain QuickJS as well.
                let _attached = bench.engine().attach_thread().expect("ticks");
                let took = took(|| drop(bench.run(&mut vm, &program, &source)));
                assert_eq!(vm.reset(), Reset::Pristine);
                took
            },
            execute: execute(&stage, &prepared),
        };
        // The first round brings code and memory into the caches.
        round();
        (0..count).map(|_| round()).collect()
    })
}

fn execute(stage: &Stage, prepared: &Prepared) -> Took {
    let (isolet, execution) = (stage.isolet.clone(), execution(prepared, "computes"));
    stage.service(async move {
        let began = Instant::now();
        let report = isolet.execute(execution).await;
        let wall = began.elapsed();
        assert_eq!(report.output.expect("an output").get(), ANSWER);
        Took { wall, cpu: Duration::from_micros(report.metrics.cpu_us) }
    })
}

fn took(work: impl FnOnce()) -> Took {
    let (began, cpu) = (Instant::now(), thread_time());
    work();
    Took { wall: began.elapsed(), cpu: thread_time().saturating_sub(cpu) }
}

/// CPU time that this thread has used.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("a time since the start")
}
