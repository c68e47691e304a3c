//! Wrong usage ends with 2 and says in one line what is wrong, before anything runs.

use std::process::Stdio;

use crate::folder::Folder;

fn folder(name: &str) -> Folder {
    let folder = Folder::with(
        name,
        &[("a.js", "1"), ("empty.js", ""), ("a\nb.js", "1"), (" a.js", "1"), ("bad.json", "{\n \"a\": x}")],
    );
    folder.write("latin1.js", b"'caf\xe9'");
    folder.write(&"x".repeat(129), b"1");
    std::fs::create_dir(folder.path().join("folder.js")).expect("a folder");
    folder
}

#[test]
fn one_line_says_what_is_wrong() {
    let folder = folder("usage");
    let (long, deep) = ("x".repeat(129), "[".repeat(600));
    let units = "the known ones are B, KB, MB, GB, KiB, MiB and GiB";
    let name = "the file name cannot name a script in reports: script id has";
    let outer = "control characters and outer white space are not allowed";
    for (arguments, message) in [
        (&["missing.js"][..], "cannot read missing.js: no such file"),
        (&["a.js", "missing.js"], "cannot read missing.js: no such file"),
        (&["folder.js"], "cannot read folder.js: it is a directory"),
        (&["."], "cannot read .: it is a directory"),
        (&["latin1.js"], "latin1.js is not UTF-8: the byte at offset 4 begins no character"),
        (&["empty.js"], "empty.js is empty: a script needs at least an expression"),
        (&["a\nb.js"], &format!(r"{name} '\n' at byte 1: {outer}")),
        (&[" a.js"], &format!("{name} ' ' at byte 0: {outer}")),
        (&[&long], &format!("{name} 129 bytes, at most 128 are allowed")),
        (&["a.js", "--input", ""], "--input is empty: write for example {} or null"),
        (&["a.js", "--input", "x"], "--input cannot be the input: not valid JSON: expected value at line 1 column 1"),
        (
            &["a.js", "--input", "{\"a\":"],
            "--input cannot be the input: not valid JSON: EOF while parsing a value at line 1 column 5",
        ),
        (
            &["a.js", "--input", "1 2"],
            "--input cannot be the input: not valid JSON: trailing characters at line 1 column 3",
        ),
        (
            &["a.js", "--input", &deep],
            "--input cannot be the input: JSON nested 513 deep or more, at most 512 are allowed",
        ),
        (&["a.js", "--input", "-"], "stdin is empty: write for example {} or null"),
        (&["a.js", "--input", "@"], "--input @ needs the name of a file, for example @input.json"),
        (&["a.js", "--input", "@missing"], "cannot read missing: no such file"),
        (&["a.js", "--input", "@folder.js"], "cannot read folder.js: it is a directory"),
        (&["a.js", "--input", "@latin1.js"], "latin1.js is not UTF-8: the byte at offset 4 begins no character"),
        (&["a.js", "--input", "@empty.js"], "empty.js is empty: write for example {} or null"),
        (
            &["a.js", "--input", "@bad.json"],
            "bad.json cannot be the input: not valid JSON: expected value at line 2 column 7",
        ),
        (
            &["a.js", "--memory", "64XB"],
            &format!("invalid value '64XB' for '--memory <SIZE>': unknown unit `XB`, {units}"),
        ),
        (&["a.js", "--memory", "0"], "invalid value '0' for '--memory <SIZE>': must be more than 0"),
        (
            &["a.js", "--memory", "-1MiB"],
            "invalid value '-1MiB' for '--memory <SIZE>': must not be negative, write for example 64MiB",
        ),
        (
            &["a.js", "--memory", "99999999999999999999"],
            "invalid value '99999999999999999999' for '--memory <SIZE>': too large",
        ),
        (
            &["a.js", "--memory", "1KiB"],
            "invalid value '1KiB' for '--memory <SIZE>': memory_bytes is 1024, 1048576 to 4294967296 are allowed",
        ),
        (
            &["a.js", "--memory", "5GiB"],
            "invalid value '5GiB' for '--memory <SIZE>': memory_bytes is 5368709120, 1048576 to 4294967296 are allowed",
        ),
        (
            &["a.js", "--timeout", "30"],
            "invalid value '30' for '--timeout <TIME>': the unit is missing, the known ones are ms, s, m and h",
        ),
        (&["a.js", "--timeout", "0ms"], "invalid value '0ms' for '--timeout <TIME>': must be more than 0"),
        (
            &["a.js", "--timeout", "-5s"],
            "invalid value '-5s' for '--timeout <TIME>': must not be negative, write for example 30s",
        ),
        (
            &["a.js", "--timeout", "25h"],
            "invalid value '25h' for '--timeout <TIME>': wall_time_ms is 90000000, 1 to 86400000 are allowed",
        ),
        (
            &["a.js", "--timeout", "99999999999999999h"],
            "invalid value '99999999999999999h' for '--timeout <TIME>': too large",
        ),
        (&["a.js", "--output-limit", "0"], "invalid value '0' for '--output-limit <SIZE>': must be more than 0"),
        (
            &["a.js", "--output-limit", "2GiB"],
            "invalid value '2GiB' for '--output-limit <SIZE>': output_bytes is 2147483648, 1 to 1073741824 are allowed",
        ),
        (
            &["a.js", "--api-calls", "60"],
            "invalid value '60' for '--api-calls <RATE>': the time is missing, write for example 60/min",
        ),
        (
            &["a.js", "--api-calls", "1/day"],
            "invalid value '1/day' for '--api-calls <RATE>': unknown unit `day`, the known ones are s, min and h",
        ),
        (&["a.js", "--api-calls", "0/s"], "invalid value '0/s' for '--api-calls <RATE>': must be more than 0"),
        (
            &["a.js", "--api-calls", "200000/s"],
            "invalid value '200000/s' for '--api-calls <RATE>': api_rate.burst is 200000, 1 to 100000 are allowed",
        ),
        (
            &["a.js", "--seed", "-1"],
            "invalid value '-1' for '--seed <N>': not a whole number from 0 to 18446744073709551615",
        ),
        (
            &["a.js", "--now", "yesterday"],
            "invalid value 'yesterday' for '--now <TIME>': \
             not a time, write for example 2026-01-31T12:00:00Z, or milliseconds since 1970",
        ),
        (
            &["a.js", "--now", "2026-02-30T12:00:00Z"],
            "invalid value '2026-02-30T12:00:00Z' for '--now <TIME>': there is no day 2026-02-30",
        ),
        (
            &["a.js", "--now", "-8640000000000001"],
            "invalid value '-8640000000000001' for '--now <TIME>': \
             a Date holds at most 8640000000000000 ms before or after 1970",
        ),
        (&["a.js", "--pool-size", "0"], "invalid value '0' for '--pool-size <N>': must be more than 0"),
        (
            &["a.js", "--pool-size", "-1"],
            "invalid value '-1' for '--pool-size <N>': must not be negative, write for example 10",
        ),
        (&["a.js", "--pool-size", "1001"], "invalid value '1001' for '--pool-size <N>': at most 1000 is allowed"),
        (
            &["a.js", "--repeat", "many"],
            "invalid value 'many' for '--repeat <N>': does not start with a number, write for example 10",
        ),
        (
            &["a.js", "--tenant", ""],
            "invalid value '' for '--tenant <NAME>': tenant id is empty: give it 1 to 128 bytes",
        ),
        (
            &["a.js", "--tenant", "a\u{1b}b"],
            &format!(r"invalid value 'a\u{{1b}}b' for '--tenant <NAME>': tenant id has '\u{{1b}}' at byte 1: {outer}"),
        ),
        (
            &["a.js", "--user", "u "],
            &format!("invalid value 'u ' for '--user <NAME>': user id has ' ' at byte 1: {outer}"),
        ),
        (
            &["a.js", "--organization", &long],
            &format!(
                "invalid value '{long}' for '--organization <NAME>': organization id has 129 bytes, at most 128 are allowed"
            ),
        ),
    ] {
        let ended = folder.isolet(&[&["run"], arguments].concat());
        assert_eq!((&*ended.stderr, &*ended.stdout), (&*format!("error: {message}\n"), ""), "{arguments:?}");
        assert_eq!(ended.code, Some(2), "{arguments:?}");
    }
}

