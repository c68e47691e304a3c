//! What people see.

use std::process::Stdio;

use expect_test::{Expect, expect};

use crate::folder::Folder;

fn check(name: &str, files: &[(&str, &str)], arguments: &[&str], expected: &Expect) {
    expected.assert_eq(&Folder::with(name, files).isolet(arguments).all());
}

#[test]
fn the_output_is_laid_out_as_it_is() {
    check(
        "pretty-output",
        &[("a.js", "({ z: input, a: [], b: { deep: [1e21, 'ä\\u009b'] } })")],
        &["run", "a.js", "--input", "[1,2]"],
        &expect![[r#"
            stdout:
            {
              "z": [
                1,
                2
              ],
              "a": [],
              "b": {
                "deep": [
                  1e+21,
                  "ä\u009b"
                ]
              }
            }
            stderr:
            exit code: 0
        "#]],
    );
}

#[test]
fn an_error_shows_its_place() {
    check(
        "pretty-error",
        &[(
            "order.js",
            "function total(order) {\n\treturn '漢字' + order.lines.length;\n}\nconst totals = [total(input)];\ntotals;\n",
        )],
        &["run", "order.js", "--input", "{}"],
        &expect![[r#"
            stdout:
            stderr:
            error[runtime_error]: TypeError: cannot read property 'length' of undefined
             --> order.js:2:16
              |
            2 |  return '漢字' + order.lines.length;
              |                  ^
              = stack: total (order.js:2:16)
                       order.js:4:23
              = help: the value whose length is asked for is undefined: check with ?. or give a default with ??, and await it if it comes from a promise
            exit code: 1
        "#]],
    );
}

#[test]
fn a_syntax_error_shows_its_place() {
    check(
        "pretty-syntax",
        &[("a.mjs", "export default {\n  a: 1,,\n}")],
        &["run", "a.mjs"],
        &expect![[r#"
        stdout:
        stderr:
        error[syntax_error]: SyntaxError: invalid property name
         --> a.mjs:2:8
          |
        2 |   a: 1,,
          |        ^
        exit code: 1
    "#]],
    );
}

#[test]
fn scripts_cannot_drive_the_terminal() {
    let text = "class E extends Error { name = 'E\\x1b[2J' }\nconsole.log('\\x1b]0;t\\x07\\nerror: forged\\u202e');\nthrow new E('\\x9b31m\\n --> b.js');";
    let ended = Folder::with("pretty-escapes", &[("a.js", text)]).isolet(&["run", "a.js"]);
    let told = ended.stderr;
    assert!(!told.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{told:?}");
    for part in [r"\u{1b}]0;t\u{7}", "\n                    error: forged", r"E\u{1b}[2J: \u{9b}31m", "\n     --> b.js"]
    {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
}

#[test]
fn console_lines_go_to_stderr_in_order() {
    let text =
        "console.debug('one'); console.log('two', { a: [1] }); console.warn('three'); console.error('four\\nlines'); 5";
    let ended = Folder::with("pretty-console", &[("a.js", text)]).isolet(&["run", "a.js"]);
    // Columns 6 to 19 hold the time.
    let lines: Vec<String> = ended.stderr.lines().map(|line| format!("{}{}", &line[..6], &line[20..])).collect();
    assert_eq!(lines, ["debug one", "info  two { a: [ 1 ] }", "warn  three", "error four", "      lines"]);
    assert!(ended.stderr.lines().take(4).all(|line| line[..20].ends_with(" ms ")), "{}", ended.stderr);
    assert_eq!(ended.stdout, "5\n");
}

#[test]
fn notes_say_what_is_not_in_the_output() {
    check(
        "pretty-undefined",
        &[("a.js", "let x")],
        &["run", "a.js"],
        &expect![[r#"
        stdout:
        null
        stderr:
        note: the output is undefined, shown as null
        exit code: 0
    "#]],
    );
    check(
        "pretty-truncated",
        &[("a.js", "'x'.repeat(2000)")],
        &["run", "a.js", "--output-limit", "10"],
        &expect![[r#"
            stdout:
            null
            stderr:
            warning[output_truncated]: the output has 2002 bytes, the limit is 10; it starts with
                "xxxxxxxxx
              = help: return less, or raise --output-limit
            exit code: 0
        "#]],
    );
    let ended = Folder::with("pretty-logs", &[("a.js", "for (let i = 0; i < 1200; i++) console.log('x'); 1")]);
    let ended = ended.isolet(&["run", "a.js"]);
    let last = ended.stderr.lines().last();
    assert_eq!(last, Some("warning[logs_truncated]: 200 console lines with 200 bytes were cut or dropped"));
}

#[test]
fn several_files_run_one_after_another() {
    check(
        "pretty-several",
        &[("a.js", "globalThis.leak = 1"), ("b.js", "typeof leak"), ("c.js", "throw null")],
        &["run", "a.js", "b.js", "c.js", "b.js", "--pool-size", "1"],
        &expect![[r#"
            stdout:
            1
            "undefined"
            "undefined"
            stderr:
            ── a.js
            ── b.js
            ── c.js
            error[runtime_error]: NonError: null
             --> c.js
              = help: throw new Error(message) instead of a plain value: then the line is known
            ── b.js
            exit code: 1
        "#]],
    );
}

#[test]
fn check_says_which_files_are_fine() {
    check(
        "pretty-check",
        &[("a.js", "throw 1"), ("b.mjs", "export default 1"), ("c.js", "return 1")],
        &["check", "a.js", "b.mjs", "c.js"],
        &expect![[r#"
            stdout:
            a.js: ok
            b.mjs: ok
            stderr:
            error[syntax_error]: SyntaxError: return not in a function
             --> c.js:1:1
              |
            1 | return 1
              | ^
              = help: return works inside functions only: a script's output is the value of its last expression
            exit code: 1
        "#]],
    );
    check(
        "pretty-check-body",
        &[("c.js", "return 1")],
        &["check", "c.js", "--kind", "body"],
        &expect![[r#"
        stdout:
        c.js: ok
        stderr:
        exit code: 0
    "#]],
    );
}

#[test]
fn a_reader_that_is_gone_is_no_error() {
    let folder = Folder::with("pretty-pipe", &[("a.js", "'x'.repeat(1000)"), ("b.js", "throw 1")]);
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = folder.command(&["run", "a.js", "a.js", "a.js"]);
    let output = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped()).output().expect("isolet");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "── a.js\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn stderr_has_no_colours_unless_it_is_a_terminal() {
    let ended = Folder::with("pretty-plain", &[("a.js", "console.log(1); throw 1")]).isolet(&["run", "a.js"]);
    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
}
