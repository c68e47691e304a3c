//! The steps that run tests: they count what ran, and a step that ran nothing has failed.
//!
//! All of them build the whole workspace's selection of features, so that its dependencies are built once.

use anyhow::Result;

use super::step::{NotRun, Report};
use super::tally::{Tally, listed};
use crate::libraries;
use crate::process::{cargo, run_lines, stdout};
use crate::tools::SETUP;
use crate::workspace::Workspace;

/// The tests that need Node: the target `node` of the command line's package.
const NODE: [&str; 4] = ["--test", "node", "--features", "isolet-cli/node-tests"];

/// The tests that run libraries of npm: the target `npm` of the command line's package.
const NPM: [&str; 4] = ["--test", "npm", "--features", "isolet-cli/npm-tests"];

/// The tests that need a NATS server: the target `nats` of each package that uses it.
const NATS: [&str; 4] =
    ["--test", "nats", "--features", "isolet-cli/nats-tests,isolet-sdk/nats-tests,isolet-testkit/nats-tests"];

/// The tests that need Postgres: the target `postgres` of each package that uses it.
const POSTGRES: [&str; 4] = [
    "--test",
    "postgres",
    "--features",
    "isolet-sdk/postgres-tests,isolet-store/postgres-tests,isolet-testkit/postgres-tests",
];

/// Unit and integration tests.
pub(super) fn tests(workspace: &Workspace) -> Result<Report> {
    Ok(counted(workspace, &["--tests"]))
}

/// The examples in the docs.
pub(super) fn doctests(workspace: &Workspace) -> Result<Report> {
    Ok(counted(workspace, &["--doc"]))
}

/// The tests that compare with Node.
pub(super) fn node(workspace: &Workspace) -> Result<Report> {
    Ok(counted(workspace, &NODE))
}

/// How many tests compare with Node: building them needs no Node.
pub(super) fn node_count(workspace: &Workspace) -> Result<u64> {
    count(workspace, &NODE)
}

/// The tests that run libraries of npm, where those have been fetched.
pub(super) fn npm(workspace: &Workspace) -> Result<Report> {
    match libraries::are_there(workspace) {
        true => Ok(counted(workspace, &NPM)),
        false => Ok(Report::not_run(NotRun {
            lacks: libraries::REQUIREMENT.to_owned(),
            tests: npm_count(workspace)?,
            brought_by: SETUP.to_owned(),
        })),
    }
}

/// How many tests run libraries of npm: building them needs neither.
pub(super) fn npm_count(workspace: &Workspace) -> Result<u64> {
    count(workspace, &NPM)
}

/// The tests that need a NATS server.
pub(super) fn nats(workspace: &Workspace) -> Result<Report> {
    Ok(counted(workspace, &NATS))
}

/// How many tests need a NATS server: building them does not.
pub(super) fn nats_count(workspace: &Workspace) -> Result<u64> {
    count(workspace, &NATS)
}

/// The tests that need Postgres.
pub(super) fn postgres(workspace: &Workspace) -> Result<Report> {
    Ok(counted(workspace, &POSTGRES))
}

/// How many tests need Postgres: building them does not.
pub(super) fn postgres_count(workspace: &Workspace) -> Result<u64> {
    count(workspace, &POSTGRES)
}

/// Every benchmark, once and unmeasured; criterion says `Testing …` for each.
pub(super) fn benches(workspace: &Workspace) -> Result<Report> {
    let mut ran = 0_u64;
    let mut command = cargo_test(workspace, &["--bench", "*"]);
    let ended = run_lines(&mut command, |line| {
        ran += u64::from(line.starts_with("Testing "));
    });
    let mut report = Report::of(failure(ended));
    if ran == 0 {
        report.failures.push("no benchmark ran".to_owned());
    }
    Ok(report.note(format!("{ran} benchmarks ran once")))
}

fn count(workspace: &Workspace, targets: &[&str]) -> Result<u64> {
    let mut list = cargo_test(workspace, targets);
    Ok(listed(&stdout(list.args(["--", "--list"]))?))
}

fn cargo_test(workspace: &Workspace, targets: &[&str]) -> std::process::Command {
    let fixed = ["test", "--workspace", "--locked", "--no-fail-fast"];
    cargo(workspace.root(), &[&fixed, targets].concat())
}

fn counted(workspace: &Workspace, targets: &[&str]) -> Report {
    let mut tests = Tally::default();
    let ended = run_lines(&mut cargo_test(workspace, targets), |line| {
        tests += Tally::from_line(line).unwrap_or_default();
    });
    let failures = [failure(ended), objections(tests)].concat();
    Report { tests, ..Report::of(failures) }
}

fn failure(ended: Result<()>) -> Vec<String> {
    let error = ended.err();
    error.map(|error| format!("{error:#}")).into_iter().collect()
}

/// What is wrong with the counts alone.
pub(super) fn objections(tests: Tally) -> Vec<String> {
    let mut objections = Vec::new();
    if tests.ran() == 0 {
        objections.push("no test ran".to_owned());
    }
    if tests.skipped > 0 {
        objections.push(format!(
            "{} ignored: a test that needs a tool belongs behind a feature and into a step of its own",
            tests.skipped
        ));
    }
    objections
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn counts_that_are_wrong_whatever_cargo_says() {
        let tally = |passed, failed, skipped| Tally { passed, failed, skipped };
        assert_eq!(objections(tally(3, 0, 0)).len(), 0);
        assert_eq!(objections(tally(0, 3, 0)).len(), 0);
        assert_eq!(objections(tally(3, 0, 1)).len(), 1);
        assert_eq!(objections(tally(0, 0, 0)).len(), 1);
        assert_eq!(objections(tally(0, 0, 1)).len(), 2);
    }
}
