//! What criterion leaves in `target/criterion`, read back.
//!
//! One directory a benchmark, at any depth: `…/new/benchmark.json` (its name), `estimates.json` (nanoseconds an
//! iteration) and `sample.json` (iterations and nanoseconds of each sample).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One benchmark and its figures.
pub(super) struct Measurement {
    pub(super) group: String,
    /// The name within the group.
    pub(super) id: String,
    pub(super) median_ns: f64,
    pub(super) samples: Samples,
}

/// What criterion measured: sample `i` took `times[i]` nanoseconds for `iters[i]` iterations.
#[derive(Deserialize)]
pub(super) struct Samples {
    pub(super) iters: Vec<f64>,
    pub(super) times: Vec<f64>,
}

impl Samples {
    /// The 99th percentile of the samples' times an iteration (nearest rank: with under 100 samples it is the maximum).
    pub(super) fn p99_ns(&self) -> Option<f64> {
        let pairs = self.times.iter().zip(&self.iters);
        let mut times_ns: Vec<f64> = pairs.map(|(time, iters)| time / iters).collect();
        times_ns.sort_by(f64::total_cmp);
        let rank = (times_ns.len() * 99).div_ceil(100);
        times_ns.get(rank.checked_sub(1)?).copied()
    }

    /// Whether a sample is an average over several iterations, which hides single slow ones.
    pub(super) fn are_averages(&self) -> bool {
        self.iters.iter().any(|&iters| iters > 1.0)
    }
}

#[derive(Deserialize)]
struct Name {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// The benchmarks below `directory` that were measured at `since` or later: older ones belong to another run.
pub(super) fn read(directory: &Path, since: SystemTime) -> Result<Vec<Measurement>> {
    let mut measurements = Vec::new();
    if !directory.exists() {
        return Ok(measurements);
    }
    for new in results_below(directory)? {
        let written = fs::metadata(new.join("sample.json"))?.modified()?;
        if written >= since {
            measurements.push(read_one(&new)?);
        }
    }
    Ok(measurements)
}

/// The directories named `new` that hold a sample, in alphabetical order.
fn results_below(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).with_context(|| format!("failed to read {}", directory.display()))? {
            let path = entry?.path();
            if path.ends_with("new") && path.join("sample.json").exists() {
                found.push(path);
            } else if path.is_dir() {
                open.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn read_one(new: &Path) -> Result<Measurement> {
    let name: Name = parse(&new.join("benchmark.json"))?;
    let estimates: Estimates = parse(&new.join("estimates.json"))?;
    Ok(Measurement {
        id: name.within_group(),
        group: name.group_id,
        median_ns: estimates.median.point_estimate,
        samples: parse(&new.join("sample.json"))?,
    })
}

fn parse<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("failed to parse {}", path.display()))
}

impl Name {
    fn within_group(&self) -> String {
        let parts = [&self.function_id, &self.value_str];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        if parts.is_empty() {
            return self.group_id.clone();
        }
        parts.join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_their_group() {
        for (json, expected) in [
            (r#"{"group_id":"reset","function_id":"hot","value_str":"64"}"#, "hot/64"),
            (r#"{"group_id":"reset","function_id":"hot","value_str":null}"#, "hot"),
            (r#"{"group_id":"reset","function_id":null,"value_str":"64"}"#, "64"),
            (r#"{"group_id":"reset","function_id":null,"value_str":null}"#, "reset"),
        ] {
            let name: Name = serde_json::from_str(json).expect("the test's own JSON");
            assert_eq!(name.within_group(), expected, "{json}");
        }
    }

    #[test]
    fn p99_is_the_nearest_rank() {
        let samples = |count: u32| Samples {
            iters: vec![2.0; count as usize],
            times: (1..=count).rev().map(|time| f64::from(time) * 2.0).collect(),
        };
        for (count, expected) in
            [(0, None), (1, Some(1.0)), (10, Some(10.0)), (100, Some(99.0)), (101, Some(100.0)), (200, Some(198.0))]
        {
            assert_eq!(samples(count).p99_ns(), expected, "{count}");
        }
    }
}
