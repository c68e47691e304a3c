//! The global `console`: its setup script, and the native with which it reads and writes.
//!
//! Scripts' values stay in the VM, and what is known of them here comes as answers to questions; see [`reader`]. So the
//! VM holds next to nothing of the console, and a script can patch nothing of it.

mod calls;
mod inspect;
mod method;
mod reader;
mod table;
mod text;

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue, SetupScript};

use calls::{Console, Next};
use method::{Line, Method};
use reader::Answer;

/// Defines the global.
pub(crate) const SETUP: SetupScript = SetupScript { name: "console", source: include_str!("js/console.js") };

/// `native.console(depth, kind, text, number, flags, name)`: begins a call or answers a question, and gives the next
/// question, or -1 if the call is done. `depth` counts the calls that are not done, this one included.
pub(crate) const NATIVE: Native = Native { name: "console", arguments: 6, call: console };

fn console(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [
        NativeValue::Number(depth),
        NativeValue::String(kind),
        NativeValue::String(text),
        NativeValue::Number(number),
        NativeValue::Number(flags),
        name,
    ] = arguments
    else {
        return Err(refused());
    };
    let method = || Method::from_number(*flags).ok_or_else(refused);
    let outer = (*depth as usize).saturating_sub(1);
    let now_ms = context.elapsed().as_millis() as f64;
    let state: &mut Console = context.state();
    let next = match kind.as_str() {
        "end" => Some(Next::Done(Some(Line::unreadable(method()?)))),
        "call" => state.begin(outer, method()?, *number as usize, now_ms),
        _ => {
            let (kind, text, name) = (kind.clone(), text.clone(), name.clone());
            state.answer(outer, Answer { kind, text, number: *number, flags: *flags, name })
        }
    };
    match next.ok_or_else(refused)? {
        Next::Question(question) => return Ok(NativeValue::Number(question)),
        Next::Done(Some(Line { level, text })) => context.log(level, text),
        Next::Done(None) => {}
    }
    Ok(NativeValue::Number(-1.0))
}

fn refused() -> NativeFailure {
    NativeFailure { name: "TypeError", message: "the console's script and its native do not fit together".into() }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::{Interrupt, LogBuffer, LogLevel, MonotonicClock, Resources, RunTime, Seed};

    use super::*;

    /// Plays the script: gives one answer after another, and tells the last question and the lines.
    fn play(answers: &[(f64, &str, &str, f64, f64)]) -> (Result<f64, String>, Vec<(LogLevel, String)>) {
        let (mut logs, mut resources, mut time) = (LogBuffer::new(1_000, 10), Resources::default(), RunTime::Real);
        let interrupt = Interrupt::new(Arc::new(MonotonicClock::new()));
        let mut last = Ok(0.0);
        for &(depth, kind, text, number, flags) in answers {
            let mut context = NativeContext::new(&mut logs, &mut resources, &interrupt, Seed::Drawn(0), &mut time);
            let number_of = NativeValue::Number;
            let (kind, text) = (NativeValue::String(kind.into()), NativeValue::String(text.into()));
            let arguments = [number_of(depth), kind, text, number_of(number), number_of(flags), NativeValue::Undefined];
            last = match console(&mut context, &arguments) {
                Ok(NativeValue::Number(question)) => Ok(question),
                Ok(other) => Err(format!("{other:?}")),
                Err(failure) => Err(failure.message),
            };
        }
        (last, logs.take().into_iter().map(|line| (line.level, line.message)).collect())
    }

    const LOG: f64 = 0.0;
    const ERROR: f64 = 4.0;

    #[test]
    fn a_call_is_answered_until_its_line_is_written() {
        let (next, lines) = play(&[(1.0, "call", "", 2.0, LOG), (1.0, "string", "a", 1.0, 0.0)]);
        assert!(next.is_ok_and(|next| next > 0.0), "it asks for the second argument");
        assert!(lines.is_empty());
        let answers = [(1.0, "call", "", 2.0, ERROR), (1.0, "string", "a", 1.0, 0.0), (1.0, "number", "-0", -0.0, 0.0)];
        assert_eq!(play(&answers), (Ok(-1.0), vec![(LogLevel::Error, "a -0".into())]));
        assert_eq!(play(&[(1.0, "call", "", 0.0, LOG)]), (Ok(-1.0), vec![(LogLevel::Info, String::new())]));
    }

    #[test]
    fn a_call_inside_another_one_leaves_it_as_it_is() {
        let (next, lines) = play(&[
            (1.0, "call", "", 1.0, LOG),
            (2.0, "call", "", 1.0, ERROR),
            (2.0, "object", "", 0.0, 0.0),
            (1.0, "string", "outer", 5.0, 0.0),
        ]);
        assert_eq!((next, lines.len()), (Ok(-1.0), 2));
        assert_eq!(lines, [(LogLevel::Error, "[Object]".into()), (LogLevel::Info, "outer".into())]);
    }

    #[test]
    fn a_call_that_was_left_is_forgotten() {
        let (next, lines) = play(&[
            (1.0, "call", "", 1.0, LOG),
            (2.0, "call", "", 1.0, LOG),
            (1.0, "string", "outer", 5.0, 0.0),
            (2.0, "string", "inner", 5.0, 0.0),
        ]);
        assert!(next.is_err());
        assert_eq!(lines, [(LogLevel::Info, "outer".into())]);
        let (next, lines) = play(&[(1.0, "call", "", 1.0, ERROR), (0.0, "end", "", 0.0, ERROR)]);
        assert_eq!((next, lines), (Ok(-1.0), vec![(LogLevel::Error, "[unreadable]".into())]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for answers in [(1.0, "string", "", 0.0, 0.0), (1.0, "call", "", 0.0, 17.0), (0.0, "end", "", 0.0, f64::NAN)] {
            assert!(play(&[answers]).0.is_err(), "{answers:?}");
        }
    }

    /// The numbers of functions and of what is asked for are positions in two lists of the script.
    #[test]
    fn the_script_has_the_order_of_rust() {
        let in_order = |list: &str, names: &mut dyn Iterator<Item = String>| {
            names.fold(list.to_owned(), |rest, name| {
                let (_, rest) = rest.split_once(&name).unwrap_or_else(|| panic!("{name} is missing or misplaced"));
                rest.to_owned()
            })
        };
        let list = |start: &str| {
            let (_, rest) = SETUP.source.split_once(start).expect("a list");
            rest.split_once("];").expect("an end").0
        };
        let methods = Method::ALL.into_iter().map(|(_, name)| format!("'{name}'"));
        in_order(list("const names = ["), &mut methods.into_iter());
        let keys = reader::Prototype::NAMES.into_iter().filter(|name| !["RegExp", "TypedArray"].contains(name));
        in_order(list("const table = ["), &mut keys.map(|name| format!(" {name}.prototype")));
    }

    /// Whoever has an engine runs these cases; here they are checked for their form.
    #[test]
    fn the_cases_are_well_formed() {
        let cases: serde_json::Value = serde_json::from_str(include_str!("../tests/console.json")).expect("JSON");
        let cases = cases["cases"].as_array().expect("cases");
        assert!(cases.len() >= 60);
        for case in cases {
            assert!(case["call"].as_str().is_some_and(|call| call.contains("console")), "{case}");
            for line in case["lines"].as_array().expect("lines") {
                assert!(LogLevel::ALL.iter().any(|level| line["level"] == level.as_str()), "{line}");
                let long = line["starts"].is_string() && line["characters"].is_u64();
                assert!(line["message"].is_string() || long, "{line}");
            }
        }
    }
}
