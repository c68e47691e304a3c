//! What an execution takes besides the cycle of its VM, beside what any answer of another thread takes.

use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use isolet::engine::{Engine, Purpose, Reset, Vm};
use isolet::{JsonText, Limits, Prepared};
use isolet_benches::{Bench, ORDER, TRIVIAL, source};
use tokio::sync::oneshot;

use crate::Plan;
use crate::figures::{Figures, Group, Times, microseconds, number};
use crate::stage::{Stage, execution, on_engine_thread};

/// After so long without work all threads are asleep.
const ASLEEP: Duration = Duration::from_millis(5);

/// How often in one round, and what the caller does before each time.
const PACES: [(&str, usize, Option<Duration>); 2] =
    [("back to back", 300, None), ("after 1 ms without any", 60, Some(Duration::from_millis(1)))];

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    let stage = Stage::new(Limits::default(), 8);
    let (prepared, answers) = (stage.prepare(TRIVIAL), Answers::new());
    for (name, times, pause) in PACES {
        let pace = Pace { times, pause };
        let (mut cycles, mut asked) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            cycles.extend(on_engine_thread(|bench| pace.cycles(bench)));
            asked.extend(pace.ask(&stage, &prepared, &answers));
        }
        let cycle = cycles.into_iter().collect::<Times>().median();
        let median = |of: fn(&Asked) -> Duration| asked.iter().map(of).collect::<Times>().median();
        let (trip, execution) = (median(|asked| asked.trip), median(|asked| asked.execution));
        let above = execution.saturating_sub(cycle);
        let ratio = above.as_secs_f64() / trip.as_secs_f64();
        figures.groups.push(
            Group::new(format!("one caller, trivial script, {name}, medians"))
                .figure("execute, end to end", microseconds(execution))
                .figure("of it from the grant of the VM to the end of the run", microseconds(median(|asked| asked.run)))
                .figure("VM cycle by hand (run and reset)", microseconds(cycle))
                .figure("execute above the cycle", microseconds(above))
                .figure("round trip to a thread that sleeps", microseconds(trip))
                .at_most("execute above the cycle / round trip", number(ratio, "x"), 1.5),
        );
    }
}

/// What one turn of each took, and of the execution what its report says of the run.
struct Asked {
    trip: Duration,
    execution: Duration,
    run: Duration,
}

/// How often, and how long nothing happens before each.
#[derive(Clone, Copy)]
struct Pace {
    times: usize,
    pause: Option<Duration>,
}

impl Pace {
    fn cycles(self, bench: &Bench) -> Vec<Duration> {
        let _attached = bench.engine().attach_thread().expect("ticks");
        let source = source(TRIVIAL);
        let program = bench.compile(&mut bench.vm(Purpose::Compile), &source);
        let mut vm = bench.vm(Purpose::Run);
        let mut cycle = || {
            self.pause.into_iter().for_each(thread::sleep);
            let began = Instant::now();
            bench.run(&mut vm, &program, &source);
            assert_eq!(vm.reset(), Reset::Pristine);
            began.elapsed()
        };
        (0..self.times).map(|_| cycle()).collect()
    }

    /// Round trips, and executions after them: neither finds the other's threads awake.
    fn ask(self, stage: &Stage, prepared: &Prepared, answers: &Answers) -> Vec<Asked> {
        let (isolet, prepared, answers) = (stage.isolet.clone(), prepared.clone(), answers.clone());
        let input = JsonText::parse(ORDER).expect("valid JSON");
        stage.service(async move {
            tokio::time::sleep(ASLEEP).await;
            let mut trips = Vec::with_capacity(self.times);
            for _ in 0..self.times {
                self.wait().await;
                let began = Instant::now();
                answers.one().await;
                trips.push(began.elapsed());
            }
            tokio::time::sleep(ASLEEP).await;
            let mut asked = Vec::with_capacity(self.times);
            for trip in trips {
                self.wait().await;
                let execution = execution(&prepared, "one").input_json(input.clone());
                let began = Instant::now();
                let report = isolet.execute(execution).await;
                let execution = began.elapsed();
                assert!(report.is_ok(), "{report:?}");
                asked.push(Asked { trip, execution, run: Duration::from_micros(report.metrics.run_us) });
            }
            asked
        })
    }

    async fn wait(self) {
        if let Some(pause) = self.pause {
            tokio::time::sleep(pause).await;
        }
    }
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

    async fn one(&self) {
        let (sender, answer) = oneshot::channel();
        let (question, wakes) = &*self.0;
        *question.lock().expect("no panic") = Some(sender);
        wakes.notify_one();
        answer.await.expect("an answer");
    }
}
