//! What programs read: one object a line.

use expect_test::expect;
use serde_json::{Value, json};

use crate::folder::Folder;

/// The report with figures replaced that differ from run to run.
fn without_volatile(mut report: Value) -> Value {
    fn blur(value: &mut Value) {
        match value {
            Value::Number(_) => *value = json!("N"),
            Value::Array(values) => values.iter_mut().for_each(blur),
            Value::Object(fields) => fields.values_mut().for_each(blur),
            _ => {}
        }
    }
    report["id"] = json!("ID");
    report["metrics"]["vm"] = json!("VM");
    report["queue"]["waited_for"] = json!("WHAT");
    for place in ["metrics", "queue"] {
        blur(&mut report[place]);
    }
    report["logs"].as_array_mut().into_iter().flatten().for_each(|line| line["at_ms"] = json!("N"));
    report
}

#[test]
fn a_report_is_one_line() {
    let folder =
        Folder::with("json-ok", &[("a.js", "console.log('two\\nlines'); ({ n: input.n, user: context.user })")]);
    let ended = folder.isolet(&[
        "run",
        "a.js",
        "--format",
        "json",
        "--input",
        "{\"n\": 1}",
        "--tenant",
        "acme",
        "--user",
        "u1",
        "--organization",
        "o1",
    ]);
    assert_eq!((ended.code, &*ended.stderr, ended.stdout.lines().count()), (Some(0), "", 1));
    assert!(ended.stdout.starts_with("{\"id\":\""), "{}", ended.stdout);
    let report = without_volatile(ended.reports().remove(0));
    let report = serde_json::to_string_pretty(&report).expect("JSON");
    expect![[r#"
        {
          "context": {
            "organization": "o1",
            "revision": null,
            "script": "a.js",
            "tenant": "acme",
            "user": "u1"
          },
          "error": null,
          "id": "ID",
          "killed": null,
          "logs": [
            {
              "at_ms": "N",
              "level": "info",
              "message": "two\nlines"
            }
          ],
          "metrics": {
            "cache": "miss",
            "compile_us": "N",
            "cpu_us": "N",
            "host_bytes_in": "N",
            "host_bytes_out": "N",
            "host_calls": "N",
            "host_calls_denied": "N",
            "host_wait_us": "N",
            "memory_peak_bytes": "N",
            "output_bytes": "N",
            "preemptions": "N",
            "reset_us": "N",
            "run_us": "N",
            "vm": "VM"
          },
          "output": {
            "n": 1,
            "user": "u1"
          },
          "output_undefined": false,
          "queue": {
            "position": "N",
            "waited_for": "WHAT",
            "waited_us": "N"
          },
          "status": "ok",
          "truncated": {
            "logs": null,
            "output": null
          },
          "warnings": []
        }"#]]
    .assert_eq(&report);
}

#[test]
fn an_error_has_its_parts() {
    let ended = Folder::with("json-error", &[("a.js", "const f = x => x.y\nf(null)")])
        .isolet(&["run", "a.js", "--format", "json"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    let report = ended.reports().remove(0);
    assert_eq!((&report["status"], &report["output"]), (&json!("runtime_error"), &Value::Null));
    expect![[r#"
        {
          "causes": [],
          "column": 16,
          "hint": "the value whose y is asked for is null: check with ?. or give a default with ??, and await it if it comes from a promise",
          "kind": "runtime_error",
          "line": 1,
          "message": "cannot read property 'y' of null",
          "name": "TypeError",
          "retryable": false,
          "snippet": {
            "caret": 16,
            "text": "const f = x => x.y"
          },
          "stack": [
            {
              "column": 16,
              "file": "a.js",
              "function": "f",
              "line": 1
            },
            {
              "column": 3,
              "file": "a.js",
              "function": null,
              "line": 2
            }
          ]
        }"#]].assert_eq(&serde_json::to_string_pretty(&report["error"]).expect("JSON"));
}

#[test]
fn each_file_has_a_line() {
    let files = [("a.js", "input"), ("b.js", "throw new Error('no')"), ("same.js", "context.script")];
    let folder = Folder::with("json-several", &files);
    let arguments = ["run", "a.js", "b.js", "a.js", "same.js", "same.js", "--input", "-", "--format", "json"];
    let ended = folder.isolet_reading(" [7] \n", &arguments);
    let told: Vec<_> =
        ended.reports().iter().map(|report| (report["status"].clone(), report["output"].clone())).collect();
    let ok = |output| (json!("ok"), output);
    let failed = (json!("runtime_error"), Value::Null);
    assert_eq!(told, [ok(json!([7])), failed, ok(json!([7])), ok(json!("same.js")), ok(json!("same.js"))]);
    assert_eq!(ended.code, Some(1));
}

#[test]
fn inputs_come_from_everywhere() {
    let folder = Folder::with("json-input", &[("a.js", "input"), ("bom.json", "\u{feff}{\"a\": 1}\n")]);
    for (argument, stdin, output) in [
        (None, "", Value::Null),
        (Some("-5"), "", json!(-5)),
        (Some("\"@x\""), "", json!("@x")),
        (Some("@bom.json"), "", json!({"a": 1})),
        (Some("-"), "[1,\n2]", json!([1, 2])),
    ] {
        let mut arguments = vec!["run", "a.js", "--format", "json"];
        arguments.extend(argument.into_iter().flat_map(|json| ["--input", json]));
        let ended = folder.isolet_reading(stdin, &arguments);
        assert_eq!(ended.reports()[0]["output"], output, "{argument:?}");
    }
}

#[test]
fn characters_that_drive_a_terminal_are_escaped() {
    let ended =
        Folder::with("json-escapes", &[("a.js", "'\\x9b\\u202e\\x7f'")]).isolet(&["run", "a.js", "--format", "json"]);
    assert!(ended.stdout.contains(r#""output":"\u009b\u202e\u007f""#), "{}", ended.stdout);
    assert_eq!(ended.reports()[0]["output"], "\u{9b}\u{202e}\u{7f}");
}

#[test]
fn check_has_a_line_for_each_file() {
    let folder = Folder::with("json-check", &[("a.js", "1"), ("b.js", "let = = 1")]);
    let ended = folder.isolet(&["check", "a.js", "b.js", "--format", "json"]);
    assert_eq!((ended.code, &*ended.stderr), (Some(1), ""));
    assert_eq!(ended.stdout.lines().next(), Some(r#"{"script":"a.js","status":"ok","error":null}"#));
    let second = &ended.reports()[1];
    assert_eq!((&second["script"], &second["status"]), (&json!("b.js"), &json!("syntax_error")));
    assert_eq!((&second["error"]["kind"], &second["error"]["line"]), (&json!("syntax_error"), &json!(1)));
}

#[test]
fn a_seed_and_a_time_give_the_same_run_again() {
    let script = "console.log(new Date()); [Math.random(), crypto.randomUUID(), Date.now(), context.execution]";
    let folder = Folder::with("json-seed", &[("a.js", script)]);
    let run = |seed: &str, now: &str| {
        let ended = folder.isolet(&["run", "a.js", "--format", "json", "--seed", seed, "--now", now]);
        let report = ended.reports().remove(0);
        (report["output"].clone(), report["logs"].clone(), report["id"].clone())
    };
    let first = run("7", "2026-01-31T12:00:00Z");
    assert_eq!(first, run("7", "1769860800000"));
    assert_eq!((&first.0[2], &first.0[3]), (&json!(1_769_860_800_000_i64), &json!("seed-7")));
    assert_eq!(first.1, json!([{ "level": "info", "message": "2026-01-31T12:00:00.000Z", "at_ms": 0.0 }]));
    assert_ne!(first.0, run("8", "1769860800000").0);
}
