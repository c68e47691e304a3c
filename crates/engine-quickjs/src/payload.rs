//! Arguments and replies of host calls: JSON text with tags for what JSON cannot say.
//!
//! The tags are those of [`isolet_core_traits::host`]. They are put in by a replacer, so that the engine's own
//! `JSON.stringify` walks the values, under the run's limits.

use std::ffi::c_int;

use isolet_core_traits::{JsonText, Payload};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, Js, PLAIN, Result, Thrown, Value};
use crate::state;

const BIG_INT: &str = "$bigint";
const BUFFER: &str = "$buffer";

/// Why a reply could not be made a value.
pub(crate) enum Undecodable {
    /// It is not JSON, or refers to buffers that are not there.
    Malformed(&'static str),
    /// The engine threw, most likely because the run is at its limits.
    Thrown(Thrown),
}

impl From<Thrown> for Undecodable {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

/// Makes the replacer, once for a realm.
pub(crate) fn replacer(js: Js) -> Result {
    js.function("", 2, replace, &[])
}

/// Writes a call's arguments. Runs script code: getters, `toJSON` and proxies, which may make calls of their own.
pub(crate) fn encode(js: Js, arguments: &[&Value]) -> Result<Payload> {
    let array = js.array()?;
    for (at, &argument) in arguments.iter().enumerate() {
        js.define_index(&array, at as u32, js.duplicate(argument))?;
    }
    let replacer = state::with(js, |state| state.replacer.as_ref().map(|replacer| js.duplicate(replacer)));
    let outer = state::with(js, |state| std::mem::take(&mut state.buffers));
    let written = js.stringify(&array, replacer.as_ref().unwrap_or(&Value::UNDEFINED));
    let buffers = state::with(js, |state| {
        let buffers = std::mem::replace(&mut state.buffers, outer);
        state.buffer_bytes -= buffers.iter().map(|buffer| held(buffer)).sum::<usize>();
        buffers
    });
    js.free(array);
    replacer.into_iter().for_each(|replacer| js.free(replacer));
    let written = written?;
    let json = js.text(&written)?;
    js.free(written);
    Ok(Payload { json, buffers })
}

unsafe extern "C" fn replace(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    let tagged = arguments.get(1).map_or(Ok(Value::UNDEFINED), |value| tag(js, value));
    tagged.map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

fn tag(js: Js, value: &Value) -> Result {
    if value.is_big_int() {
        let digits = js.text(value)?;
        return single(js, BIG_INT, js.string(&digits)?);
    }
    if !value.is_object() || value.is_array() || js.is_function(value) {
        return Ok(js.duplicate(value));
    }
    if let Some(bytes) = js.copy_bytes(value) {
        let number = keep_buffer(js, bytes)?;
        return single(js, BUFFER, js.number(f64::from(number)));
    }
    escape(js, value)
}

/// The object itself, or a copy of it if it has keys that would be read as tags.
fn escape(js: Js, object: &Value) -> Result {
    let keys = js.own_keys(object)?;
    let names = keys.iter().map(|key| js.text(key)).collect::<Result<Vec<_>>>()?;
    if !names.iter().any(|name| is_tag(name)) {
        keys.into_iter().for_each(|key| js.free(key));
        return Ok(js.duplicate(object));
    }
    let copy = js.bare_object()?;
    for (key, name) in keys.into_iter().zip(names) {
        let value = js.get_key(object, &key)?;
        match is_tag(&name) {
            true => js.define(&copy, &format!("${name}"), value, PLAIN)?,
            false => js.define_key(&copy, &key, value)?,
        }
        js.free(key);
    }
    Ok(copy)
}

/// Whether a key is a tag, or the escape of one.
fn is_tag(key: &str) -> bool {
    key == BIG_INT || key == BUFFER || key.starts_with("$$")
}

/// An object with one key. Without prototype: a `toJSON` of the script's must not see it.
fn single(js: Js, key: &str, value: Value) -> Result {
    let object = js.bare_object()?;
    js.define(&object, key, value, PLAIN)?;
    Ok(object)
}

/// What a buffer counts, so that many empty ones count as well.
fn held(buffer: &[u8]) -> usize {
    buffer.len() + 64
}

/// The total is of all payloads that are being written: a `toJSON` may make calls of its own.
fn keep_buffer(js: Js, bytes: Vec<u8>) -> Result<u32> {
    let kept = state::with(js, |state| {
        let total = state.buffer_bytes.saturating_add(held(&bytes));
        (total <= state.limits.host_payload_bytes).then(|| {
            state.buffer_bytes = total;
            state.buffers.push(bytes);
            state.buffers.len() as u32 - 1
        })
    });
    kept.ok_or_else(|| {
        js.throw_error(ErrorClass::Range, "the buffers of this call are over the limit of a call's payload")
    })
}

/// Makes the value of a reply. Runs no script code.
pub(crate) fn decode(js: Js, payload: &Payload) -> std::result::Result<Value, Undecodable> {
    let text = JsonText::parse(payload.json.as_str()).map_err(|_| Undecodable::Malformed("is not valid JSON"))?;
    let value = js.parse_json(text.as_str())?;
    if text.as_str().contains("\"$") { untag(js, value, payload) } else { Ok(value) }
}

/// Recursion is bounded by the depth that [`JsonText`] allows.
fn untag(js: Js, value: Value, payload: &Payload) -> std::result::Result<Value, Undecodable> {
    if !value.is_object() {
        return Ok(value);
    }
    if value.is_array() {
        for at in 0..js.array_length(&value)? {
            let element = js.get_index(&value, at)?;
            js.define_index(&value, at, untag(js, element, payload)?)?;
        }
        return Ok(value);
    }
    let keys = js.own_keys(&value)?;
    let names = keys.iter().map(|key| js.text(key)).collect::<Result<Vec<_>>>()?;
    match &names[..] {
        [name] if name == BIG_INT || name == BUFFER => untag_single(js, name, js.get_key(&value, &keys[0])?, payload),
        _ if names.iter().any(|name| is_tag(name)) => unescape(js, &value, keys.iter().zip(&names), payload),
        _ => {
            for key in keys {
                let inner = js.get_key(&value, &key)?;
                js.define_key(&value, &key, untag(js, inner, payload)?)?;
                js.free(key);
            }
            Ok(value)
        }
    }
}

/// A copy whose escaped keys are what they were.
fn unescape<'a>(
    js: Js,
    object: &Value,
    keys: impl Iterator<Item = (&'a Value, &'a String)>,
    payload: &Payload,
) -> std::result::Result<Value, Undecodable> {
    let copy = js.object()?;
    for (key, name) in keys {
        let inner = js.get_key(object, key)?;
        let inner = untag(js, inner, payload)?;
        match name.starts_with("$$") {
            true => js.define(&copy, &name[1..], inner, PLAIN)?,
            false => js.define_key(&copy, key, inner)?,
        }
    }
    Ok(copy)
}

fn untag_single(js: Js, tag: &str, inner: Value, payload: &Payload) -> std::result::Result<Value, Undecodable> {
    if tag == BIG_INT {
        let digits = js.text(&inner)?;
        let unsigned = digits.strip_prefix('-').unwrap_or(&digits);
        if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Undecodable::Malformed("has a $bigint that is not decimal digits"));
        }
        return Ok(js.big_int(&digits)?);
    }
    let index = inner.as_number().filter(|at| *at >= 0.0 && at.fract() == 0.0);
    let buffer = index.and_then(|at| payload.buffers.get(at as usize));
    Ok(js.bytes(buffer.ok_or(Undecodable::Malformed("refers to a $buffer that is not there"))?)?)
}
