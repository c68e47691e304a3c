//! Reading an exception as its author should see it.
//!
//! Everything of an exception is the script's: getters and proxies run code, under the run's limits. So each piece is
//! read on its own and may be missing, and whoever calls [`read`] asks afterwards whether the run was stopped meanwhile.

use isolet_core_traits::{FailureKind, Frame, Place, ScriptFailure, SourceName};

use crate::js::{Js, Value};
use crate::program::place;
use crate::state;

/// The file name under which every source is compiled: programs are shared by sources of different names.
pub(crate) const FILE: &std::ffi::CStr = c"script";
/// The file name of setup scripts. Their frames are left out.
pub(crate) const SETUP_FILE: &std::ffi::CStr = c"setup";

/// What is needed to tell positions.
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a SourceName,
    pub(crate) wide_text: Option<&'a str>,
}

/// Consumes an exception that was thrown, or the reason of a rejection.
pub(crate) fn read(js: Js, exception: Value, origin: &Origin<'_>) -> ScriptFailure {
    let (kind, retryable) = state::with(js, |state| {
        let known = state.host_errors.iter().find(|known| known.error.is_same_object(&exception));
        known.map_or((FailureKind::Runtime, false), |known| (known.kind, known.retryable))
    });
    let mut failure = match read_error(js, &exception, kind, origin) {
        Some(failure) => failure,
        None => ScriptFailure::new(kind, "NonError", describe(js, &exception)),
    };
    failure.retryable = retryable;
    js.free(exception);
    failure
}

/// `None` if it is neither an error nor looks like one (as a `DOMException` does).
fn read_error(js: Js, error: &Value, kind: FailureKind, origin: &Origin<'_>) -> Option<ScriptFailure> {
    if !error.is_object() {
        return None;
    }
    let name = property(js, error, c"name").filter(|name| !name.is_empty());
    let message = property(js, error, c"message");
    let class = class_name(js, error);
    let is_named = name.is_some() || class.as_ref().is_some_and(|class| class != "Object");
    let is_alike = is_named && message.is_some();
    if !error.is_error() && !is_alike {
        return None;
    }
    let stack = property(js, error, c"stack").unwrap_or_default();
    let name = match (name, class.clone()) {
        // A class of the author's that did not set a name of its own.
        (Some(name), Some(class)) if name == "Error" => class,
        (Some(name), _) => name,
        (None, class) => class.unwrap_or_else(|| "Error".into()),
    };
    let mut failure = ScriptFailure::new(kind, name, message.unwrap_or_default());
    failure.stack = frames(&stack, origin);
    // The constructors of the author's error classes are not where it was thrown.
    let constructors = failure.stack.iter().take_while(|frame| class.is_some() && frame.function == class).count();
    failure.stack.drain(..constructors);
    failure.place = failure.stack.first().map(|frame| Place { line: frame.line, column: frame.column });
    Some(failure)
}

fn class_name(js: Js, error: &Value) -> Option<String> {
    let constructor = js.get(error, c"constructor").map_err(|thrown| js.swallow(thrown)).ok()?;
    let name = js.is_function(&constructor).then(|| property(js, &constructor, c"name")).flatten();
    js.free(constructor);
    name.filter(|name| !name.is_empty())
}

/// A property as text, if reading it and converting it does not throw.
fn property(js: Js, object: &Value, name: &std::ffi::CStr) -> Option<String> {
    let value = js.get(object, name).map_err(|thrown| js.swallow(thrown)).ok()?;
    let text = match value.is_undefined() || value.is_symbol() {
        true => None,
        false => js.with_text(&value, cut).map_err(|thrown| js.swallow(thrown)).ok(),
    };
    js.free(value);
    text
}

/// No more of a text than a report can show several times over.
fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(4 * ScriptFailure::MESSAGE_BYTES_MAX)].to_owned()
}

/// A thrown value that is no error: JSON for objects, the value itself for others.
fn describe(js: Js, value: &Value) -> String {
    if value.is_symbol() {
        return js.symbol_text(value);
    }
    if value.is_object() && !js.is_function(value) {
        let json = js.stringify(value, &Value::UNDEFINED).and_then(|json| js.with_text(&json, cut));
        return json.map_err(|thrown| js.swallow(thrown)).unwrap_or_else(|()| "an object that cannot be shown".into());
    }
    js.with_text(value, cut)
        .map_err(|thrown| js.swallow(thrown))
        .unwrap_or_else(|()| "a value that cannot be shown".into())
}

/// Reads QuickJS's stack text: lines of `    at NAME (FILE:LINE:COLUMN)` or `    at FILE:LINE:COLUMN`.
/// Keeps the frames of the author's source.
pub(crate) fn frames(stack: &str, origin: &Origin<'_>) -> Vec<Frame> {
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
    let function = (!anonymous).then(|| function.to_owned());
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
    }
}
