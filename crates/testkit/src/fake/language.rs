//! The language of the fake engine: statements, and the parser that refuses everything else with its place.

use std::sync::Arc;

use isolet_core_traits::{FailureKind, HostFailureKind, JsonText, LogLevel, Place};
use serde_json::value::RawValue;

/// A parsed source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// The statements that run while the source is compiled.
    pub(crate) compile: Vec<Line>,
    /// The statements that run when the program is started.
    pub(crate) run: Vec<Line>,
}

/// A statement and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) place: Place,
    pub(crate) statement: Statement,
}

#[derive(Debug, Clone)]
pub(crate) enum Statement {
    Output(Expression),
    /// A JSON string of so many bytes as output.
    Big(u64),
    Log(LogLevel, String),
    Warn {
        code: String,
        message: String,
    },
    Throw {
        kind: FailureKind,
        name: String,
        message: String,
    },
    /// Makes a call and waits for its reply.
    Call(Callee),
    /// The same; a failure becomes the reply.
    TryCall(Callee),
    /// Makes a call and goes on.
    Spawn(Callee),
    Await(Wanted),
    /// Does not want the reply of the call with this number any more.
    Cancel(u32),
    /// Polls the interrupt so many times, or until it says stop.
    Spin {
        polls: Option<u32>,
        native: bool,
    },
    Preempt(u32),
    Alloc(u64),
    Free,
    Remember(Arc<str>),
    Stall,
    Panic,
    Fault,
}

#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Undefined,
    Json(Arc<str>),
    Input,
    Context,
    Reply,
    Replies,
    Random,
    Remembered,
    /// Something that is no JSON.
    Function,
}

/// An operation by its names, with its arguments.
#[derive(Debug, Clone)]
pub(crate) struct Callee {
    pub(crate) namespace: String,
    pub(crate) operation: String,
    /// The elements of the array of arguments, as JSON.
    pub(crate) arguments: Vec<Arc<str>>,
}

/// Which spawned calls an `await` waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Next,
    Any,
    All,
}

/// Why a source is refused, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// Reads a source: one statement a line, or several with `;` between them; `//` starts a comment.
pub(crate) fn parse(text: &str) -> Result<Script, Refusal> {
    let mut script = Script::default();
    for (at, line) in text.lines().enumerate() {
        let line_number = u32::try_from(at + 1).unwrap_or(u32::MAX);
        for (column, statement) in statements(line) {
            let place = Place { line: line_number, column };
            let refusal = |message| Refusal { place, message };
            if let Some(statement) = statement.strip_prefix("compile ") {
                let statement = compile_statement(statement.trim()).map_err(refusal)?;
                script.compile.push(Line { place, statement });
            } else {
                let statement = run_statement(statement).map_err(refusal)?;
                script.run.push(Line { place, statement });
            }
        }
    }
    Ok(script)
}

/// The statements of a line, each with its column: split at `;` outside of JSON strings, until `//`.
fn statements(line: &str) -> Vec<(u32, &str)> {
    let mut cuts = vec![0];
    let (mut in_string, mut escaped, mut end) = (false, false, line.len());
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            ';' if !in_string => cuts.push(at + 1),
            '/' if !in_string && line[at..].starts_with("//") => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let ends = cuts.iter().skip(1).map(|cut| cut - 1).chain([end]);
    let (mut counted_bytes, mut counted) = (0, 0);
    let parts = cuts.iter().zip(ends).filter_map(|(&start, end)| {
        let part = &line[start..end];
        let start = start + (part.len() - part.trim_start().len());
        counted += line[counted_bytes..start].chars().count();
        counted_bytes = start;
        let column = u32::try_from(counted + 1).unwrap_or(u32::MAX);
        (!part.trim().is_empty()).then_some((column, part.trim()))
    });
    parts.collect()
}

