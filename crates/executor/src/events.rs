//! What the log is told: one event for each execution that was not ok, and console lines if that is wanted.

use std::borrow::Cow;

use isolet_core_traits::{Frame, LogLevel, LogLine, Report, RunInfo, Status};

use crate::panics::Panic;

/// The one event of an execution that was not ok: an error if the host or the engine is at fault, else a warning.
pub(crate) fn execution(report: &Report, run: &RunInfo, panic: Option<&Panic>) {
    let Some(error) = &report.error else { return };
    let stack = error.stack.iter().map(line).collect::<Vec<_>>().join("\n");
    macro_rules! emit {
        ($level:ident) => {
            tracing::$level!(
                target: "isolet",
                id = %report.id,
                tenant = %report.context.tenant,
                script = %report.context.script,
                status = %report.status,
                name = error.name,
                stack,
                traceparent = run.traceparent.as_deref(),
                panic = panic.map(tracing::field::display),
                "{}", one_line(&error.message),
            )
        };
    }
    match report.status {
        Status::Ok => {}
        Status::HostError | Status::EngineFault => emit!(error),
        _ => emit!(warn),
    }
}

fn line(frame: &Frame) -> String {
    let Frame { function, file, line, column } = frame;
    format!("at {} ({file}:{line}:{column})", function.as_deref().unwrap_or("<anonymous>"))
}

/// Text of a script with its control characters escaped: subscribers write messages as they are, and a script must not
/// be able to forge a line of the log.
fn one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return text.into();
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escape).collect::<String>().into()
}

/// A console line of a script.
pub(crate) fn console(line: &LogLine, run: &RunInfo) {
    macro_rules! emit {
        ($level:ident) => {
            tracing::$level!(
                target: "isolet::console",
                execution = %run.execution,
                tenant = %run.tenant,
                script = %run.script,
                "{}", one_line(&line.message),
            )
        };
    }
    match line.level {
        LogLevel::Trace => emit!(trace),
        LogLevel::Debug => emit!(debug),
        LogLevel::Info => emit!(info),
        LogLevel::Warn => emit!(warn),
        LogLevel::Error => emit!(error),
    }
}
