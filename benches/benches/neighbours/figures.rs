//! What was measured, as people and `cargo xtask bench` read it.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// All figures of one run.
#[derive(Default, Serialize)]
pub(crate) struct Figures {
    pub(crate) groups: Vec<Group>,
    /// Runs that did not end as they must.
    pub(crate) failures: Vec<String>,
}

/// Figures that were measured together.
#[derive(Serialize)]
pub(crate) struct Group {
    name: String,
    figures: Vec<Figure>,
}

#[derive(Serialize)]
struct Figure {
    name: String,
    #[serde(flatten)]
    value: Value,
    goal: Option<Goal>,
}

/// A figure with its unit, or without one.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Value {
    value: f64,
    unit: &'static str,
}

/// What a figure should be, in its unit.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

pub(crate) fn milliseconds(time: Duration) -> Value {
    Value { value: time.as_secs_f64() * 1e3, unit: "ms" }
}

pub(crate) fn microseconds(time: Duration) -> Value {
    Value { value: time.as_secs_f64() * 1e6, unit: "µs" }
}

pub(crate) fn number(value: f64, unit: &'static str) -> Value {
    Value { value, unit }
}

impl Value {
    /// The difference between figures of one unit.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self { value: self.value - other.value, ..self }
    }
}

impl Group {
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), figures: Vec::new() }
    }

    pub(crate) fn figure(self, name: impl Into<String>, value: Value) -> Self {
        self.with(name, value, None)
    }

    pub(crate) fn at_most(self, name: impl Into<String>, value: Value, goal: f64) -> Self {
        self.with(name, value, Some(Goal::AtMost(goal)))
    }

    pub(crate) fn at_least(self, name: impl Into<String>, value: Value, goal: f64) -> Self {
        self.with(name, value, Some(Goal::AtLeast(goal)))
    }

    fn with(mut self, name: impl Into<String>, value: Value, goal: Option<Goal>) -> Self {
        self.figures.push(Figure { name: name.into(), value, goal });
        self
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.value.abs() >= 100.0 { 0 } else { 3 };
        write!(f, "{:.digits$} {}", self.value, self.unit)
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The column of numbers ends where their units begin.
        let value = self.value.to_string();
        let (number, unit) = value.split_once(' ').unwrap_or((&value, ""));
        write!(f, "  {:<64} {number:>10} {unit:<7}", self.name)?;
        let (words, goal, is_met) = match self.goal {
            None => return writeln!(f),
            Some(Goal::AtMost(goal)) => ("at most", goal, self.value.value <= goal),
            Some(Goal::AtLeast(goal)) => ("at least", goal, self.value.value >= goal),
        };
        writeln!(f, " {} {words} {goal}", if is_met { "goal:" } else { "MISSED:" })
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Group { name, figures } in &self.groups {
            writeln!(f, "{name}")?;
            figures.iter().try_for_each(|figure| figure.fmt(f))?;
        }
        Ok(())
    }
}

/// Times in order.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    /// The nearest rank: with under 100 times, the 99th percentile is the maximum. Zero of none.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> Duration {
        self.percentile(50)
    }

    pub(crate) fn max(&self) -> Duration {
        self.percentile(100)
    }
}

impl FromIterator<Duration> for Times {
    fn from_iter<I: IntoIterator<Item = Duration>>(times: I) -> Self {
        let mut times: Vec<_> = times.into_iter().collect();
        times.sort_unstable();
        Self(times)
    }
}

/// The median of numbers that took turns, and so met the same machine.
pub(crate) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
