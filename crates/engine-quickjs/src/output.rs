//! Writing the output as JSON, and telling why it cannot be written.

use std::ffi::c_int;

use isolet_core_traits::{FailureKind, Output, ScriptFailure};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::failure::{self, Origin};
use crate::js::{Js, Result, Thrown, Value};
use crate::state;

/// The output of a run, or why it has none. Runs script code: `toJSON`, getters and proxies.
pub(crate) fn write(js: Js, value: &Value, origin: &Origin<'_>) -> std::result::Result<Output, ScriptFailure> {
    if value.is_undefined() {
        return Ok(Output::Undefined);
    }
    let bytes_max = state::with(js, |state| {
        state.writing_output = true;
        state.limits.output_bytes
    });
    let written = js.stringify(value, &Value::UNDEFINED).and_then(|json| match json.is_undefined() {
        true => Ok(None),
        false => js.with_text(&json, |text| Output::limited(text, bytes_max)).map(Some),
    });
    match written {
        Ok(Some(output)) => Ok(output),
        Ok(None) => Err(no_json(js, value)),
        Err(thrown) => {
            let exception = js.exception(thrown);
            let unwritable = find_unwritable(js, value, &exception);
            Err(unwritable.unwrap_or_else(|| failure::read(js, exception, origin)))
        }
    }
}

fn output_error(message: String, hint: &str) -> ScriptFailure {
    ScriptFailure { hint: Some(hint.into()), ..ScriptFailure::new(FailureKind::Output, "OutputError", message) }
}

fn no_json(js: Js, value: &Value) -> ScriptFailure {
    if js.is_function(value) {
        return output_error(
            "the output is a function, which has no JSON".into(),
            "call the function, or make it a module's default export: export default function (input, context) { … }",
        );
    }
    let what = if value.is_symbol() { "a symbol" } else { "a value whose toJSON gives nothing" };
    output_error(
        format!("the output is {what}, which has no JSON"),
        "return a string, a number, an array or a plain object",
    )
}

/// Walks the output a second time, with a replacer that remembers where it is, and stops at what JSON cannot say.
/// `None` if it is something else that throws: a getter or a `toJSON` of the script's.
fn find_unwritable(js: Js, value: &Value, exception: &Value) -> Option<ScriptFailure> {
    if value.is_big_int() {
        return Some(big_int_at("output"));
    }
    let trail = walk(js, value).map_err(|thrown| js.swallow(thrown)).ok()?;
    match trail.found {
        Some((Unwritable::BigInt, path)) => Some(big_int_at(&path)),
        Some((Unwritable::Cycle, path)) => Some(output_error(
            format!("{path} refers back to an object that it is in, which JSON cannot say"),
            "leave the reference out, or return an id in its place",
        )),
        // A BigInt in a wrapper object looks like any object; the engine names it where the walk broke off.
        None if is_big_int_refusal(js, exception) => Some(big_int_at(&path(trail.keys()))),
        None => None,
    }
}

fn is_big_int_refusal(js: Js, exception: &Value) -> bool {
    let message = js.get(exception, c"message").and_then(|message| js.text(&message));
    message.map_err(|thrown| js.swallow(thrown)).is_ok_and(|message| message.starts_with("BigInt are forbidden"))
}

fn big_int_at(path: &str) -> ScriptFailure {
    output_error(
        format!("{path} is a BigInt, which has no JSON"),
        "convert it with String(value), or with Number(value) if it is small enough",
    )
}

#[derive(Clone, Copy)]
pub(crate) enum Unwritable {
    BigInt,
    Cycle,
}

/// The objects that the walk is inside of, from the outermost, each with its key in the one before.
///
/// Addresses only: the objects are held by the value that is walked, or are not looked at again.
#[derive(Default)]
pub(crate) struct Trail {
    holders: Vec<(usize, String)>,
    found: Option<(Unwritable, String)>,
}

fn walk(js: Js, value: &Value) -> Result<Trail> {
    let replacer = js.function("", 2, follow, &[])?;
    state::with(js, |state| state.trail = Trail::default());
    let result = js.stringify(value, &replacer);
    js.free(replacer);
    match result {
        Ok(json) => js.free(json),
        Err(thrown) => js.swallow(thrown),
    }
    Ok(state::with(js, |state| std::mem::take(&mut state.trail)))
}

unsafe extern "C" fn follow(
    ctx: *mut JSContext,
    this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    let holder = Value::from_raw(this);
    let [key, value, ..] = arguments else { return qjs::JS_EXCEPTION };
    let address = holder.address();
    let _ = holder.into_raw(); // Borrowed: not ours to free.
    match step(js, address, key, value) {
        Ok(()) => js.duplicate(value).into_raw(),
        Err(Thrown) => qjs::JS_EXCEPTION,
    }
}

fn step(js: Js, holder: usize, key: &Value, value: &Value) -> Result<()> {
    let key = js.with_text(key, |key| key.chars().take(80).collect::<String>())?;
    match state::with(js, |state| state.trail.step(holder, key, value)) {
        Some(()) => Err(js.throw_uncatchable("found")),
        None => Ok(()),
    }
}

impl Trail {
    /// `Some` once the walk has found what it looks for.
    fn step(&mut self, holder: usize, key: String, value: &Value) -> Option<()> {
        if let Some(depth) = self.holders.iter().rposition(|(address, _)| *address == holder) {
            self.holders.truncate(depth + 1);
        }
        let what = match () {
            () if value.is_big_int() => Unwritable::BigInt,
            () if value.is_object() && self.holders.iter().any(|(address, _)| *address == value.address()) => {
                Unwritable::Cycle
            }
            () => {
                if value.is_object() {
                    self.holders.push((value.address(), key));
                }
                return None;
            }
        };
        self.found = Some((what, path(self.keys().chain([key.as_str()]))));
        Some(())
    }

    /// The keys that lead to where the walk is. The first entry is the output itself, whose key is empty.
    fn keys(&self) -> impl Iterator<Item = &str> {
        self.holders.iter().skip(1).map(|(_, key)| key.as_str())
    }
}

/// `output.items[2].price`.
fn path<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    keys.fold(String::from("output"), |path, key| match key {
        _ if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) => format!("{path}[{key}]"),
        _ if !key.is_empty() && key.chars().all(plain) => format!("{path}.{key}"),
        _ => format!("{path}[{key:?}]"),
    })
}
