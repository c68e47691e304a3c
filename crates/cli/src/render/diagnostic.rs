//! An error as a compiler would show it.
//!
//! ```text
//! error[runtime_error]: TypeError: cannot read property 'x' of null
//!  --> order.js:3:15
//!   |
//! 3 | let total = order.x;
//!   |               ^
//!   = stack: total (order.js:3:15)
//!            order.js:9:1
//!   = help: …
//! ```

use isolet::{Cause, ErrorReport, Frame, KilledIn, KilledReport, LimitName};

use super::palette::Palette;
use super::text::{block, columns, in_place, one_line};

/// The error of `script`, ending in a line break.
pub(crate) fn diagnostic(script: &str, error: &ErrorReport, killed: Option<&KilledReport>, palette: Palette) -> String {
    let gutter = error.line.map_or(1, |line| line.to_string().len());
    let mut lines = vec![title(error, palette), place(script, error, gutter, palette)];
    lines.extend(snippet(error, gutter, palette));
    let notes = [
        ("stack", stack(error)),
        ("caused by", causes(script, error)),
        ("killed", killed.map(figures)),
        ("help", error.hint.clone()),
        ("note", error.retryable.then(|| "the same run may succeed when tried again".to_owned())),
    ];
    let Palette { frame, strong, .. } = palette;
    for (name, text) in notes.iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
        let text = block(text, gutter + 3 + name.len() + 2);
        lines.push(format!("{:gutter$} {frame}={frame:#} {strong}{name}{strong:#}: {text}", ""));
    }
    lines.join("\n") + "\n"
}

fn title(error: &ErrorReport, palette: Palette) -> String {
    let Palette { error: style, strong, .. } = palette;
    let (kind, name, message) = (error.kind, one_line(&error.name), block(&error.message, 4));
    let separator = if name.is_empty() || message.is_empty() { "" } else { ": " };
    format!("{style}error[{kind}]{style:#}{strong}: {name}{separator}{message}{strong:#}")
}

fn place(script: &str, error: &ErrorReport, gutter: usize, palette: Palette) -> String {
    let frame = palette.frame;
    let mut place = one_line(script);
    for figure in [error.line, error.column].into_iter().flatten() {
        place.push_str(&format!(":{figure}"));
    }
    format!("{:gutter$}{frame}-->{frame:#} {place}", "")
}

fn snippet(error: &ErrorReport, gutter: usize, palette: Palette) -> Vec<String> {
    let (Some(line), Some(snippet)) = (error.line, &error.snippet) else { return Vec::new() };
    let Palette { frame, error: style, .. } = palette;
    let text = in_place(&snippet.text);
    let before: String = text.chars().take((snippet.caret as usize).saturating_sub(1)).collect();
    let empty = format!("{:gutter$} {frame}|{frame:#}", "");
    let code = format!("{frame}{line:gutter$} |{frame:#} {}", text.trim_end());
    let caret = format!("{empty} {:indent$}{style}^{style:#}", "", indent = columns(&before));
    vec![empty, code, caret]
}

/// The frames, unless they only repeat the place.
fn stack(error: &ErrorReport) -> Option<String> {
    let is_the_place = |frame: &Frame| {
        frame.function.is_none() && Some(frame.line) == error.line && Some(frame.column) == error.column
    };
    let repeats = error.stack.len() == 1 && error.stack.iter().all(is_the_place);
    let frames: Vec<String> = error.stack.iter().map(frame).collect();
    (!repeats && !frames.is_empty()).then(|| frames.join("\n"))
}

fn frame(frame: &Frame) -> String {
    let place = format!("{}:{}:{}", one_line(&frame.file), frame.line, frame.column);
    match &frame.function {
        Some(function) => format!("{} ({place})", one_line(function)),
        None => place,
    }
}

fn causes(script: &str, error: &ErrorReport) -> Option<String> {
    let cause = |cause: &Cause| {
        let place = match (cause.line, cause.column) {
            (Some(line), Some(column)) => format!(" ({}:{line}:{column})", one_line(script)),
            _ => String::new(),
        };
        format!("{}: {}{place}", one_line(&cause.name), one_line(&cause.message))
    };
    let causes: Vec<String> = error.causes.iter().map(cause).collect();
    (!causes.is_empty()).then(|| causes.join("\n"))
}

