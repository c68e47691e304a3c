//! docs/performance.md: a pure function from figures to Markdown.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::criterion::Measurement;
use super::machine::Machine;

/// How the benchmark's name starts that the others of its group are compared with.
const BASELINE: &str = "baseline";

/// The whole page.
pub(super) fn page(measurements: &[Measurement], machine: &Machine, command: &str) -> String {
    let mut text = format!("# Performance\n\nThis page is written by `{command}`.\n");
    text.push_str(&explanation(measurements));
    text.push_str(&machine_table(machine));
    for (name, group) in groups(measurements) {
        text.push_str(&group_table(name, &group));
    }
    text
}

/// What the columns are.
fn explanation(measurements: &[Measurement]) -> String {
    let mut text = "\
        `p99` is the time that 99 of 100 samples stay within.\n\
        `ratio` is the median divided by that of the group's baseline: below 1 is faster.\n"
        .to_owned();
    if measurements.iter().any(|one| one.samples.are_averages()) {
        text.push_str(
            "`p99 *`: each sample is the average over its iterations, so that a single slow iteration shows less than in life.\n",
        );
    }
    text
}

fn machine_table(machine: &Machine) -> String {
    let rows = [
        ("processor", &machine.processor),
        ("cores", &machine.cores),
        ("memory", &machine.memory),
        ("system", &machine.system),
        ("compiler", &machine.rust),
    ];
    let rows: String = rows.iter().map(|(name, value)| format!("| {name} | {value} |\n")).collect();
    format!("\n| machine | |\n|---|---|\n{rows}")
}

fn groups(measurements: &[Measurement]) -> BTreeMap<&str, Vec<&Measurement>> {
    let mut groups: BTreeMap<&str, Vec<&Measurement>> = BTreeMap::new();
    for measurement in measurements {
        groups.entry(&measurement.group).or_default().push(measurement);
    }
    groups
}

fn group_table(name: &str, group: &[&Measurement]) -> String {
    let baseline = group.iter().find(|one| one.id.starts_with(BASELINE));
    let others = group.iter().filter(|one| !one.id.starts_with(BASELINE));
    let baselines = group.iter().filter(|one| one.id.starts_with(BASELINE));
    let mut text = format!("\n## {name}\n\n| benchmark | median | p99 | ratio |\n|---|--:|--:|--:|\n");
    for one in baselines.chain(others) {
        let ratio = baseline.map_or_else(|| "–".to_owned(), |baseline| ratio(one.median_ns / baseline.median_ns));
        let mark = if one.samples.are_averages() { " *" } else { "" };
        let p99 = one.samples.p99_ns().map_or_else(|| "–".to_owned(), duration);
        let median = duration(one.median_ns);
        let _ = writeln!(text, "| {} | {median} | {p99}{mark} | {ratio} |", one.id);
    }
    text
}

/// Three digits, in the unit that leaves one to three of them before the point.
fn duration(nanoseconds: f64) -> String {
    let units = [("ns", 1.0), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)];
    let fitting = units.iter().rev().find(|(_, size)| nanoseconds >= *size);
    let (unit, size) = fitting.unwrap_or(&units[0]);
    format!("{} {unit}", three_digits(nanoseconds / size))
}

fn ratio(ratio: f64) -> String {
    three_digits(ratio)
}

fn three_digits(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::bench::criterion::Samples;

    fn measurement(group: &str, id: &str, median_ns: f64, iters: f64) -> Measurement {
        Measurement {
            group: group.to_owned(),
            id: id.to_owned(),
            median_ns,
            samples: Samples {
                iters: vec![iters; 3],
                times: [0.9, 1.0, 1.5].map(|factor| factor * median_ns * iters).to_vec(),
            },
        }
    }

    fn machine() -> Machine {
        Machine {
            processor: "A Fast One".to_owned(),
            cores: "2".to_owned(),
            memory: "24 GiB".to_owned(),
            system: "Debian 12, Linux 6.1".to_owned(),
            rust: "rustc 1.95.0".to_owned(),
        }
    }

    #[test]
    fn groups_with_and_without_baseline() {
        let measurements = [
            measurement("reset", "baseline: a new VM", 85_000.0, 1.0),
            measurement("reset", "a restored VM", 7_020.0, 40.0),
            measurement("reset", "zero", 3.25, 1.0),
            measurement("cold", "start", 1_234_567_890.0, 1.0),
        ];
        expect![[r#"
            # Performance

            This page is written by `cargo xtask bench`.
            `p99` is the time that 99 of 100 samples stay within.
            `ratio` is the median divided by that of the group's baseline: below 1 is faster.
            `p99 *`: each sample is the average over its iterations, so that a single slow iteration shows less than in life.

            | machine | |
            |---|---|
            | processor | A Fast One |
            | cores | 2 |
            | memory | 24 GiB |
            | system | Debian 12, Linux 6.1 |
            | compiler | rustc 1.95.0 |

            ## cold

            | benchmark | median | p99 | ratio |
            |---|--:|--:|--:|
            | start | 1.23 s | 1.85 s | – |

            ## reset

            | benchmark | median | p99 | ratio |
            |---|--:|--:|--:|
            | baseline: a new VM | 85.0 µs | 128 µs | 1.00 |
            | a restored VM | 7.02 µs | 10.5 µs * | 0.083 |
            | zero | 3.25 ns | 4.88 ns | 0.000 |
        "#]].assert_eq(&page(&measurements, &machine(), "cargo xtask bench"));
    }

    #[test]
    fn no_note_on_averages_where_there_are_none() {
        let measurements = [measurement("cold", "start", 100.0, 1.0)];
        let page = page(&measurements, &machine(), "cargo xtask bench");
        assert!(!page.contains("average"), "{page}");
    }

    #[test]
    fn durations_have_three_digits() {
        for (nanoseconds, expected) in [
            (0.5, "0.500 ns"),
            (3.25, "3.25 ns"),
            (999.0, "999 ns"),
            (1_000.0, "1.00 µs"),
            (85_049.0, "85.0 µs"),
            (123_456_789.0, "123 ms"),
            (61e9, "61.0 s"),
        ] {
            assert_eq!(duration(nanoseconds), expected);
        }
    }
}
