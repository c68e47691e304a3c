//! What tenants get beside neighbours that misbehave: latencies and shares in a system under load.
//!
//! ```text
//! cargo bench -p isolet-benches --bench neighbours [-- [--quick] [--json] [part of a section's name]]
//! ```
//!
//! Criterion repeats one thing on a quiet machine. Here many things happen at once, for about a minute, and what counts
//! is how late the last percent of them is. Every figure stands beside what the machine itself did in the same run: the
//! lag of a plain thread, a plain QuickJS, a plain thread's answer.
//!
//! Prints a table, or with `--json` one line of JSON, which is also written to `target/tmp/neighbours.json`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks to the person who started it")]

mod computation;
mod figures;
mod first_slice;
mod good_tenant;
mod hostile;
mod idle;
mod in_flight;
mod kills;
mod one_caller;
#[path = "../plain/mod.rs"]
mod plain;
mod runaways;
mod stage;
mod throughput;

use std::process::ExitCode;
use std::time::Duration;

use crate::figures::Figures;

/// Where the figures are left for `cargo xtask bench`.
const FIGURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/neighbours.json");

/// How much is measured.
struct Plan {
    /// How long a good tenant is watched in one neighbourhood.
    good_tenant: Duration,
    /// Tenants that come new, one after another.
    new_tenants: usize,
    /// The time that hostile scripts get.
    deadline: Duration,
    /// How often each kind of hostile script is ended alone, and how often beside runaways.
    kills: usize,
    kills_beside_runaways: usize,
    /// Rounds of things that take turns.
    rounds: usize,
    /// How long each turn of the throughput takes.
    throughput_turn: Duration,
    /// How long nothing happens.
    idle: Duration,
    /// Runs that wait for the host at once are as many fewer.
    in_flight_divisor: usize,
}

const FULL: Plan = Plan {
    good_tenant: Duration::from_secs(4),
    new_tenants: 200,
    deadline: Duration::from_millis(100),
    kills: 5,
    kills_beside_runaways: 2,
    rounds: 11,
    throughput_turn: Duration::from_millis(300),
    idle: Duration::from_secs(2),
    in_flight_divisor: 1,
};

/// Enough for a first impression.
const QUICK: Plan = Plan {
    good_tenant: Duration::from_millis(1_500),
    new_tenants: 100,
    kills: 2,
    kills_beside_runaways: 1,
    rounds: 9,
    throughput_turn: Duration::from_millis(100),
    ..FULL
};

/// Enough to see that everything still works; the figures mean nothing.
const TEST: Plan = Plan {
    good_tenant: Duration::from_millis(100),
    new_tenants: 3,
    deadline: Duration::from_millis(10),
    kills: 1,
    kills_beside_runaways: 1,
    rounds: 1,
    throughput_turn: Duration::from_millis(20),
    idle: Duration::from_millis(20),
    in_flight_divisor: 50,
};

/// Measures, and adds its figures.
type Section = fn(&Plan, &mut Figures);

/// What is measured, in this order.
const SECTIONS: [(&str, Section); 8] = [
    ("neighbours: good tenant", good_tenant::measure),
    ("neighbours: first slice", first_slice::measure),
    ("neighbours: kills", kills::measure),
    ("neighbours: computation", computation::measure),
    ("neighbours: throughput", throughput::measure),
    ("neighbours: one caller", one_caller::measure),
    ("neighbours: idle", idle::measure),
    ("neighbours: in flight", in_flight::measure),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // Whatever has no dash is a filter, as for criterion.
    let filter = arguments.iter().find(|argument| !argument.starts_with('-'));
    // Cargo asks tests for no `--bench`.
    let plan = match has("--bench") {
        false => &TEST,
        true if has("--quick") => &QUICK,
        true => &FULL,
    };
    let mut figures = Figures::default();
    for (name, measure) in SECTIONS {
        if filter.is_none_or(|filter| name.contains(filter.as_str())) {
            if !has("--bench") {
                println!("Testing {name}");
            }
            measure(plan, &mut figures);
        }
    }
    if has("--bench") && !figures.groups.is_empty() {
        tell(&figures, has("--json"));
    }
    figures.failures.iter().for_each(|failure| eprintln!("FAILED: {failure}"));
    // Slow is no failure; a run that ends in another way than it must is one.
    if figures.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(figures: &Figures, as_json: bool) {
    let json = serde_json::to_string(figures).expect("figures are JSON");
    std::fs::write(FIGURES, &json).expect("a file in the target directory");
    if as_json {
        println!("{json}");
    } else {
        print!("{figures}");
    }
}
