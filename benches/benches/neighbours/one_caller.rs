//! What an execution takes besides the cycle of its VM, beside what any answer of another thread takes.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use isolet::engine::{Engine, Purpose, QuickJsProgram, QuickJsVm, Reset, Vm};
use isolet::{JsonText, Limits, Prepared, Source};
use isolet_benches::{Bench, ORDER, TRIVIAL, source};
use tokio::sync::oneshot;

use crate::Plan;
use crate::figures::{Figures, Group, Times, microseconds, number};
use crate::stage::{Stage, execution, on_engine_thread};

/// Of each kind in one round.
const TIMES: usize = 300;

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::new(Limits::default(), 8);
    let (prepared, answers) = (stage.prepare(TRIVIAL), Answers::new());
    let (mut cycles, mut trips, mut executions) = (Vec::new(), Vec::new(), Vec::new());
    on_engine_thread(|bench| {
        let source = source(TRIVIAL);
        let program = bench.compile(&mut bench.vm(Purpose::Compile), &source);
        let mut vm = bench.vm(Purpose::Run);
        for _ in 0..plan.rounds {
            let _attached = bench.engine().attach_thread().expect("ticks");
            cycles.extend((0..TIMES).map(|_| cycle(bench, &mut vm, &program, &source)));
            trips.extend(round_trips(&stage, &answers));
            executions.extend(execute_each(&stage, &prepared));
        }
    });
    let [cycle, trip, execution] =
        [cycles, trips, executions].map(|times| times.into_iter().collect::<Times>().median());
    let above = execution.saturating_sub(cycle);
    let ratio = above.as_secs_f64() / trip.as_secs_f64();
    figures.groups.push(
        Group::new("one caller, trivial script, medians")
            .figure("execute, end to end", microseconds(execution))
            .figure("VM cycle by hand (run and reset)", microseconds(cycle))
            .figure("execute above the cycle", microseconds(above))
            .figure("round trip to a thread that sleeps", microseconds(trip))
            .at_most("execute above the cycle / round trip", number(ratio, "x"), 1.5),
    );
}

fn cycle(bench: &Bench, vm: &mut QuickJsVm, program: &QuickJsProgram, source: &Source) -> Duration {
    let began = Instant::now();
    bench.run(vm, program, source);
    assert_eq!(vm.reset(), Reset::Pristine);
    began.elapsed()
}

fn execute_each(stage: &Stage, prepared: &Prepared) -> Vec<Duration> {
    let (isolet, prepared) = (stage.isolet.clone(), prepared.clone());
    let input = JsonText::parse(ORDER).expect("valid JSON");
    stage.service(async move {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let execution = execution(&prepared, "one").input_json(input.clone());
            let began = Instant::now();
            let report = isolet.execute(execution).await;
            times.push(began.elapsed());
            assert!(report.is_ok(), "{report:?}");
        }
        times
    })
}

fn round_trips(stage: &Stage, answers: &Answers) -> Vec<Duration> {
    let answers = answers.clone();
    stage.service(async move {
        let mut times = Vec::with_capacity(TIMES);
        for _ in 0..TIMES {
            let (sender, answer) = oneshot::channel();
            let began = Instant::now();
            answers.ask(sender);
            answer.await.expect("an answer");
            times.push(began.elapsed());
        }
        times
    })
}

/// A thread that does nothing but answer. It sleeps at once when it has answered, as no thread does behind a channel:
/// those look around for a while before.
#[derive(Clone)]
struct Answers(Arc<(Mutex<Option<oneshot::Sender<()>>>, Condvar)>);

impl Answers {
    fn new() -> Self {
        let answers = Self(Arc::default());
        let asked = answers.0.clone();
        // It has no end but that of the process.
        thread::spawn(move || {
            let (question, wakes) = &*asked;
            loop {
                let mut question = wakes
                    .wait_while(question.lock().expect("no panic"), |question| question.is_none())
                    .expect("no panic");
                let answer = question.take().expect("a question");
                drop(question);
                let _ = answer.send(());
            }
        });
        answers
    }

    fn ask(&self, answer: oneshot::Sender<()>) {
        let (question, wakes) = &*self.0;
        *question.lock().expect("no panic") = Some(answer);
        wakes.notify_one();
    }
}
