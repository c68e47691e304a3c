//! What `ci` says at the end: pure functions from what the steps found to text.

use super::step::Finished;
use super::tally::Tally;

/// The step's result in a line, after what its reader should know.
pub(super) fn end_of_step(finished: &Finished) -> String {
    let report = &finished.report;
    let mut text = String::new();
    for note in &report.notes {
        text.push_str(&format!("note: {note}\n"));
    }
    for failure in &report.failures {
        text.push_str(&format!("failure: {failure}\n"));
    }
    let seconds = finished.elapsed.as_secs_f64();
    text.push_str(&format!("── {}: {} ({seconds:.1} s)\n", finished.name, result(finished)));
    text
}

/// The whole run: a table of the steps, what failed, what could not run, and the number of tests as the last line.
pub(super) fn text(finished: &[Finished], require_all: bool) -> String {
    [table(finished), failures(finished), not_run(finished, require_all), total(finished)].concat()
}

/// Whether the run as a whole passed.
pub(super) fn passed(finished: &[Finished], require_all: bool) -> bool {
    finished.iter().all(|step| step.report.failures.is_empty() && !(require_all && step.report.not_run.is_some()))
}

fn result(finished: &Finished) -> &'static str {
    if !finished.report.failures.is_empty() {
        "FAILED"
    } else if finished.report.not_run.is_some() {
        "could not run"
    } else {
        "ok"
    }
}

fn table(finished: &[Finished]) -> String {
    let line = |step: &Finished| {
        let seconds = step.elapsed.as_secs_f64();
        format!("{:<10}{:<14}{seconds:>7.1} s\n", step.name, result(step))
    };
    finished.iter().map(line).collect()
}

fn failures(finished: &[Finished]) -> String {
    let lines: String = finished
        .iter()
        .flat_map(|step| {
            let failures = step.report.failures.iter();
            failures.map(|failure| format!("  {}: {failure}\n", step.name))
        })
        .collect();
    titled("failed:", lines)
}

fn not_run(finished: &[Finished], require_all: bool) -> String {
    let lines: String = finished
        .iter()
        .filter_map(|step| {
            let not_run = step.report.not_run.as_ref()?;
            let tests = match not_run.tests {
                0 => String::new(),
                1 => ", 1 test".to_owned(),
                more => format!(", {more} tests"),
            };
            Some(format!("  {}: lacks {}{tests}; `{}` brings it\n", step.name, not_run.lacks, not_run.brought_by))
        })
        .collect();
    let title = if require_all { "could not run, and --require-all makes that a failure:" } else { "could not run:" };
    titled(title, lines)
}

fn titled(title: &str, lines: String) -> String {
    if lines.is_empty() {
        return lines;
    }
    format!("\n{title}\n{lines}")
}

fn total(finished: &[Finished]) -> String {
    let mut tests = Tally::default();
    for step in finished {
        tests += step.report.tests;
        tests.skipped += step.report.not_run.as_ref().map_or(0, |not_run| not_run.tests);
    }
    format!("\nci: {} passed, {} failed, {} skipped\n", tests.passed, tests.failed, tests.skipped)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::*;
    use crate::ci::step::{NotRun, Report};

    fn step(name: &'static str, report: Report) -> Finished {
        Finished { name, report, elapsed: Duration::from_millis(1500) }
    }

    fn with_tests(passed: u64, failed: u64, failures: &[&str]) -> Report {
        Report {
            tests: Tally { passed, failed, skipped: 0 },
            ..Report::of(failures.iter().map(|&failure| failure.to_owned()).collect())
        }
    }

    fn without_node() -> Report {
        Report::not_run(NotRun { lacks: "Node".to_owned(), tests: 3, brought_by: "cargo xtask setup".to_owned() })
    }

    fn check(finished: &[Finished], require_all: bool, expect_passed: bool, expected: &Expect) {
        expected.assert_eq(&text(finished, require_all));
        assert_eq!(passed(finished, require_all), expect_passed);
    }

    #[test]
    fn all_is_well() {
        let finished = [
            step("fmt", Report::default()),
            step("tests", with_tests(12, 0, &[])),
            step("doctests", with_tests(2, 0, &[])),
        ];
        check(
            &finished,
            true,
            true,
            &expect![[r#"
            fmt       ok                1.5 s
            tests     ok                1.5 s
            doctests  ok                1.5 s

            ci: 14 passed, 0 failed, 0 skipped
        "#]],
        );
    }

    #[test]
    fn every_failure_is_named() {
        let finished = [
            step("layers", Report::of(vec!["one".to_owned(), "two".to_owned()])),
            step("tests", with_tests(11, 1, &["`cargo test` ended with exit status: 101"])),
        ];
        check(
            &finished,
            false,
            false,
            &expect![[r#"
            layers    FAILED            1.5 s
            tests     FAILED            1.5 s

            failed:
              layers: one
              layers: two
              tests: `cargo test` ended with exit status: 101

            ci: 11 passed, 1 failed, 0 skipped
        "#]],
        );
    }

    #[test]
    fn what_could_not_run_fails_only_on_demand() {
        let finished = [step("tests", with_tests(12, 0, &[])), step("node", without_node())];
        check(
            &finished,
            false,
            true,
            &expect![[r#"
            tests     ok                1.5 s
            node      could not run     1.5 s

            could not run:
              node: lacks Node, 3 tests; `cargo xtask setup` brings it

            ci: 12 passed, 0 failed, 3 skipped
        "#]],
        );
        check(
            &finished,
            true,
            false,
            &expect![[r#"
            tests     ok                1.5 s
            node      could not run     1.5 s

            could not run, and --require-all makes that a failure:
              node: lacks Node, 3 tests; `cargo xtask setup` brings it

            ci: 12 passed, 0 failed, 3 skipped
        "#]],
        );
    }

    #[test]
    fn a_step_ends_with_its_notes_and_failures() {
        let report = Report::of(vec!["it is wrong".to_owned()]).note("mind the gap".to_owned());
        expect![[r#"
            note: mind the gap
            failure: it is wrong
            ── package: FAILED (1.5 s)
        "#]]
        .assert_eq(&end_of_step(&step("package", report)));
    }
}