fn compile_statement(text: &str) -> Result<Statement, String> {
    match run_statement(text)? {
        statement @ (Statement::Spin { .. }
        | Statement::Preempt(_)
        | Statement::Alloc(_)
        | Statement::Panic
        | Statement::Fault) => Ok(statement),
        _ => Err(format!("{text:?} does nothing while compiling: use spin, preempt, alloc, panic or fault")),
    }
}

fn run_statement(text: &str) -> Result<Statement, String> {
    let (word, rest) = split(text);
    match word {
        "output" => expression(rest).map(Statement::Output),
        "undefined" => bare(rest, Statement::Output(Expression::Undefined)),
        "big" => size(rest).map(Statement::Big),
        "log" => log(rest),
        "warn" => {
            let (code, message) = split(rest);
            Ok(Statement::Warn { code: word_of(code, "a code")?, message: message.to_owned() })
        }
        "throw" => throw(FailureKind::Runtime, rest),
        "fail" => fail(rest),
        "call" => callee(rest).map(Statement::Call),
        "try" => match split(rest) {
            ("call", rest) => callee(rest).map(Statement::TryCall),
            _ => Err("try needs a call: try call crm.lookup [1]".into()),
        },
        "spawn" => callee(rest).map(Statement::Spawn),
        "await" => match rest {
            "" => Ok(Statement::Await(Wanted::Next)),
            "any" => Ok(Statement::Await(Wanted::Any)),
            "all" => Ok(Statement::Await(Wanted::All)),
            _ => Err(format!("await {rest}: use await, await any or await all")),
        },
        "cancel" => number(rest).map(Statement::Cancel),
        "spin" => spin(rest),
        "preempt" => number(rest).map(Statement::Preempt),
        "alloc" => size(rest).map(Statement::Alloc),
        "free" => bare(rest, Statement::Free),
        "remember" => json(rest).map(Statement::Remember),
        "stall" => bare(rest, Statement::Stall),
        "panic" => bare(rest, Statement::Panic),
        "fault" => bare(rest, Statement::Fault),
        _ => Err(format!("unexpected {word:?}")),
    }
}

fn split(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(word, rest)| (word, rest.trim_start()))
}

fn bare(rest: &str, statement: Statement) -> Result<Statement, String> {
    if rest.is_empty() { Ok(statement) } else { Err(format!("unexpected {rest:?}")) }
}

fn word_of(word: &str, what: &str) -> Result<String, String> {
    if word.is_empty() { Err(format!("{what} is missing")) } else { Ok(word.to_owned()) }
}

fn expression(text: &str) -> Result<Expression, String> {
    Ok(match text {
        "undefined" => Expression::Undefined,
        "input" => Expression::Input,
        "context" => Expression::Context,
        "reply" => Expression::Reply,
        "replies" => Expression::Replies,
        "random" => Expression::Random,
        "remembered" => Expression::Remembered,
        "function" => Expression::Function,
        _ => Expression::Json(json(text)?),
    })
}

fn json(text: &str) -> Result<Arc<str>, String> {
    JsonText::parse(text).map(|json| json.as_str().into()).map_err(|error| error.to_string())
}

fn log(rest: &str) -> Result<Statement, String> {
    let (level, message) = split(rest);
    let level = LogLevel::ALL.into_iter().find(|known| known.as_str() == level);
    let level = level.ok_or("log needs a level: trace, debug, info, warn or error")?;
    Ok(Statement::Log(level, message.to_owned()))
}

fn throw(kind: FailureKind, rest: &str) -> Result<Statement, String> {
    let (name, message) = split(rest);
    Ok(Statement::Throw { kind, name: word_of(name, "the error's name")?, message: message.to_owned() })
}

fn fail(rest: &str) -> Result<Statement, String> {
    let (kind, rest) = split(rest);
    let kind = match kind {
        "runtime" => FailureKind::Runtime,
        "sandbox" => FailureKind::SandboxViolation,
        "rate" => FailureKind::RateLimited,
        "output" => FailureKind::Output,
        "host" => FailureKind::Host,
        _ => return Err("fail needs a kind: runtime, sandbox, rate, output or host".into()),
    };
    throw(kind, rest)
}

