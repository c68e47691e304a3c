//! What limits and flags do to a run, and the exit code of each status.

use serde_json::json;

use crate::folder::Folder;

#[test]
fn each_status_has_its_exit_code() {
    let (source, input) = (format!("1;{}", " ".repeat(1 << 20)), format!("\"{}\"", "x".repeat(4 << 20)));
    let folder = Folder::with("limits-status", &[("large.js", &*source), ("large.json", &*input), ("one.js", "1")]);
    let limits = ["--timeout", "300ms", "--memory", "16MiB"];
    for (name, text, flags, status, code) in [
        ("ok.js", "1", &[][..], "ok", 0),
        ("cut.js", "'xxx'", &["--output-limit", "2B"], "ok", 0),
        ("syntax.js", "1 +", &[], "syntax_error", 1),
        ("throw.js", "throw 1", &[], "runtime_error", 1),
        ("never.js", "new Promise(() => {})", &[], "runtime_error", 1),
        ("eval.js", "eval('1')", &[], "sandbox_violation", 1),
        ("function.js", "() => 1", &[], "output_error", 1),
        ("bigint.js", "({ a: [1n] })", &[], "output_error", 1),
        ("loop.js", "for (;;);", &limits, "timeout", 3),
        (
            "memory.js",
            "const all = []; for (;;) all.push(new Array(1000).fill(all.length))",
            &["--memory", "16MiB"],
            "memory_exceeded",
            3,
        ),
        ("one.js", "1", &["--input", "@large.json"], "rejected", 3),
        ("large.js", &*source, &[], "rejected", 3),
    ] {
        folder.write(name, text.as_bytes());
        let ended = folder.isolet(&[&["run", name, "--format", "json"], flags].concat());
        let reports = ended.reports();
        assert_eq!(reports[0]["status"], status, "{name}: {}", reports[0]["error"]);
        assert_eq!(ended.code, Some(code), "{name}");
        // People are told the same.
        let told = folder.isolet(&[&["run", name], flags].concat());
        assert_eq!(told.code, Some(code), "{name}");
        assert!(status == "ok" || told.stderr.starts_with(&format!("error[{status}]: ")), "{name}: {}", told.stderr);
    }
}

#[test]
fn the_highest_exit_code_wins() {
    let folder = Folder::with("limits-highest", &[("ok.js", "1"), ("throw.js", "throw 1"), ("loop.js", "for (;;);")]);
    for (files, code) in [
        (&["ok.js", "ok.js"][..], 0),
        (&["throw.js", "ok.js"], 1),
        (&["throw.js", "loop.js", "ok.js"], 3),
        (&["loop.js", "throw.js", "missing.js"], 2),
    ] {
        let ended = folder.isolet(&[&["run", "--timeout", "100ms"], files].concat());
        assert_eq!(ended.code, Some(code), "{files:?}: {}", ended.stderr);
    }
}

#[test]
fn limits_can_be_raised_over_their_defaults() {
    let text =
        "const all = []; for (let i = 0; i < 100; i++) all.push(new ArrayBuffer(1 << 20)); 'x'.repeat(2 << 20).length";
    let folder = Folder::with("limits-raised", &[("a.js", text), ("b.js", "'x'.repeat(2 << 20)")]);
    let ended = folder.isolet(&["run", "a.js", "--memory", "256MiB", "--timeout", "5m", "--format", "json"]);
    assert_eq!(ended.reports()[0]["output"], json!(2 << 20), "{}", ended.stdout);
    let ended = folder.isolet(&["run", "b.js", "--output-limit", "3MB", "--api-calls", "1000/s", "--format", "json"]);
    assert_eq!(ended.reports()[0]["truncated"]["output"], json!(null));
    assert!(ended.stdout.contains(&"x".repeat(2 << 20)));
}

#[test]
fn a_kill_tells_its_figures() {
    let folder = Folder::with("limits-killed", &[("a.js", "for (;;);")]);
    let ended = folder.isolet(&["run", "a.js", "--timeout", "100ms", "--format", "json"]);
    let killed = &ended.reports()[0]["killed"];
    assert_eq!((&killed["limit"], &killed["in"], &killed["max"]), (&json!("wall_ms"), &json!("script"), &json!(100)));
    assert!(killed["used"].as_u64() >= Some(100), "{killed}");
    let told = folder.isolet(&["run", "a.js", "--timeout", "100ms"]).stderr;
    assert!(
        told.contains("\n  = killed: wall time, ") && told.contains(" ms used, 100 allowed, in the script\n"),
        "{told}"
    );
}

#[test]
fn kinds_and_eval_are_the_callers_choice() {
    let folder = Folder::with(
        "limits-kinds",
        &[
            ("value.js", "1 + 1"),
            ("module.js", "export default 2"),
            ("module.mjs", "export default 2"),
            ("body.js", "return input + 1"),
            ("same.mjs", "1 + 1"),
            ("eval.js", "eval('1 + 1') + new Function('return 0')()"),
        ],
    );
    for (file, flags, expected) in [
        ("value.js", &[][..], Ok(2)),
        ("value.js", &["--kind", "script"], Ok(2)),
        ("value.js", &["--kind", "module"], Err("output_error")),
        ("module.js", &[], Ok(2)),
        ("module.js", &["--kind", "script"], Err("syntax_error")),
        ("module.mjs", &[], Ok(2)),
        ("module.mjs", &["--kind", "script"], Err("syntax_error")),
        ("same.mjs", &[], Err("output_error")),
        ("same.mjs", &["--kind", "script"], Ok(2)),
        ("body.js", &["--kind", "body", "--input", "1"], Ok(2)),
        ("body.js", &[], Err("syntax_error")),
        ("eval.js", &[], Err("sandbox_violation")),
        ("eval.js", &["--allow-eval"], Ok(2)),
    ] {
        let ended = folder.isolet(&[&["run", file, "--format", "json"], flags].concat());
        let report = &ended.reports()[0];
        let told = if report["status"] == "ok" { Ok(report["output"].clone()) } else { Err(report["status"].clone()) };
        assert_eq!(told, expected.map(|output| json!(output)).map_err(|status| json!(status)), "{file} {flags:?}");
    }
}
