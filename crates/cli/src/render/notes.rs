//! What is told beside the output: console lines, cuts and warnings.

use isolet::{LogLevel, LogLine, Report};

use super::palette::Palette;
use super::text::{block, one_line};

/// Columns before the message of a console line.
const LOG_INDENT: usize = 20;

/// How much of an output that was cut is shown, in characters.
const PREVIEW_LENGTH_MAX: usize = 100;

/// A console line, ending in a line break.
pub(crate) fn log_line(line: &LogLine, palette: Palette) -> String {
    let Palette { dim, .. } = palette;
    let style = match line.level {
        LogLevel::Error => palette.error,
        LogLevel::Warn => palette.warning,
        LogLevel::Info => palette.info,
        LogLevel::Debug | LogLevel::Trace => dim,
    };
    let level = line.level.as_str();
    let message = block(&line.message, LOG_INDENT);
    format!("{style}{level:<5}{style:#} {dim}{:>10.2} ms{dim:#} {message}\n", line.at_ms)
}

/// An event that a script has published, ending in a line break.
pub(crate) fn event_line(topic: &str, payload: &str, palette: Palette) -> String {
    let Palette { info, .. } = palette;
    format!("{info}event{info:#} {} {}\n", one_line(topic), one_line(payload))
}

/// Why an event was not taken, ending in a line break.
pub(crate) fn not_taken(why: &str, palette: Palette) -> String {
    let Palette { warning, .. } = palette;
    format!("{warning}warning[event]{warning:#}: an event was not taken: {}\n", one_line(why))
}

/// What the author should know though the run went well; empty if there is nothing.
pub(crate) fn notes(report: &Report, palette: Palette) -> String {
    let Palette { warning, strong, .. } = palette;
    let mut notes = String::new();
    if let Some(cut) = &report.truncated.logs {
        let text = format!("{} console lines with {} bytes were cut or dropped", cut.lines, cut.bytes);
        notes.push_str(&format!("{warning}warning[logs_truncated]{warning:#}: {text}\n"));
    }
    if let Some(cut) = &report.truncated.output {
        let text = format!("the output has {} bytes, the limit is {}; it starts with", cut.bytes, cut.limit);
        let start = one_line(&cut.preview.chars().take(PREVIEW_LENGTH_MAX).collect::<String>());
        notes.push_str(&format!("{warning}warning[output_truncated]{warning:#}: {text}\n    {start}\n"));
        notes.push_str(&format!("  = {strong}help{strong:#}: return less, or raise --output-limit\n"));
    }
    for told in &report.warnings {
        let (code, message) = (one_line(&told.code), block(&told.message, 4));
        notes.push_str(&format!("{warning}warning[{code}]{warning:#}: {message}\n"));
    }
    if report.output_undefined {
        notes.push_str(&format!("{strong}note{strong:#}: the output is undefined, shown as null\n"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn console_lines_keep_their_column() {
        let lines = [
            (LogLevel::Info, 0.254, "started"),
            (LogLevel::Warn, 12_345.6, "two\nlines"),
            (LogLevel::Debug, 3.0, "\u{1b}]0;title\x07"),
        ];
        let shown: String = lines
            .map(|(level, at_ms, message)| log_line(&LogLine { level, message: message.into(), at_ms }, Palette::PLAIN))
            .concat();
        expect![[r#"
            info        0.25 ms started
            warn    12345.60 ms two
                                lines
            debug       3.00 ms \u{1b}]0;title\u{7}
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn cuts_and_warnings_are_told() {
        let report: Report = serde_json::from_str(
            r#"{"id":"1","status":"ok","output":null,"output_undefined":true,
                "truncated":{"output":{"bytes":2000,"limit":10,"preview":"[1,2,\"\\n"},"logs":{"lines":3,"bytes":99}},
                "error":null,"killed":null,"logs":[],
                "warnings":[{"code":"calls_not_awaited","message":"2 calls were not awaited\nnote: forged"}],
                "context":{"tenant":"acme","user":null,"organization":null,"script":"a.js","revision":null},
                "queue":{"waited_us":0,"waited_for":null,"position":0},
                "metrics":{"compile_us":0,"run_us":0,"cpu_us":0,"host_wait_us":0,"reset_us":0,"cache":null,"vm":null,
                           "memory_peak_bytes":0,"host_calls":0,"host_bytes_in":0,"host_bytes_out":0,
                           "output_bytes":2000,"preemptions":0}}"#,
        )
        .expect("a report");
        expect![[r#"
            warning[logs_truncated]: 3 console lines with 99 bytes were cut or dropped
            warning[output_truncated]: the output has 2000 bytes, the limit is 10; it starts with
                [1,2,"\n
              = help: return less, or raise --output-limit
            warning[calls_not_awaited]: 2 calls were not awaited
                note: forged
            note: the output is undefined, shown as null
        "#]]
        .assert_eq(&notes(&report, Palette::PLAIN));
    }
}
