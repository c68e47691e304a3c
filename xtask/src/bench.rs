//! `cargo xtask bench`: measures, and writes the figures down for readers.

mod criterion;
mod machine;
mod neighbours;
mod page;

use std::fs;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use clap::Args;

use self::machine::Machine;
use crate::process::{cargo, run};
use crate::workspace::Workspace;

/// Where the figures stand.
const PAGE: &str = "docs/performance.md";

/// How `bench` was asked for.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure only as long as a first impression needs.
    #[arg(long)]
    quick: bool,
    /// Measure only the benchmarks whose name holds this, and print the page instead of writing it.
    filter: Option<String>,
}

/// Measures, and writes the page; a part of the figures is printed, lest it replace the whole.
pub(crate) fn bench(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let arguments = ["bench", "--locked", "-p", "isolet-benches", "--bench", "*", "--"];
    let start = SystemTime::now();
    run(cargo(workspace.root(), &arguments).args(options.quick.then_some("--quick")).args(&options.filter))?;
    let results = workspace.metadata().target_directory.join("criterion");
    let measurements = criterion::read(results.as_std_path(), start)?;
    let figures = workspace.metadata().target_directory.join("tmp/neighbours.json");
    let neighbours = neighbours::read(figures.as_std_path(), start)?;
    if measurements.is_empty() && neighbours.is_empty() {
        bail!("no benchmark was measured");
    }
    let mut page = page::page(&measurements, &Machine::look(), command(options));
    page.push_str(&neighbours::part(&neighbours));
    if options.filter.is_some() {
        print!("{page}");
        return Ok(ExitCode::SUCCESS);
    }
    write(&workspace.root().join(PAGE), &page).with_context(|| format!("failed to write {PAGE}"))?;
    println!("bench: {PAGE} is written");
    if results.join("report/index.html").exists() {
        println!("bench: the reports start at target/criterion/report/index.html");
    }
    Ok(ExitCode::SUCCESS)
}

fn write(path: &Path, page: &str) -> io::Result<()> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(path, page)
}

/// The command that the page names as its origin.
fn command(options: &Options) -> &'static str {
    if options.quick { "cargo xtask bench --quick" } else { "cargo xtask bench" }
}
