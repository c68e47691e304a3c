//! The tasks around isolet's code: `cargo xtask ci`, `setup`, `bench` and `fuzz`.
//!
//! Each task is a list of plain commands and checks that a person could type by hand.
//! The task only adds order, a summary and an exit code.
//! It does *not* hold anything that isolet needs at run time, and it knows no crate of isolet.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod bench;
mod ci;
mod fuzz;
mod libraries;
mod process;
mod setup;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The tasks around isolet's code.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Check everything that a change must hold, and say what could not be checked here.
    Ci(ci::Options),
    /// Install what `ci` needs and this machine lacks.
    Setup,
    /// Measure, and write the figures down in docs/performance.md.
    Bench(bench::Options),
    /// Make up scripts and replies of hosts, and look for those that break the engine. Needs clang.
    Fuzz(fuzz::Options),
}

fn main() -> ExitCode {
    task(CommandLine::parse().task).unwrap_or_else(|error| {
        // One line, without the backtrace that returning the error would print.
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

fn task(task: Task) -> Result<ExitCode> {
    match task {
        Task::Ci(options) => ci::ci(&options),
        Task::Setup => setup::setup(),
        Task::Bench(options) => bench::bench(&options),
        Task::Fuzz(options) => fuzz::fuzz(&options),
    }
}