#[test]
fn check_reads_files_like_run() {
    let ended = folder("usage-check").isolet(&["check", "a.js", "empty.js"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(2), ""));
    assert_eq!(ended.stderr, "error: empty.js is empty: a script needs at least an expression\n");
}

#[test]
fn unknown_words_are_refused_with_advice() {
    let folder = folder("usage-words");
    for (arguments, message) in [
        (&["frob"][..], "error: unrecognized subcommand 'frob'"),
        (&["run"], "error: the following required arguments were not provided:"),
        (&["run", ""], "error: a value is required for '[FILE]...' but none was supplied"),
        (&["check"], "error: the following required arguments were not provided:"),
        (&["run", "a.js", "--frob"], "error: unexpected argument '--frob' found"),
        (&["check", "a.js", "--db", "x"], "error: unexpected argument '--db' found"),
        (&["run", "a.js", "--db-read-only"], "error: the following required arguments were not provided:"),
        (&["check", "a.js", "--allow-net", "x"], "error: unexpected argument '--allow-net' found"),
        (&["check", "a.js", "--input", "1"], "error: unexpected argument '--input' found"),
        (&["run", "a.js", "--timeout"], "error: a value is required for '--timeout <TIME>' but none was supplied"),
        (&["run", "a.js", "--kind", "x"], "error: invalid value 'x' for '--kind <KIND>'"),
        (&["run", "a.js", "--format", "x"], "error: invalid value 'x' for '--format <FORMAT>'"),
        (
            &["run", "a.js", "--repeat", "1", "--repeat", "2"],
            "error: the argument '--repeat <N>' cannot be used multiple times",
        ),
    ] {
        let ended = folder.isolet(arguments);
        assert_eq!(ended.stderr.lines().next(), Some(message), "{arguments:?}");
        assert!(ended.stderr.ends_with("For more information, try '--help'.\n"), "{arguments:?}: {}", ended.stderr);
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{arguments:?}");
    }
    let ended = folder.isolet(&[]);
    assert!(ended.stderr.contains("Usage: isolet <COMMAND>"), "{}", ended.stderr);
    assert_eq!(ended.code, Some(2));
}

