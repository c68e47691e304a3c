//! Reading an exception as its author should see it.
//!
//! Everything of an exception is the script's: getters and proxies run code, under the run's limits. So each piece is
//! [taken](take) on its own and may be missing, and whoever [reads](read) them asks whether the run was stopped meanwhile.

use std::ffi::CStr;

use isolet_core_traits::{Cause, FailureKind, Frame, Place, ScriptFailure, SourceName};

use crate::js::{Js, Text, Value};
use crate::program::place;
use crate::realm::Realm;
use crate::state;

/// The file name under which every source is compiled: programs are shared by sources of different names.
pub(crate) const FILE: &CStr = c"script";
/// The file name of setup scripts. Their frames are left out.
pub(crate) const SETUP_FILE: &CStr = c"setup";

/// What is read of a stack's text, which may be the script's own.
const STACK_BYTES_MAX: usize = 64 << 10;
/// Where a function's name is cut.
const FUNCTION_BYTES_MAX: usize = 256;

/// What is needed to tell positions.
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a SourceName,
    pub(crate) wide_text: Option<&'a str>,
}

/// What was read from an exception, or from the reason of a rejection. Texts are where the engine wrote them.
pub(crate) struct Exception {
    kind: FailureKind,
    retryable: bool,
    shape: Shape,
}

pub(crate) enum Shape {
    /// An error, or what looks like one (as a `DOMException` does).
    Error {
        name: Option<Text>,
        message: Option<Text>,
        class: Option<Text>,
        stack: Option<Text>,
    },
    Symbol(Option<Text>),
    /// JSON for objects, the value itself for others.
    Value(Option<Text>),
}

/// Reads an exception. Runs script code. What led to it is in the state's [`causes`](state::RunState::causes) then: on the
/// fiber's stack there is no place for a list.
pub(crate) fn take(js: Js, exception: &Value) -> Exception {
    let (kind, retryable) = state::with(js, |state| {
        let known = state.run.host_errors.iter().find(|known| known.error.is_same_object(exception));
        known.map_or((FailureKind::Runtime, false), |known| (known.kind, known.retryable))
    });
    let mut led = Led { to: exception, values: [const { None }; _], count: 0 };
    let shape = shape(js, exception, &mut led);
    state::with(js, |state| state.causes.clear());
    for number in 0..ScriptFailure::CAUSES_MAX {
        let Some(cause) = led.values[number].take() else { break };
        let shape = self::shape(js, &cause, &mut led);
        state::with(js, |state| state.causes.push(shape));
        js.free(cause);
    }
    Exception { kind, retryable, shape }
}

/// What led to an exception, in the order in which it is told.
struct Led<'a> {
    to: &'a Value,
    values: [Option<Value>; ScriptFailure::CAUSES_MAX],
    count: usize,
}

impl Led<'_> {
    fn push(&mut self, js: Js, cause: Value) {
        let is_one = !cause.is_undefined() && !cause.is_null() && !cause.is_same_object(self.to);
        match self.values.get_mut(self.count) {
            Some(place) if is_one => {
                *place = Some(cause);
                self.count += 1;
            }
            _ => js.free(cause),
        }
    }
}

/// The shape of a value. What led to it has its turn later.
fn shape(js: Js, value: &Value, led: &mut Led<'_>) -> Shape {
    let Some(shape) = error(js, value) else { return other(js, value) };
    if matches!(&shape, Shape::Error { name: Some(name), .. } if name.as_bytes() == b"AggregateError") {
        members(js, value, led);
    }
    if let Ok(cause) = js.get(value, c"cause").map_err(|thrown| js.swallow(thrown)) {
        led.push(js, cause);
    }
    shape
}

/// The first `errors` of an error.
fn members(js: Js, error: &Value, led: &mut Led<'_>) {
    let Ok(errors) = js.get(error, c"errors").map_err(|thrown| js.swallow(thrown)) else { return };
    // An array that is no proxy: its length is a number.
    let length =
        if errors.is_array() { js.get(&errors, c"length").map_err(|thrown| js.swallow(thrown)).ok() } else { None };
    let length = length.and_then(|length| length.as_number()).unwrap_or_default();
    for index in (0..ScriptFailure::CAUSES_MAX as u32).take_while(|index| f64::from(*index) < length) {
        if let Ok(member) = js.get_index(&errors, index).map_err(|thrown| js.swallow(thrown)) {
            led.push(js, member);
        }
    }
    js.free(errors);
}

fn error(js: Js, error: &Value) -> Option<Shape> {
    if !error.is_object() {
        return None;
    }
    let name = property(js, error, c"name").filter(|name| !name.as_bytes().is_empty());
    let message = property(js, error, c"message");
    let class = class_name(js, error);
    let is_named = name.is_some() || class.as_ref().is_some_and(|class| class.as_bytes() != b"Object");
    let is_alike = is_named && message.is_some();
    if !error.is_error() && !is_alike {
        return None;
    }
    Some(Shape::Error { name, message, class, stack: property(js, error, c"stack") })
}

fn class_name(js: Js, error: &Value) -> Option<Text> {
    let constructor = js.get(error, c"constructor").map_err(|thrown| js.swallow(thrown)).ok()?;
    let name = js.is_function(&constructor).then(|| property(js, &constructor, c"name")).flatten();
    js.free(constructor);
    name.filter(|name| !name.as_bytes().is_empty())
}

/// A property as text, if reading it and converting it does not throw.
fn property(js: Js, object: &Value, name: &CStr) -> Option<Text> {
    let value = js.get(object, name).map_err(|thrown| js.swallow(thrown)).ok()?;
    let text = match value.is_undefined() || value.is_symbol() {
        true => None,
        false => js.text(&value).map_err(|thrown| js.swallow(thrown)).ok(),
    };
    js.free(value);
    text
}

