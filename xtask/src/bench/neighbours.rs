//! What the benchmark `neighbours` leaves in `target/tmp/neighbours.json`, read back and told to readers.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::Deserialize;

/// Figures that were measured together.
#[derive(Deserialize)]
pub(super) struct Group {
    name: String,
    figures: Vec<Figure>,
}

#[derive(Deserialize)]
struct Figure {
    name: String,
    value: f64,
    unit: String,
    goal: Option<Goal>,
}

/// What a figure should be, in its unit.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Deserialize)]
struct Figures {
    groups: Vec<Group>,
}

/// The groups that were measured at `since` or later: older ones belong to another run.
pub(super) fn read(file: &Path, since: SystemTime) -> Result<Vec<Group>> {
    if !file.exists() || fs::metadata(file)?.modified()? < since {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(file).with_context(|| format!("failed to read {}", file.display()))?;
    parse(&text).with_context(|| format!("failed to parse {}", file.display()))
}

fn parse(text: &str) -> serde_json::Result<Vec<Group>> {
    Ok(serde_json::from_str::<Figures>(text)?.groups)
}

/// A part of the page; nothing without groups.
pub(super) fn part(groups: &[Group]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut text = "\n## Neighbours\n\n\
        What tenants get beside others that misbehave, all of it measured in one run.\n\
        A lag is how late a plain thread of the same process wakes from its sleep meanwhile.\n"
        .to_owned();
    for Group { name, figures } in groups {
        let _ = write!(text, "\n### {name}\n\n| figure | value | goal |\n|---|--:|--:|\n");
        for Figure { name, value, unit, goal } in figures {
            let goal = goal.as_ref().map_or_else(String::new, |goal| goal.words(unit));
            let _ = writeln!(text, "| {name} | {} | {goal} |", quantity(*value, unit));
        }
    }
    text
}

impl Goal {
    fn words(&self, unit: &str) -> String {
        match self {
            Self::AtMost(most) => format!("at most {most} {unit}"),
            Self::AtLeast(least) => format!("at least {least} {unit}"),
        }
    }
}

/// A count as it is, anything else with three digits.
fn quantity(value: f64, unit: &str) -> String {
    match value.abs() {
        _ if unit.is_empty() => format!("{value}"),
        100.0.. => format!("{value:.0} {unit}"),
        10.0.. => format!("{value:.1} {unit}"),
        1.0.. => format!("{value:.2} {unit}"),
        _ => format!("{value:.3} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn groups_with_and_without_goals() {
        let groups = parse(
            r#"{"groups":[
                {"name":"one caller","figures":[
                    {"name":"runaways","value":100.0,"unit":"","goal":null},
                    {"name":"late","value":-0.1254,"unit":"ms","goal":{"at_most":2.0}},
                    {"name":"ratio","value":4.25,"unit":"x","goal":{"at_least":4.5}}
                ]},
                {"name":"throughput","figures":[{"name":"isolet","value":19446.4,"unit":"runs/s","goal":null}]}
            ],"failures":[]}"#,
        );
        expect![[r#"

            ## Neighbours

            What tenants get beside others that misbehave, all of it measured in one run.
            A lag is how late a plain thread of the same process wakes from its sleep meanwhile.

            ### one caller

            | figure | value | goal |
            |---|--:|--:|
            | runaways | 100 |  |
            | late | -0.125 ms | at most 2 ms |
            | ratio | 4.25 x | at least 4.5 x |

            ### throughput

            | figure | value | goal |
            |---|--:|--:|
            | isolet | 19446 runs/s |  |
        "#]]
        .assert_eq(&part(&groups.expect("the test's own JSON")));
    }

    #[test]
    fn no_part_without_figures() {
        assert_eq!(part(&[]), "");
    }
}