fn callee(rest: &str) -> Result<Callee, String> {
    let (name, arguments) = split(rest);
    let (namespace, operation) = name.split_once('.').ok_or("a call needs NAMESPACE.OPERATION")?;
    let arguments = if arguments.is_empty() { "[]" } else { arguments };
    let arguments: Vec<Box<RawValue>> =
        serde_json::from_str(arguments).map_err(|error| format!("the arguments are no JSON array: {error}"))?;
    let arguments = arguments.iter().map(|argument| argument.get().into()).collect();
    Ok(Callee { namespace: namespace.to_owned(), operation: operation.to_owned(), arguments })
}

fn spin(rest: &str) -> Result<Statement, String> {
    Ok(match rest {
        "" => Statement::Spin { polls: None, native: false },
        "native" => Statement::Spin { polls: None, native: true },
        _ => Statement::Spin { polls: Some(number(rest)?), native: false },
    })
}

fn number(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| format!("{text:?} is no number"))
}

fn size(text: &str) -> Result<u64, String> {
    let units = [("KiB", 10), ("MiB", 20), ("GiB", 30), ("", 0)];
    let parsed = units.iter().find_map(|(unit, shift)| {
        let digits: u64 = text.strip_suffix(unit)?.parse().ok()?;
        digits.checked_mul(1 << shift)
    });
    parsed.ok_or_else(|| format!("{text:?} is no size: write 100, 64KiB, 2MiB or 1GiB"))
}

/// What an uncaught host failure makes of a run.
pub(crate) fn failure_kind(kind: HostFailureKind) -> FailureKind {
    match kind {
        HostFailureKind::Failed => FailureKind::Host,
        HostFailureKind::BadArguments => FailureKind::Runtime,
        HostFailureKind::RateLimited => FailureKind::RateLimited,
        HostFailureKind::Denied => FailureKind::SandboxViolation,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_statements() {
        let text = "log info a ;  output \"x;y\"\n\n// all of it\n  stall // one\nüü\"ö\";throw E m";
        let error = parse(text).expect_err("üü is no statement");
        assert_eq!(error.place, Place { line: 5, column: 1 });
        let script = parse(text.lines().next().expect("a line")).expect("a script");
        let places: Vec<_> = script.run.iter().map(|line| (line.place.line, line.place.column)).collect();
        assert_eq!(places, [(1, 1), (1, 15)]);
        assert_eq!(statements("log info \"ä;ö\" ; stall")[1], (18, "stall"));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        for (text, message) in [
            ("syntax!", "unexpected \"syntax!\""),
            ("stall 3", "unexpected \"3\""),
            ("output {", "not valid JSON: EOF while parsing an object at line 1 column 1"),
            ("call lookup", "a call needs NAMESPACE.OPERATION"),
            (
                "call crm.lookup 1",
                "the arguments are no JSON array: invalid type: integer `1`, expected a sequence at line 1 column 1",
            ),
            ("try stall", "try needs a call: try call crm.lookup [1]"),
            ("alloc 3 MB", "\"3 MB\" is no size: write 100, 64KiB, 2MiB or 1GiB"),
            ("alloc 99999999999GiB", "\"99999999999GiB\" is no size: write 100, 64KiB, 2MiB or 1GiB"),
            ("log loud x", "log needs a level: trace, debug, info, warn or error"),
            ("throw", "the error's name is missing"),
            ("fail hard E", "fail needs a kind: runtime, sandbox, rate, output or host"),
            ("preempt x", "\"x\" is no number"),
            ("await both", "await both: use await, await any or await all"),
            ("compile output 1", "\"output 1\" does nothing while compiling: use spin, preempt, alloc, panic or fault"),
        ] {
            assert_eq!(parse(text).expect_err(text).message, message);
        }
    }
}
