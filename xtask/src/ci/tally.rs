//! Counting tests by what `cargo test` prints.

use std::ops::AddAssign;

/// How many tests ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

impl Tally {
    /// Reads a line like `test result: ok. 3 passed; 0 failed; 1 ignored; …`; any other line is nothing.
    pub(super) fn from_line(line: &str) -> Option<Self> {
        let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
        let count = |name: &str| counts.split("; ").find_map(|part| part.strip_suffix(name)?.trim().parse().ok());
        Some(Self { passed: count("passed")?, failed: count("failed")?, skipped: count("ignored")? })
    }

    /// How many tests ran.
    pub(super) fn ran(self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// How many tests `cargo test -- --list` named in what it printed.
pub(super) fn listed(output: &str) -> u64 {
    let names = output.lines().filter(|line| line.ends_with(": test"));
    names.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_counted_and_others_are_not() {
        let tally = |passed, failed, skipped| Some(Tally { passed, failed, skipped });
        for (line, expected) in [
            (
                "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
                tally(12, 0, 0),
            ),
            (
                "test result: FAILED. 3 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 1.20s",
                tally(3, 2, 1),
            ),
            ("test a::b ... ok", None),
            ("running 3 tests", None),
            ("test result: unknown", None),
            ("", None),
        ] {
            assert_eq!(Tally::from_line(line), expected, "{line}");
        }
    }

    #[test]
    fn listed_tests_are_counted() {
        let output = "one::two: test\nthree: test\nfour: benchmark\n\n2 tests, 1 benchmark\n";
        assert_eq!(listed(output), 2);
        assert_eq!(listed("0 tests, 0 benchmarks\n"), 0);
    }
}
