//! Writing the output as JSON.

use std::ffi::c_int;

use isolet_core_traits::{FailureKind, ScriptFailure};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::ending::Ending;
use crate::js::{Js, Result, Thrown, Value};
use crate::{realm, run, state, unwritable};

/// Values for which `JSON.stringify` gives nothing.
pub(crate) enum NoJson {
    Function,
    Symbol,
    /// Its `toJSON` gives nothing.
    Nothing,
}

/// Makes a replacer that changes nothing, but polls.
pub(crate) fn visitor(js: Js) -> Result {
    js.function("", 2, visit, &[])
}

unsafe extern "C" fn visit(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    match (realm::poll(js), arguments.get(1)) {
        (Err(Thrown), _) => qjs::JS_EXCEPTION,
        (Ok(()), value) => value.map_or(Value::UNDEFINED, |value| js.duplicate(value)).into_raw(),
    }
}

/// Longer outputs are not looked at for what JSON has lost.
const LOOKED_AT_BYTES_MAX: usize = 64 << 10;

/// What JSON writes for values that it does not know.
fn has_empty_object(json: &[u8]) -> bool {
    json.windows(2).any(|two| two == b"{}")
}

/// The output of a run, or why it has none. Runs script code: `toJSON`, getters and proxies.
pub(crate) fn write(js: Js, value: &Value) -> Ending {
    if value.is_undefined() {
        return Ending::Undefined;
    }
    state::with(js, |state| state.run.writing_output = true);
    let visitor = state::constant(js, |constants| &constants.visitor);
    let written = js.stringify(value, &visitor).and_then(|json| match json.is_undefined() {
        true => Ok(None),
        false => js.text(&json).map(Some),
    });
    js.free(visitor);
    match written {
        Ok(Some(text)) => {
            if (..=LOOKED_AT_BYTES_MAX).contains(&text.as_bytes().len()) && has_empty_object(text.as_bytes()) {
                unwritable::look_for_lost(js, value);
            }
            Ending::Json(text)
        }
        Ok(None) if js.is_function(value) => Ending::NoJson(NoJson::Function),
        Ok(None) if value.is_symbol() => Ending::NoJson(NoJson::Symbol),
        Ok(None) => Ending::NoJson(NoJson::Nothing),
        Err(Thrown) => {
            let exception = js.exception(Thrown);
            match unwritable::find(js, value, &exception) {
                true => Ending::Unwritable,
                false => run::rejected(js, exception),
            }
        }
    }
}

pub(crate) fn output_error(message: String, hint: &str) -> ScriptFailure {
    ScriptFailure { hint: Some(hint.into()), ..ScriptFailure::new(FailureKind::Output, "OutputError", message) }
}

pub(crate) fn no_json(what: NoJson) -> ScriptFailure {
    let what = match what {
        NoJson::Function => {
            return output_error(
                "the output is a function, which has no JSON".into(),
                "call the function, or make it a module's default export: export default function (input, context) { … }",
            );
        }
        NoJson::Symbol => "a symbol",
        NoJson::Nothing => "a value whose toJSON gives nothing",
    };
    output_error(
        format!("the output is {what}, which has no JSON"),
        "return a string, a number, an array or a plain object",
    )
}

/// The failure of an output whose objects are inside of each other for longer than the stack lasts.
pub(crate) fn too_deep(failure: &ScriptFailure) -> Option<ScriptFailure> {
    let is_overflow = failure.stack.is_empty() && failure.message == "Maximum call stack size exceeded";
    is_overflow.then(|| {
        output_error("the output is nested too deeply for JSON".into(), "return a flatter value, such as a list")
    })
}
