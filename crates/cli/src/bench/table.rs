//! The figures as people read them.

use std::time::Duration;

use super::figures::{Figures, Quantiles};
use crate::render::human;

const NONE: &str = "–";

/// A heading and a row for each figure, with what one kind of run costs beside another.
pub(super) fn table(machine: &str, figures: &Figures) -> String {
    let Figures { vm_cycle, execute, memory } = figures;
    let pristine = beside(vm_cycle.pristine_us, vm_cycle.dirty_us, "dirty");
    let new_vm = beside(vm_cycle.new_vm_us, vm_cycle.pristine_us, "pristine");
    let rate = execute.runs_per_s_64_callers.map(|rate| format!("{} runs/s", grouped(rate)));
    let lines = [
        machine.to_owned(),
        String::new(),
        heading("one VM, trivial script", "p50", "p99"),
        times("pristine: run, take back", vm_cycle.pristine_us, &pristine),
        times("dirty: run, leave as it is", vm_cycle.dirty_us, ""),
        times("new VM: make, run, drop", vm_cycle.new_vm_us, &new_vm),
        String::new(),
        heading("execute().await", "p50", "p99"),
        times("one caller", execute.one_caller_us, ""),
        row("64 callers", &rate.unwrap_or(NONE.into()), "", ""),
        String::new(),
        heading("resident memory", "each", ""),
        row("idle VM", &size(memory.idle_vm_bytes), "", ""),
        row("run that waits for a call", &size(memory.in_flight_run_bytes), "", ""),
    ];
    lines.join("\n")
}

fn heading(part: &str, first: &str, second: &str) -> String {
    format!("{part:28}{first:>16}{second:>12}").trim_end().to_owned()
}

fn row(name: &str, first: &str, second: &str, note: &str) -> String {
    format!("  {name:26}{first:>16}{second:>12}  {note}").trim_end().to_owned()
}

fn times(name: &str, quantiles: Quantiles, note: &str) -> String {
    let time = |us: Option<f64>| us.map_or(NONE.into(), |us| human(Duration::from_secs_f64(us / 1e6)));
    row(name, &time(quantiles.p50), &time(quantiles.p99), note)
}

/// How many times the median is another one.
fn beside(quantiles: Quantiles, other: Quantiles, name: &str) -> String {
    quantiles.p50.zip(other.p50).map_or(String::new(), |(us, other)| format!("{:.1} × {name}", us / other))
}

fn size(bytes: Option<u64>) -> String {
    bytes.map_or(NONE.into(), |bytes| format!("{} KiB", grouped(bytes.div_ceil(1024))))
}

/// The thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::bench::figures::{Execute, Memory, VmCycle};

    fn quantiles(p50: f64, p99: f64) -> Quantiles {
        Quantiles { p50: Some(p50), p99: Some(p99) }
    }

    #[test]
    fn figures_stand_in_columns() {
        let figures = Figures {
            vm_cycle: VmCycle {
                pristine_us: quantiles(7.02, 8.2),
                dirty_us: quantiles(4.8, 6.15),
                new_vm_us: quantiles(535.0, 1_204.5),
            },
            execute: Execute { one_caller_us: quantiles(41.3, 90.0), runs_per_s_64_callers: Some(48_210) },
            memory: Memory { idle_vm_bytes: Some(420_000), in_flight_run_bytes: Some(1_234_567) },
        };
        expect![[r#"
            isolet 0.1.0, engine/1, cores: 2

            one VM, trivial script                   p50         p99
              pristine: run, take back           7.02 µs     8.20 µs  1.5 × dirty
              dirty: run, leave as it is         4.80 µs     6.15 µs
              new VM: make, run, drop             535 µs     1.20 ms  76.2 × pristine

            execute().await                          p50         p99
              one caller                         41.3 µs     90.0 µs
              64 callers                   48,210 runs/s

            resident memory                         each
              idle VM                            411 KiB
              run that waits for a call        1,206 KiB"#]]
        .assert_eq(&table("isolet 0.1.0, engine/1, cores: 2", &figures));
    }

    #[test]
    fn what_cannot_be_had_is_a_dash() {
        let none = Quantiles::default();
        let figures = Figures {
            vm_cycle: VmCycle { pristine_us: none, dirty_us: quantiles(4.8, 6.15), new_vm_us: none },
            execute: Execute { one_caller_us: none, runs_per_s_64_callers: None },
            memory: Memory { idle_vm_bytes: None, in_flight_run_bytes: None },
        };
        expect![[r#"
            isolet 0.1.0, engine/1, cores: 2

            one VM, trivial script                   p50         p99
              pristine: run, take back                 –           –
              dirty: run, leave as it is         4.80 µs     6.15 µs
              new VM: make, run, drop                  –           –

            execute().await                          p50         p99
              one caller                               –           –
              64 callers                               –

            resident memory                         each
              idle VM                                  –
              run that waits for a call                –"#]]
        .assert_eq(&table("isolet 0.1.0, engine/1, cores: 2", &figures));
    }

    #[test]
    fn thousands_are_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
