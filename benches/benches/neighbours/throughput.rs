//! Runs a second for 64 callers: isolet, and threads that make a fresh QuickJS for each run, by turns.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use isolet::{JsonText, Limits};
use isolet_benches::{ORDER, TOTAL, TRIVIAL};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::Plan;
use crate::figures::{Figures, Group, median, number};
use crate::plain::plain_fresh;
use crate::stage::{Stage, execution};

const CALLERS: usize = 64;

pub(crate) fn measure(plan: &Plan, figures: &mut Figures) {
    // The caps of one tenant are not what is measured: every caller may run.
    let limits = Limits { runs_per_tenant: CALLERS, runs_per_script: CALLERS, ..Limits::default() };
    let stage = Stage::new(limits, CALLERS);
    let plain = plain_pool(stage.isolet.metrics().workers);
    let mut rounds = Vec::new();
    for round in 0..=plan.rounds {
        let isolet = isolet_runs_per_s(&stage, plan.throughput_turn);
        let plain = plain_runs_per_s(&stage, &plain, plan.throughput_turn);
        // The first round brings code and memory into the caches.
        if round > 0 {
            rounds.push((isolet, plain));
        }
    }
    let median_of = |of: fn(&(f64, f64)) -> f64| median(rounds.iter().map(of).collect());
    figures.groups.push(
        Group::new(format!("{CALLERS} callers, trivial script"))
            .figure("isolet", number(median_of(|round| round.0), "runs/s"))
            .figure("threads with a fresh rquickjs runtime a run", number(median_of(|round| round.1), "runs/s"))
            .at_least("ratio, median of rounds", number(median_of(|round| round.0 / round.1), "x"), 4.0),
    );
}

fn isolet_runs_per_s(stage: &Stage, turn: Duration) -> f64 {
    let (isolet, prepared) = (stage.isolet.clone(), stage.prepare(TRIVIAL));
    let input = JsonText::parse(ORDER).expect("valid JSON");
    runs_per_s(stage, turn, move || {
        let (isolet, execution) = (isolet.clone(), execution(&prepared, "busy").input_json(input.clone()));
        async move {
            let report = isolet.execute(execution).await;
            assert_eq!(report.output.expect("an output").get(), TOTAL);
        }
    })
}

fn plain_runs_per_s(stage: &Stage, pool: &mpsc::Sender<oneshot::Sender<String>>, turn: Duration) -> f64 {
    let pool = pool.clone();
    runs_per_s(stage, turn, move || {
        let (sender, output) = oneshot::channel();
        pool.send(sender).expect("threads that listen");
        async move { assert_eq!(output.await.as_deref(), Ok(TOTAL)) }
    })
}

/// Has callers on tasks ask again and again for the time of a turn.
fn runs_per_s<F: Future<Output = ()> + Send>(
    stage: &Stage,
    turn: Duration,
    run: impl Fn() -> F + Clone + Send + 'static,
) -> f64 {
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let run = run.clone();
        let caller = async move {
            let mut runs = 0_u32;
            while began.elapsed() < turn {
                run().await;
                runs += 1;
            }
            runs
        };
        callers.spawn_on(caller, stage.runtime().handle());
    }
    let runs: u32 = stage.runtime().block_on(callers.join_all()).into_iter().sum();
    f64::from(runs) / began.elapsed().as_secs_f64()
}

/// Threads that answer each request with a run of a fresh runtime. They end with the sender.
fn plain_pool(threads: usize) -> mpsc::Sender<oneshot::Sender<String>> {
    let (sender, requests) = mpsc::channel::<oneshot::Sender<String>>();
    let requests = Arc::new(Mutex::new(requests));
    for _ in 0..threads {
        let requests = requests.clone();
        let next = move || requests.lock().expect("no panic").recv().ok();
        thread::spawn(move || {
            while let Some(request) = next() {
                let _ = request.send(plain_fresh(TRIVIAL));
            }
        });
    }
    sender
}