fn figures(killed: &KilledReport) -> String {
    let (limit, unit) = match killed.limit {
        LimitName::WallMs => ("wall time", "ms"),
        LimitName::CpuMs => ("CPU time", "ms"),
        LimitName::TenantCpuMs => ("CPU time of the tenant", "ms"),
        LimitName::MemoryBytes => ("memory", "bytes"),
    };
    let place = match killed.place {
        KilledIn::Script => "in the script",
        KilledIn::Native => "in a builtin",
        KilledIn::Host => "while it waited for the host",
    };
    format!("{limit}, {} {unit} used, {} allowed, {place}", killed.used, killed.max)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use isolet::{Snippet, Status};

    use super::*;

    fn error(kind: Status, name: &str, message: &str) -> ErrorReport {
        ErrorReport {
            kind,
            name: name.into(),
            message: message.into(),
            line: None,
            column: None,
            stack: Vec::new(),
            causes: Vec::new(),
            snippet: None,
            hint: None,
            retryable: false,
        }
    }

    fn at(line: u32, column: u32, text: &str, caret: u32) -> ErrorReport {
        ErrorReport {
            line: Some(line),
            column: Some(column),
            snippet: Some(Snippet { text: text.into(), caret }),
            ..error(Status::RuntimeError, "TypeError", "not a function")
        }
    }

    fn frame(function: Option<&str>, line: u32, column: u32) -> Frame {
        Frame { function: function.map(str::to_owned), file: "order.js".into(), line, column }
    }

    fn check(error: &ErrorReport, killed: Option<&KilledReport>, expected: &Expect) {
        expected.assert_eq(&diagnostic("order.js", error, killed, Palette::PLAIN));
    }

    #[test]
    fn the_caret_is_under_the_place() {
        let stack = vec![frame(Some("total"), 12, 5), frame(None, 20, 1)];
        let hint = Some("is it spelled right?".into());
        check(
            &ErrorReport { stack, hint, ..at(12, 5, "let x()", 5) },
            None,
            &expect![[r#"
                error[runtime_error]: TypeError: not a function
                  --> order.js:12:5
                   |
                12 | let x()
                   |     ^
                   = stack: total (order.js:12:5)
                            order.js:20:1
                   = help: is it spelled right?
            "#]],
        );
        let cause = |message: &str, line| Cause { name: "Error".into(), message: message.into(), line, column: line };
        let causes = vec![cause("the price is\nmissing", Some(3)), cause("no answer", None)];
        check(
            &ErrorReport { causes, ..error(Status::RuntimeError, "OrderError", "no order") },
            None,
            &expect![[r#"
                error[runtime_error]: OrderError: no order
                 --> order.js
                  = caused by: Error: the price is\nmissing (order.js:3:3)
                               Error: no answer
            "#]],
        );
        check(
            &ErrorReport { stack: vec![frame(None, 1, 6)], ..at(1, 6, "\u{202e}'漢字'()", 6) },
            None,
            &expect![[r#"
                error[runtime_error]: TypeError: not a function
                 --> order.js:1:6
                  |
                1 | �'漢字'()
                  |        ^
            "#]],
        );
    }

    #[test]
    fn figures_and_advice_are_told() {
        let killed = KilledReport { limit: LimitName::WallMs, place: KilledIn::Native, used: 30_004, max: 30_000 };
        check(
            &error(Status::Timeout, "TimeoutError", "the script ran too long"),
            Some(&killed),
            &expect![[r#"
                error[timeout]: TimeoutError: the script ran too long
                 --> order.js
                  = killed: wall time, 30004 ms used, 30000 allowed, in a builtin
            "#]],
        );
        check(
            &ErrorReport { retryable: true, ..error(Status::Rejected, "QueueFull", "1000 wait") },
            None,
            &expect![[r#"
                error[rejected]: QueueFull: 1000 wait
                 --> order.js
                  = note: the same run may succeed when tried again
            "#]],
        );
    }

    #[test]
    fn a_script_cannot_forge_lines() {
        let forged = error(Status::RuntimeError, "\u{1b}[2JError\n", "one\nerror[timeout]: two\r\x08");
        check(
            &forged,
            None,
            &expect![[r#"
                error[runtime_error]: \u{1b}[2JError\n: one
                    error[timeout]: two\u{d}\u{8}
                 --> order.js
            "#]],
        );
    }

    #[test]
    fn colours_add_nothing_but_colours() {
        let error = ErrorReport { hint: Some("look".into()), ..at(1, 1, "x()", 1) };
        let coloured = diagnostic("order.js", &error, None, Palette::COLOURED);
        assert!(coloured.starts_with("\u{1b}[1m\u{1b}[91merror[runtime_error]\u{1b}[0m"), "{coloured:?}");
        let mut plain = String::new();
        for (index, part) in coloured.split("\u{1b}[").enumerate() {
            plain.push_str(if index == 0 { part } else { part.split_once('m').expect("a style").1 });
        }
        assert_eq!(plain, diagnostic("order.js", &error, None, Palette::PLAIN));
    }
}
