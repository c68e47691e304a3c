//! `isolet bench`.

use serde_json::Value;

use crate::folder::{Ended, Folder};

/// A quick one. What a debug build warns of is left out.
fn bench(name: &str, arguments: &[&str]) -> Ended {
    let mut ended = Folder::new(name).isolet(&[&["bench", "--iterations", "50"], arguments].concat());
    let warning = "warning: this is a debug build, which is several times slower\n";
    if cfg!(debug_assertions) {
        ended.stderr = ended.stderr.strip_prefix(warning).expect("a warning").to_owned();
    }
    ended
}

/// The line with each number as an N.
fn without_numbers(line: &str) -> String {
    let mut parts = line.split(':');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        text.push_str(if rest.len() < part.len() { ":N" } else { ":" });
        text.push_str(rest);
    }
    text
}

#[test]
fn programs_get_one_line_of_a_fixed_shape() {
    let ended = bench("bench-json", &["--format", "json"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{}", ended.stdout);
    let quantiles = r#"{"p50":N,"p99":N}"#;
    let memory = if cfg!(target_os = "linux") { "N" } else { "null" };
    let pristine = if cfg!(target_os = "linux") { quantiles } else { r#"{"p50":null,"p99":null}"# };
    let expected = format!(
        "{{\"vm_cycle\":{{\"pristine_us\":{pristine},\"dirty_us\":{quantiles},\"new_vm_us\":{quantiles}}},\
         \"execute\":{{\"one_caller_us\":{quantiles},\"runs_per_s_64_callers\":N}},\
         \"memory\":{{\"idle_vm_bytes\":{memory},\"in_flight_run_bytes\":{memory}}}}}\n"
    );
    assert_eq!(without_numbers(&ended.stdout), expected, "{}", ended.stdout);
}

#[test]
fn figures_are_positive_and_in_order() {
    fn check(figures: &Value) {
        match figures {
            Value::Object(fields) => fields.values().for_each(check),
            Value::Null => {}
            number => assert!(number.as_f64().is_some_and(|number| number > 0.0), "{number}"),
        }
        let quantile = |name: &str| figures.get(name).and_then(Value::as_f64);
        assert!(quantile("p50") <= quantile("p99"), "{figures}");
    }
    let figures = bench("bench-figures", &["--format", "json"]).reports().remove(0);
    check(&figures);
    let bytes = |name: &str| figures["memory"][name].as_u64().unwrap_or(1);
    assert!(bytes("idle_vm_bytes") < 64 << 20 && bytes("in_flight_run_bytes") < 64 << 20, "{figures}");
}

#[test]
fn an_idle_vm_is_small_under_each_policy() {
    for profile in ["standard", "strict", "trusted"] {
        let figures = bench("bench-idle", &["--format", "json", "--profile", profile]).reports().remove(0);
        let bytes = figures["memory"]["idle_vm_bytes"].as_u64().unwrap_or(1);
        assert!(bytes <= 512 << 10, "{profile}: {bytes}");
    }
}

#[test]
fn people_get_a_table() {
    let ended = bench("bench-pretty", &[]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{}", ended.stdout);
    for name in [
        "isolet ",
        "one VM, trivial script",
        "  pristine: run, take back",
        "  dirty: run, leave as it is",
        "  new VM: make, run, drop",
        "execute().await",
        "  one caller",
        "  64 callers",
        "resident memory",
        "  idle VM",
        "  run that waits for a call",
    ] {
        assert_eq!(ended.stdout.lines().filter(|line| line.starts_with(name)).count(), 1, "{name}: {}", ended.stdout);
    }
}

#[test]
fn wrong_usage_is_refused_at_once() {
    let folder = Folder::new("bench-usage");
    for (arguments, message) in [
        (&["--iterations", "0"][..], "error: invalid value '0' for '--iterations <N>': must be more than 0"),
        (
            &["--iterations", "1000001"],
            "error: invalid value '1000001' for '--iterations <N>': at most 1000000 is allowed",
        ),
        (&["--format", "xml"], "error: invalid value 'xml' for '--format <FORMAT>'"),
        (&["a.js"], "error: unexpected argument 'a.js' found"),
    ] {
        let ended = folder.isolet(&[&["bench"], arguments].concat());
        assert_eq!(ended.stderr.lines().next(), Some(message), "{arguments:?}");
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
    }
}
