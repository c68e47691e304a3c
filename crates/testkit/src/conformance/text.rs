//! Steps and ends in a few words, as rows expect them.

use std::any::Any;

use isolet_core_traits::{
    CallId, CompileFailure, End, HostCall, HostInterface, LogLine, Outcome, Output, ScriptFailure, Step,
};

/// A step: `calls 0:test.echo[7]`, `preempted`, `stalled`, or an end.
pub(super) fn step(step: &Step, host: &HostInterface) -> String {
    match step {
        Step::Done(outcome) => end(&outcome.end),
        Step::HostCalls { calls, cancelled } => {
            let calls = calls.iter().map(|made| format!(" {}", call(made, host)));
            let cancelled = cancelled.iter().map(|CallId(id)| format!(" not {id}"));
            format!("calls{}", calls.chain(cancelled).collect::<String>())
        }
        Step::Preempted => "preempted".into(),
        Step::Stalled => "stalled".into(),
    }
}

fn call(call: &HostCall, host: &HostInterface) -> String {
    let name = host.operation(call.operation).map_or_else(
        || "no such operation".into(),
        |(namespace, operation)| format!("{}.{}", namespace.name, operation.name),
    );
    format!("{}:{name}{}", call.id.0, shortened(&call.payload.json))
}

/// An end: `done [1]`, `failed Runtime TypeError: broken`, `aborted Deadline in Script`, `out of memory`, `fault`.
pub(crate) fn end(end: &End) -> String {
    match end {
        End::Output(Output::Undefined) => "done undefined".into(),
        End::Output(Output::Json(json)) => format!("done {}", shortened(json)),
        End::Output(Output::Oversized { bytes, .. }) => format!("oversized {bytes}"),
        End::Failed(failure) => failed(failure),
        End::Aborted { why, place } => format!("aborted {why:?} in {place:?}"),
        End::OutOfMemory { writing_output, .. } => {
            if *writing_output {
                "out of memory writing output".into()
            } else {
                "out of memory".into()
            }
        }
        End::EngineFault => "fault".into(),
    }
}

pub(super) fn failed(failure: &ScriptFailure) -> String {
    format!("failed {:?} {}: {}", failure.kind, failure.name, shortened(&failure.message))
}

pub(crate) fn compiled<P>(result: &Result<P, CompileFailure>) -> String {
    match result {
        Ok(_) => "compiled".into(),
        Err(CompileFailure::Syntax(failure)) => {
            let place = failure.place.map_or("no place".into(), |place| format!("{}:{}", place.line, place.column));
            format!("syntax error at {place}: {}: {}", failure.name, shortened(&failure.message))
        }
        Err(CompileFailure::Aborted(why)) => format!("aborted {why:?}"),
        Err(CompileFailure::OutOfMemory { .. }) => "out of memory".into(),
        Err(CompileFailure::EngineFault) => "fault".into(),
        Err(other) => format!("{other:?}"),
    }
}

/// Lines: `info:hello warn:careful`.
pub(crate) fn logs(lines: &[LogLine]) -> String {
    let lines = lines.iter().map(|line| format!("{}:{}", line.level.as_str(), shortened(&line.message)));
    lines.collect::<Vec<_>>().join(" ")
}

pub(super) fn warnings(outcome: &Outcome) -> String {
    outcome.warnings.iter().map(|warning| warning.code.as_str()).collect::<Vec<_>>().join(" ")
}

/// A text that fits on a line.
pub(crate) fn shortened(text: &str) -> String {
    const BYTES_MAX: usize = 300;
    if text.len() <= BYTES_MAX {
        return text.to_owned();
    }
    format!("{}… ({} bytes)", &text[..text.floor_char_boundary(BYTES_MAX)], text.len())
}

/// What a panic said.
pub(super) fn panic(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("something").to_owned()
}
