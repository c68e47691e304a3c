//! Arguments and replies of host calls: JSON text with tags for what JSON cannot say.
//!
//! The tags are those of [`isolet_core_traits::host`]. They are put in by a replacer, so that the engine's own
//! `JSON.stringify` walks the values, under the run's limits.

use std::ffi::c_int;

use isolet_core_traits::{JsonText, Payload};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, Js, Keys, PLAIN, Result, Terminated, Text, Thrown, Value};
use crate::{realm, state};

const BIG_INT: &str = "$bigint";
const BUFFER: &str = "$buffer";
/// What the escape of a key begins with.
const ESCAPED: &str = "$$";

/// Makes the replacer, once for a realm.
pub(crate) fn replacer(js: Js) -> Result {
    js.function("", 2, replace, &[])
}

/// A call's arguments as they are sent. The buffers are the last ones of the run's state.
pub(crate) struct Encoded {
    pub(crate) json: Text,
    pub(crate) first_buffer: usize,
}

/// Writes a call's arguments. Runs script code: getters, `toJSON` and proxies, which may make calls of their own.
pub(crate) fn encode(js: Js, arguments: &[Value]) -> Result<Encoded> {
    // Without prototype: a `toJSON` of the script's must not take the place of the arguments.
    let array = js.bare_array()?;
    for (at, argument) in arguments.iter().enumerate() {
        js.define_index(&array, at as u32, js.duplicate(argument))?;
    }
    let replacer = state::constant(js, |constants| &constants.replacer);
    let (first_buffer, outer) = state::with(js, |state| {
        let first = state.run.buffers.len();
        (first, std::mem::replace(&mut state.run.first_buffer, first))
    });
    let written = js.stringify(&array, &replacer);
    state::with(js, |state| state.run.first_buffer = outer);
    js.free(array);
    js.free(replacer);
    let json = written.and_then(|written| {
        let json = js.text(&written);
        js.free(written);
        json
    });
    match json {
        Ok(json) => Ok(Encoded { json, first_buffer }),
        Err(thrown) => {
            state::with(js, |state| {
                let dropped: usize = state.run.buffers.drain(first_buffer..).map(|buffer| held(buffer.len())).sum();
                state.run.buffer_bytes -= dropped;
            });
            Err(thrown)
        }
    }
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
    let tagged = realm::poll(js).and_then(|()| arguments.get(1).map_or(Ok(Value::UNDEFINED), |value| tag(js, value)));
    tagged.map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

fn tag(js: Js, value: &Value) -> Result {
    if value.is_big_int() {
        let digits = js.text(value)?;
        let text = js.string(&digits.read());
        js.free_text(digits);
        return single(js, BIG_INT, text?);
    }
    if !value.is_object() || value.is_array() || js.is_function(value) {
        return Ok(js.duplicate(value));
    }
    match js.with_bytes(value, |bytes| state::with(js, |state| keep_buffer(&mut state.run, bytes))) {
        Some(Some(number)) => single(js, BUFFER, js.number(f64::from(number))),
        Some(None) => {
            let message = format_args!("the buffers of this call are over the limit of a call's payload");
            Err(js.throw_error(ErrorClass::Range, message))
        }
        None => escape(js, value),
    }
}

/// The object itself, or a copy of it if it has keys that would be read as tags.
fn escape(js: Js, object: &Value) -> Result {
    let keys = js.own_keys(object)?;
    if !any_key(js, &keys, is_tag)? {
        js.free_keys(keys);
        return Ok(js.duplicate(object));
    }
    let copy = js.bare_object()?;
    for at in 0..keys.count() {
        let key = js.key(&keys, at)?;
        let value = js.get_key(object, &key)?;
        let name = js.text(&key)?;
        if is_tag(name.as_bytes()) {
            let escaped = js.with_dollar(&name)?;
            js.define_key(&copy, &escaped, value)?;
            js.free(escaped);
        } else {
            js.define_key(&copy, &key, value)?;
        }
        js.free_text(name);
        js.free(key);
    }
    js.free_keys(keys);
    Ok(copy)
}

fn any_key(js: Js, keys: &Keys, is: impl Fn(&[u8]) -> bool) -> Result<bool> {
    for at in 0..keys.count() {
        let key = js.key(keys, at)?;
        let name = js.text(&key)?;
        let is = is(name.as_bytes());
        js.free_text(name);
        js.free(key);
        if is {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a key is a tag, or the escape of one.
fn is_tag(key: &[u8]) -> bool {
    key == BIG_INT.as_bytes() || key == BUFFER.as_bytes() || is_escaped(key)
}

fn is_escaped(key: &[u8]) -> bool {
    key.starts_with(ESCAPED.as_bytes())
}

/// An object with one key. Without prototype: a `toJSON` of the script's must not see it.
fn single(js: Js, key: &str, value: Value) -> Result {
    let object = js.bare_object()?;
    js.define(&object, key, value, PLAIN)?;
    Ok(object)
}

/// What a buffer counts, so that many empty ones count as well.
pub(crate) fn held(bytes: usize) -> usize {
    bytes + 64
}

/// `None` if that is too much. The total is of all payloads that are being written: a `toJSON` may make calls of its own.
fn keep_buffer(run: &mut state::RunData, bytes: &[u8]) -> Option<u32> {
    let total = run.buffer_bytes.saturating_add(held(bytes.len()));
    if total > run.limits.host_payload_bytes {
        return None;
    }
    run.buffer_bytes = total;
    run.buffers.push(bytes.to_vec());
    Some((run.buffers.len() - 1 - run.first_buffer) as u32)
}

/// A reply that is not what it must be: what is wrong with it, in words.
pub(crate) struct Malformed(pub(crate) &'static str);

/// Why a reply could not be made a value.
pub(crate) enum Undecodable {
    /// It refers to what is not there.
    Malformed(Malformed),
    /// The engine threw, most likely because the run is at its limits.
    Thrown(Thrown),
}

impl From<Thrown> for Undecodable {
    fn from(thrown: Thrown) -> Self {
        Self::Thrown(thrown)
    }
}

fn malformed(what: &'static str) -> Undecodable {
    Undecodable::Malformed(Malformed(what))
}

/// A reply whose JSON is valid, laid out for the engine.
pub(crate) struct Decodable {
    json: Terminated,
    has_tags: bool,
    buffers: Vec<Vec<u8>>,
}

impl Decodable {
    pub(crate) fn new(payload: Payload) -> std::result::Result<Self, Malformed> {
        let Payload { json, buffers } = payload;
        let json = JsonText::parse(json.as_str()).map_err(|_| Malformed("the host's reply is not valid JSON"))?;
        let text = json.as_str();
        Ok(Self { json: Terminated::new([text]), has_tags: text.contains("\"$"), buffers })
    }
}

/// Makes the value of a reply. Runs no script code.
pub(crate) fn decode(js: Js, reply: &Decodable) -> std::result::Result<Value, Undecodable> {
    let value = js.parse_json(&reply.json)?;
    if reply.has_tags { untag(js, value, reply) } else { Ok(value) }
}

/// Recursion is bounded by the depth that [`JsonText`] allows.
fn untag(js: Js, value: Value, reply: &Decodable) -> std::result::Result<Value, Undecodable> {
    if !value.is_object() {
        return Ok(value);
    }
    if value.is_array() {
        for at in 0..js.array_length(&value)? {
            let element = js.get_index(&value, at)?;
            js.define_index(&value, at, untag(js, element, reply)?)?;
        }
        return Ok(value);
    }
    let keys = js.own_keys(&value)?;
    let untagged = if keys.count() == 1 && any_key(js, &keys, |key| is_tag(key) && !is_escaped(key))? {
        untag_single(js, &value, &keys, reply)
    } else if any_key(js, &keys, is_tag)? {
        unescape(js, &value, &keys, reply)
    } else {
        untag_entries(js, value, &keys, reply)
    };
    js.free_keys(keys);
    untagged
}

fn untag_entries(js: Js, object: Value, keys: &Keys, reply: &Decodable) -> std::result::Result<Value, Undecodable> {
    for at in 0..keys.count() {
        let key = js.key(keys, at)?;
        let inner = js.get_key(&object, &key)?;
        js.define_key(&object, &key, untag(js, inner, reply)?)?;
        js.free(key);
    }
    Ok(object)
}

/// A copy whose escaped keys are what they were.
fn unescape(js: Js, object: &Value, keys: &Keys, reply: &Decodable) -> std::result::Result<Value, Undecodable> {
    let copy = js.object()?;
    for at in 0..keys.count() {
        let key = js.key(keys, at)?;
        let inner = untag(js, js.get_key(object, &key)?, reply)?;
        let name = js.text(&key)?;
        match is_escaped(name.as_bytes()) {
            true => js.define_named(&copy, &name.as_bytes()[1..], inner, PLAIN)?,
            false => js.define_key(&copy, &key, inner)?,
        }
        js.free_text(name);
        js.free(key);
    }
    Ok(copy)
}

fn untag_single(js: Js, object: &Value, keys: &Keys, reply: &Decodable) -> std::result::Result<Value, Undecodable> {
    let key = js.key(keys, 0)?;
    let (inner, tag) = (js.get_key(object, &key)?, js.text(&key)?);
    let is_big_int = tag.as_bytes() == BIG_INT.as_bytes();
    js.free_text(tag);
    js.free(key);
    if is_big_int {
        return big_int(js, &inner);
    }
    let index = inner.as_number().filter(|at| *at >= 0.0 && at.fract() == 0.0);
    let buffer = index.and_then(|at| reply.buffers.get(at as usize));
    let buffer = buffer.ok_or_else(|| malformed("the host's reply refers to a $buffer that is not there"))?;
    Ok(js.bytes(buffer)?)
}

fn big_int(js: Js, digits: &Value) -> std::result::Result<Value, Undecodable> {
    const NOT_DIGITS: &str = "the host's reply has a $bigint that is not decimal digits";
    if digits.is_object() {
        return Err(malformed(NOT_DIGITS)); // To make text of it could run script code.
    }
    let text = js.text(digits)?;
    let bytes = text.as_bytes();
    let unsigned = bytes.strip_prefix(b"-").unwrap_or(bytes);
    let is_number = !unsigned.is_empty() && unsigned.iter().all(u8::is_ascii_digit);
    js.free_text(text);
    if !is_number {
        return Err(malformed(NOT_DIGITS));
    }
    let constructor = state::constant(js, |constants| &constants.big_int_constructor);
    let number = js.call(&constructor, &Value::UNDEFINED, [digits]);
    js.free(constructor);
    Ok(number?)
}
