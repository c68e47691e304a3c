//! The table of `--repeat`: what a run takes, by what stood ready for it.

use std::collections::BTreeMap;
use std::time::Duration;

use isolet::{Metrics, ProgramOrigin, VmOrigin};

use super::palette::Palette;

/// What stood ready for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    /// Nothing.
    Cold,
    /// A VM, but not the program.
    Warm,
    /// The program, but no VM.
    NewVm,
    /// A VM and the program.
    Cached,
    /// The run did not come to a VM.
    Refused,
}

impl Class {
    fn of(metrics: &Metrics) -> Self {
        let is_cached = metrics.cache == Some(ProgramOrigin::Hit);
        match metrics.vm {
            None => Self::Refused,
            Some(VmOrigin::Cold) if is_cached => Self::NewVm,
            Some(VmOrigin::Cold) => Self::Cold,
            Some(VmOrigin::Warm) if is_cached => Self::Cached,
            Some(VmOrigin::Warm) => Self::Warm,
        }
    }

    fn name_and_meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Cold => ("cold", "a VM was made, the program was compiled"),
            Self::Warm => ("warm", "a VM stood ready, the program was compiled"),
            Self::NewVm => ("new VM", "a VM was made, the compiled program stood ready"),
            Self::Cached => ("cached", "a VM and the compiled program stood ready"),
            Self::Refused => ("refused", "it ended before it had a VM"),
        }
    }
}

/// How long runs took, from the request to the report.
#[derive(Debug, Default)]
pub(crate) struct Times(BTreeMap<Class, Vec<Duration>>);

impl Times {
    pub(crate) fn add(&mut self, metrics: &Metrics, time: Duration) {
        self.0.entry(Class::of(metrics)).or_default().push(time);
    }

    /// A row for each kind of run that there was.
    pub(crate) fn table(&mut self, palette: Palette) -> String {
        let Palette { strong, dim, .. } = palette;
        let mut table = format!("{strong}{:8}{:>8}{:>12}{:>12}{strong:#}\n", "", "runs", "median", "p99");
        for (class, times) in &mut self.0 {
            times.sort_unstable();
            let (name, meaning) = class.name_and_meaning();
            let (runs, median, p99) = (times.len(), human(percentile(times, 50)), human(percentile(times, 99)));
            table.push_str(&format!(
                "{strong}{name:8}{strong:#}{runs:>8}{median:>12}{p99:>12}  {dim}{meaning}{dim:#}\n"
            ));
        }
        table
    }
}

/// The nearest rank: a time that occurred, that so many of a hundred do not exceed. Zero if there is none.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

/// Three figures that count, with a unit.
pub(crate) fn human(time: Duration) -> String {
    let microseconds = time.as_nanos() as f64 / 1e3;
    let (figure, unit) = match microseconds {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    let decimals = if figure < 10.0 { 2 } else { usize::from(figure < 100.0) };
    format!("{figure:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn runs_are_told_apart() {
        let mut times = Times::default();
        let (warm, hit) = (Some(VmOrigin::Warm), Some(ProgramOrigin::Hit));
        let mut add = |vm, cache, us| {
            times.add(&Metrics { vm, cache, ..Metrics::default() }, Duration::from_micros(us));
        };
        add(Some(VmOrigin::Cold), Some(ProgramOrigin::Miss), 3_100);
        add(warm, Some(ProgramOrigin::Miss), 420);
        (1..=200).rev().for_each(|us| add(warm, hit, us));
        add(Some(VmOrigin::Cold), hit, 1_200);
        add(None, None, 1_500_000);
        expect![[r#"
                        runs      median         p99
            cold           1     3.10 ms     3.10 ms  a VM was made, the program was compiled
            warm           1      420 µs      420 µs  a VM stood ready, the program was compiled
            new VM         1     1.20 ms     1.20 ms  a VM was made, the compiled program stood ready
            cached       200      100 µs      198 µs  a VM and the compiled program stood ready
            refused        1      1.50 s      1.50 s  it ended before it had a VM
        "#]]
        .assert_eq(&times.table(Palette::PLAIN));
    }

    #[test]
    fn times_have_three_figures() {
        for (nanoseconds, expected) in [
            (0, "0.00 µs"),
            (41_040, "41.0 µs"),
            (420_000, "420 µs"),
            (9_994_000, "9.99 ms"),
            (59_000_000_000, "59.0 s"),
        ] {
            assert_eq!(human(Duration::from_nanos(nanoseconds)), expected);
        }
    }
}