fn other(js: Js, value: &Value) -> Shape {
    let swallow = |thrown| js.swallow(thrown);
    if value.is_symbol() {
        return Shape::Symbol(js.description(value).map_err(swallow).ok());
    }
    let text = match value.is_object() && !js.is_function(value) {
        true => js.stringify(value, &Value::UNDEFINED).and_then(|json| js.text(&json)),
        false => js.text(value),
    };
    Shape::Value(text.map_err(swallow).ok())
}

/// The failure that an exception is to its author; `None` if its texts are not where they must be.
pub(crate) fn read(
    realm: &Realm,
    exception: &Exception,
    causes: &[Shape],
    origin: &Origin<'_>,
) -> Option<ScriptFailure> {
    let mut failure = read_shape(realm, exception.kind, &exception.shape, origin)?;
    failure.retryable = exception.retryable;
    for cause in causes {
        let ScriptFailure { name, message, place, .. } = read_shape(realm, exception.kind, cause, origin)?;
        let (line, column) = place.map(|place| (place.line, place.column)).unzip();
        failure.causes.push(Cause { name, message, line, column });
    }
    Some(failure)
}

fn read_shape(realm: &Realm, kind: FailureKind, shape: &Shape, origin: &Origin<'_>) -> Option<ScriptFailure> {
    let text = |text: &Option<Text>| match text {
        Some(text) => realm.read(text).map(|text| Some(cut(&text))),
        None => Some(None),
    };
    let failure = match shape {
        Shape::Error { name, message, class, stack } => {
            let class = text(class)?;
            let name = match (text(name)?, class.clone()) {
                // A class of the author's that did not set a name of its own.
                (Some(name), Some(class)) if name == "Error" => class,
                (Some(name), _) => name,
                (None, class) => class.unwrap_or_else(|| "Error".into()),
            };
            let mut failure = ScriptFailure::new(kind, name, text(message)?.unwrap_or_default());
            let stack = stack.as_ref().map_or(Some("".into()), |stack| realm.read(stack))?;
            failure.stack = frames(&stack, origin);
            // The constructors of the author's error classes are not where it was thrown.
            let is_constructor = |frame: &&Frame| class.is_some() && frame.function == class;
            let constructors = failure.stack.iter().take_while(is_constructor).count();
            failure.stack.drain(..constructors);
            failure.place = failure.stack.first().map(|frame| Place { line: frame.line, column: frame.column });
            failure
        }
        Shape::Symbol(description) => {
            let description = text(description)?.unwrap_or_default();
            ScriptFailure::new(kind, "NonError", format!("Symbol({description})"))
        }
        Shape::Value(shown) => {
            let shown = text(shown)?.unwrap_or_else(|| "a value that cannot be shown".into());
            ScriptFailure::new(kind, "NonError", shown)
        }
    };
    Some(failure)
}

/// No more of a text than a report can show several times over.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(4 * ScriptFailure::MESSAGE_BYTES_MAX)].to_owned()
}

/// Reads QuickJS's stack text: lines of `    at NAME (FILE:LINE:COLUMN)` or `    at FILE:LINE:COLUMN`.
/// Keeps the frames of the author's source.
pub(crate) fn frames(stack: &str, origin: &Origin<'_>) -> Vec<Frame> {
    let stack = &stack[..stack.floor_char_boundary(STACK_BYTES_MAX)];
    stack.lines().filter_map(|line| frame(line, origin)).take(ScriptFailure::FRAMES_MAX).collect()
}

fn frame(line: &str, origin: &Origin<'_>) -> Option<Frame> {
    let line = line.trim_start().strip_prefix("at ")?;
    let (function, position) = match line.strip_suffix(')').and_then(|line| line.rsplit_once(" (")) {
        Some((function, position)) => (function, position),
        None => ("", line),
    };
    let (rest, column) = position.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    if file.as_bytes() != FILE.to_bytes() {
        return None;
    }
    let Place { line, column } = place(line.parse().ok()?, column.parse().ok()?, origin.wide_text);
    let anonymous = matches!(function, "" | "<anonymous>" | "<eval>");
    let function = (!anonymous).then(|| function[..function.floor_char_boundary(FUNCTION_BYTES_MAX)].to_owned());
    Some(Frame { function, file: origin.name.to_string(), line, column })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stacks_are_read_as_the_author_sees_them() {
        let name = SourceName::new("order.js").expect("a name");
        let stack = "    at price (script:3:7)\n    at map (native)\n    at <anonymous> (script:1:2)\n\
                     \x20   at log (setup:9:9)\n    at odd (name) (script:4:1)\n    at script:8:5\nnonsense\n    at x (script:a:b)";
        let frames = frames(stack, &Origin { name: &name, wide_text: None });
        let shown: Vec<_> = frames.iter().map(|frame| (frame.function.as_deref(), frame.line, frame.column)).collect();
        assert_eq!(shown, [(Some("price"), 3, 7), (None, 1, 2), (Some("odd (name)"), 4, 1), (None, 8, 5)]);
        assert!(frames.iter().all(|frame| frame.file == "order.js"));
        let long = format!("    at {} (script:1:1)", "ä".repeat(1_000));
        let frames = self::frames(&long, &Origin { name: &name, wide_text: None });
        assert_eq!(frames[0].function.as_ref().map(String::len), Some(FUNCTION_BYTES_MAX));
        let origin = Origin { name: &name, wide_text: None };
        assert!(self::frames(&format!("{}{stack}", "x\n".repeat(STACK_BYTES_MAX)), &origin).is_empty());
    }
}
