//! Finding what in an output JSON cannot say or loses, and where it is.

use std::ffi::c_int;
use std::fmt::Write;

use isolet_core_traits::{ScriptFailure, Warning};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{Js, Result, Thrown, Value};
use crate::output::output_error;
use crate::{realm, state};

/// Characters of a key that a path shows.
const KEY_CHARACTERS_MAX: usize = 80;
/// Where a path is cut, at the end of the key that crosses it.
const PATH_BYTES_MAX: usize = 1 << 10;

/// Walks the output a second time, with a replacer that remembers where it is, and stops at what JSON cannot say.
/// `false` if it is something else that throws: a getter or a `toJSON` of the script's.
pub(crate) fn find(js: Js, value: &Value, exception: &Value) -> bool {
    state::with(js, |state| state.run.trail = Trail::default());
    if value.is_big_int() {
        state::with(js, |state| state.run.trail.find(Unwritable::BigInt, None));
        return true;
    }
    let follower = state::constant(js, |constants| &constants.follower);
    match js.stringify(value, &follower) {
        Ok(json) => js.free(json),
        Err(thrown) => js.swallow(thrown),
    }
    js.free(follower);
    // A BigInt in a wrapper object looks like any object; the engine names it where the walk broke off.
    let is_refusal = is_big_int_refusal(js, exception);
    state::with(js, |state| {
        let trail = &mut state.run.trail;
        if trail.found.is_none() && is_refusal {
            trail.find(Unwritable::BigInt, None);
        }
        trail.found.is_some()
    })
}

/// Walks an output that was written, and warns of the first value that JSON knows nothing of.
pub(crate) fn look_for_lost(js: Js, value: &Value) {
    state::with(js, |state| state.run.trail = Trail { wants_lost: true, ..Trail::default() });
    let follower = state::constant(js, |constants| &constants.follower);
    match js.stringify(value, &follower) {
        Ok(json) => js.free(json),
        Err(thrown) => js.swallow(thrown),
    }
    js.free(follower);
    state::with(js, |state| {
        if let Some((Unwritable::Lost(brand), path)) = std::mem::take(&mut state.run.trail).found {
            state.run.warnings.push(lost(brand, &path));
        }
    });
}

fn lost(brand: &str, path: &str) -> Warning {
    let (code, advice) = match brand {
        "Promise" => ("promise_in_output", "await it, or Promise.all for a list of them"),
        "Map" => ("lost_in_output", "return Object.fromEntries(map), or [...map]"),
        "Set" => ("lost_in_output", "return [...set]"),
        _ => ("lost_in_output", "return its message"),
    };
    let article = if brand == "Error" { "an" } else { "a" };
    Warning { code: code.into(), message: format!("{path} is {article} {brand}, of which JSON has nothing: {advice}") }
}

fn is_big_int_refusal(js: Js, exception: &Value) -> bool {
    let message = js.get(exception, c"message").and_then(|message| js.text(&message));
    message.map_err(|thrown| js.swallow(thrown)).is_ok_and(|message| {
        let is_refusal = message.as_bytes().starts_with(b"BigInt are forbidden");
        js.free_text(message);
        is_refusal
    })
}

/// What was found, as the run's failure.
pub(crate) fn failure(trail: &mut Trail) -> Option<ScriptFailure> {
    Some(match trail.found.take()? {
        (Unwritable::BigInt, path) => output_error(
            format!("{path} is a BigInt, which has no JSON"),
            "convert it with String(value), or with Number(value) if it is small enough",
        ),
        (Unwritable::Cycle, path) => output_error(
            format!("{path} refers back to an object that it is in, which JSON cannot say"),
            "leave the reference out, or return an id in its place",
        ),
        (Unwritable::Lost(_), _) => return None,
    })
}

#[derive(Clone, Copy)]
enum Unwritable {
    BigInt,
    Cycle,
    /// JSON knows nothing of what is in it. For a walk that looks for such.
    Lost(&'static str),
}

/// The objects that the walk is inside of, from the outermost, each with its key in the one before.
///
/// Addresses only: the objects are held by the value that is walked, or are not looked at again.
#[derive(Default)]
pub(crate) struct Trail {
    holders: Vec<(usize, String)>,
    found: Option<(Unwritable, String)>,
    /// Whether the walk looks for what JSON writes as an empty object, rather than for what it refuses.
    wants_lost: bool,
}

/// Makes the replacer, once for a realm.
pub(crate) fn follower(js: Js) -> Result {
    js.function("", 2, follow, &[])
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
    let key = js.text(key)?;
    let brand = js.brand(value);
    let goes_on = state::with(js, |state| state.run.trail.step(holder, &key.read(), value, brand));
    js.free_text(key);
    // Each step looks at all holders.
    realm::poll(js)?;
    if goes_on { Ok(()) } else { Err(js.throw_uncatchable(format_args!("found"))) }
}

impl Trail {
    /// `false` once the walk has found what it looks for.
    fn step(&mut self, holder: usize, key: &str, value: &Value, brand: &'static str) -> bool {
        let key: String = key.chars().take(KEY_CHARACTERS_MAX).collect();
        if let Some(depth) = self.holders.iter().rposition(|(address, _)| *address == holder) {
            self.holders.truncate(depth + 1);
        }
        let is_holder = |(address, _): &(usize, String)| *address == value.address();
        if value.is_big_int() {
            self.find(Unwritable::BigInt, Some(&key));
        } else if value.is_object() && self.holders.iter().any(is_holder) {
            self.find(Unwritable::Cycle, Some(&key));
        } else if self.wants_lost && matches!(brand, "Promise" | "Map" | "Set" | "Error") {
            self.find(Unwritable::Lost(brand), Some(&key));
        } else if value.is_object() {
            self.holders.push((value.address(), key));
        }
        self.found.is_none()
    }

    /// Notes what is where the walk is, or behind `key` there.
    fn find(&mut self, what: Unwritable, key: Option<&str>) {
        // The first entry is the output itself, whose key is empty.
        let key = key.filter(|_| !self.holders.is_empty());
        let keys = self.holders.iter().skip(1).map(|(_, key)| key.as_str()).chain(key);
        self.found = Some((what, path(keys)));
    }
}

/// `output.items[2].price`.
fn path<'a>(keys: impl Iterator<Item = &'a str>) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
    let mut path = String::from("output");
    for key in keys {
        if path.len() >= PATH_BYTES_MAX {
            path.push('…');
            break;
        }
        // Writing to a string does not fail.
        let _ = match key {
            _ if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit()) => write!(path, "[{key}]"),
            _ if !key.is_empty() && key.chars().all(is_plain) => write!(path, ".{key}"),
            _ => write!(path, "[{key:?}]"),
        };
    }
    path
}
