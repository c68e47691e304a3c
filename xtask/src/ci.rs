//! `cargo xtask ci`: what a change must hold.
//!
//! The steps run in the order of [`STEPS`], quick ones first, and all of them run, so that one look shows every failure.
//! All steps share one target directory and one profile (`readme` alone builds for release), and none sets `RUSTFLAGS`:
//! both would build every dependency once more.

mod commands;
mod layers;
mod memcheck;
pub(crate) mod msrv;
mod package;
mod readme;
mod step;
mod summary;
mod symbols;
mod tally;
mod tests;
mod unsafe_lint;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use clap::Args;

use self::step::{Finished, NotRun, Report, Step};
use crate::tools::{C_COMPILER, CLIPPY, NATS, NODE, POSTGRES, RUSTFMT, SETUP, VALGRIND};
use crate::workspace::Workspace;

/// Every check, in the order in which they run.
static STEPS: [Step; 18] = [
    Step::new("fmt", "the code is formatted", commands::fmt).needs(&RUSTFMT),
    Step::new("layers", "the crates know only what they may", layers::step),
    Step::new("unsafe", "unsafe code has one place", unsafe_lint::step),
    Step::new("symbols", "the engine keeps all its state in its VM's memory", symbols::step),
    Step::new("clippy", "no package has a warning", commands::clippy).needs(&CLIPPY),
    Step::new("tests", "every test passes", tests::tests),
    Step::new("doctests", "every example in the docs runs", tests::doctests),
    Step::new("node", "Node agrees with the examples", tests::node).needs(&NODE).counts(tests::node_count),
    Step::new("npm", "libraries of npm do what they do under Node", tests::npm).needs(&NODE).counts(tests::npm_count),
    Step::new("nats", "events go to a NATS server", tests::nats).needs(&NATS).counts(tests::nats_count),
    Step::new("postgres", "what uses a database does so with Postgres", tests::postgres)
        .needs(&POSTGRES)
        .counts(tests::postgres_count),
    Step::new("memcheck", "a memory checker finds nothing in the engine", memcheck::step)
        .needs(&VALGRIND)
        .counts(memcheck::count),
    Step::new("benches", "every benchmark runs once", tests::benches),
    Step::new("docs", "the docs build without a warning", commands::docs),
    Step::new("alone", "each library builds alone", commands::alone),
    Step::new("package", "each published crate compiles from its package", package::step),
    Step::new("msrv", "the oldest promised Rust builds it", msrv::step),
    Step::new("readme", "the first command of README.md works", readme::step),
];

/// How `ci` was asked for.
#[derive(Args)]
pub(crate) struct Options {
    /// Fail if anything could not run on this machine.
    #[arg(long)]
    require_all: bool,
    /// Run these steps only.
    #[arg(long, value_name = "STEP", value_parser = names())]
    only: Vec<String>,
}

fn names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// Runs the steps, prints the summary, and fails if anything failed.
pub(crate) fn ci(options: &Options) -> Result<ExitCode> {
    if !(C_COMPILER.is_there)() {
        bail!("{} is missing: `{SETUP}` brings it", C_COMPILER.requirement);
    }
    let workspace = Workspace::load()?;
    let finished: Vec<_> = STEPS
        .iter()
        .filter(|step| options.only.is_empty() || options.only.iter().any(|name| name == step.name))
        .map(|step| finish(step, &workspace))
        .collect();
    print!("\n{}", summary::text(&finished, options.require_all));
    Ok(if summary::passed(&finished, options.require_all) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one step; whatever goes wrong in it is a failure of this step and does not stop the next.
fn finish(step: &'static Step, workspace: &Workspace) -> Finished {
    println!("\n── {}: {}", step.name, step.promise);
    let start = Instant::now();
    let report = attempt(step, workspace).unwrap_or_else(|error| Report::failed(format!("{error:#}")));
    let finished = Finished { name: step.name, report, elapsed: start.elapsed() };
    print!("{}", summary::end_of_step(&finished));
    finished
}

fn attempt(step: &Step, workspace: &Workspace) -> Result<Report> {
    match step.tool {
        Some(tool) if !(tool.is_there)() => Ok(Report::not_run(NotRun {
            lacks: tool.requirement.to_owned(),
            tests: step.tests_behind.map_or(Ok(0), |count| count(workspace))?,
            brought_by: SETUP.to_owned(),
        })),
        _ => (step.run)(workspace),
    }
}