#[test]
fn help_and_version_are_outputs() {
    let folder = folder("usage-help");
    let version = concat!("isolet ", env!("CARGO_PKG_VERSION"), "\n");
    for (arguments, part) in [
        (&["--version"][..], version),
        (&["--help"], "isolet check examples/*.js"),
        (
            &["run", "--help"],
            "Examples:\n  isolet run examples/order-total.js --input @examples/order-total.input.json\n",
        ),
        (&["run", "-h"], "--repeat <N>"),
        (&["bench", "--help"], "Examples:\n  isolet bench\n"),
        (&["check", "--help"], "Examples:\n  isolet check examples/order-total.js\n"),
        (&["help", "run"], "--output-limit <SIZE>"),
    ] {
        let ended = folder.isolet(arguments);
        assert!(ended.stdout.contains(part), "{arguments:?}: {}", ended.stdout);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn a_bad_filter_for_events_is_wrong_usage() {
    let folder = folder("usage-events");
    for (name, text, code) in [("ISOLET_LOG", "isolet=loud", 2), ("RUST_LOG", "a=b=c", 2), ("ISOLET_LOG", "", 0)] {
        let output = folder.command(&["run", "a.js"]).env(name, text).stdin(Stdio::null()).output().expect("isolet");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert_eq!(stderr.starts_with(&format!("error: {name} is no filter for events: ")), code == 2, "{stderr}");
    }
}
