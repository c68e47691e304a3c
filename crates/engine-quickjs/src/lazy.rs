//! Setup scripts that are evaluated when a script first asks for one of their globals, and what all setup scripts share.
//!
//! ```text
//! globalThis.URL ──▶ accessor ──▶ loaded[3]? ── no ──▶ bytecode (Rust's) ─▶ function(global, native, host, own) ─▶ values
//!                                     └─ yes ─▶ loaded[3][0] ─▶ becomes the property's value
//! ```
//!
//! A VM's image holds a function for each global, and nothing else of such a script.

use std::collections::HashMap;
use std::ffi::c_int;
use std::ops::Range;
use std::sync::Arc;

use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, FIXED, HIDDEN, Js, PLAIN, Result, Value};
use crate::state;
use crate::{host, native};

/// The most globals of a script.
const GLOBALS_MAX: usize = 1 << 8;

/// A lazy script, compiled.
pub(crate) struct Lazy {
    pub(crate) name: &'static str,
    pub(crate) globals: &'static [&'static str],
    /// The numbers of its natives.
    pub(crate) natives: Range<usize>,
    /// An expression whose value is a function `(global, native, host, own)`.
    pub(crate) bytecode: Arc<[u8]>,
    /// Where the accessors of its globals are, for identity only. They are constants of the image.
    pub(crate) accessors: HashMap<usize, usize>,
}

/// What setup scripts share: the object `own`, and what lazy ones need besides.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) own: Value,
    /// The host operations that are not exposed.
    pub(crate) host: Value,
    /// What each of the lazy scripts that are loaded has returned, by its number.
    loaded: Value,
}

/// Makes what setup scripts share.
pub(crate) fn share(js: Js, host: Value) -> Result<()> {
    let (own, loaded) = (js.bare_object()?, js.bare_object()?);
    js.define(&own, "load", js.function("load", 1, load_named, &[])?, FIXED)?;
    js.define(&own, "brand", js.function("brand", 1, brand, &[])?, FIXED)?;
    js.define(&own, "cancel", js.function("cancel", 1, host::cancel, &[])?, FIXED)?;
    // Their names are part of the image then, rather than made whenever they are asked for.
    js.define(&own, "turn", Value::UNDEFINED, PLAIN)?;
    js.define(&own, "harden", Value::UNDEFINED, PLAIN)?;
    state::with(js, |state| state.constants.shared = Shared { own, host, loaded });
    Ok(())
}

/// Evaluates the lazy script of this name, if there is one.
pub(crate) fn evaluate_named(js: Js, name: &str) -> Result<()> {
    match state::with(js, |state| state.constants.lazy.iter().position(|lazy| lazy.name == name)) {
        Some(number) => load(js, number).map(|values| js.free(values)),
        None => Ok(()),
    }
}

/// Makes the accessors of a lazy script's globals, but for names that the host has `taken`. For furnishing.
pub(crate) fn install(js: Js, mut lazy: Lazy, taken: impl Fn(&str) -> bool) -> Result<()> {
    let number = state::with(js, |state| state.constants.lazy.len());
    let global = js.global();
    for (at, name) in lazy.globals.iter().enumerate().take(GLOBALS_MAX).filter(|(_, name)| !taken(name)) {
        let accessor = js.nameless_function(1, access, place(number, at))?;
        lazy.accessors.insert(at, accessor.address());
        js.define_accessor(&global, name, js.duplicate(&accessor), accessor)?;
    }
    js.free(global);
    state::with(js, |state| state.constants.lazy.push(lazy));
    Ok(())
}

/// The accessor of a global: a getter that gives its value, and, with an argument, a setter. One function, because each
/// takes 300 bytes of every VM.
unsafe extern "C" fn access(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    // SAFETY: C1: the function was made with one number as its data.
    let (number, at) = parts(unsafe { qjs::JS_VALUE_GET_INT(*data) });
    let accessed = match arguments.first() {
        None => value(js, number, at),
        Some(value) => settle(js, number, at, js.duplicate(value)).map(|()| Value::UNDEFINED),
    };
    accessed.map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

/// The number of a script and of one of its globals, as one.
fn place(number: usize, at: usize) -> i32 {
    (number * GLOBALS_MAX + at) as i32
}

fn parts(place: i32) -> (usize, usize) {
    (place as usize / GLOBALS_MAX, place as usize % GLOBALS_MAX)
}

fn value(js: Js, number: usize, at: usize) -> Result {
    let values = load(js, number)?;
    let value = js.get_index(&values, at as u32)?;
    js.free(values);
    settle(js, number, at, js.duplicate(&value))?;
    Ok(value)
}

/// Makes a global a plain property, unless it is something else than our accessor by now.
fn settle(js: Js, number: usize, at: usize, value: Value) -> Result<()> {
    let (name, accessor) = state::with(js, |state| {
        let lazy = &state.constants.lazy[number];
        (lazy.globals[at], lazy.accessors.get(&at).copied())
    });
    let global = js.global();
    let getter = js.own_getter(&global, name)?;
    let is_ours = getter.is_object() && accessor == Some(getter.address());
    js.free(getter);
    let settled = match is_ours {
        true => js.define(&global, name, value, HIDDEN),
        false => {
            js.free(value);
            Ok(())
        }
    };
    js.free(global);
    settled
}

/// What a lazy script has returned; evaluates it if nobody did.
fn load(js: Js, number: usize) -> Result {
    let loaded = state::constant(js, |constants| &constants.shared.loaded);
    let known = js.get_index(&loaded, number as u32)?;
    if !known.is_undefined() {
        js.free(loaded);
        return Ok(known);
    }
    let values = evaluate(js, number)?;
    let own = state::constant(js, |constants| &constants.shared.own);
    let harden = js.get(&own, c"harden")?;
    js.free(own);
    if !harden.is_undefined() {
        js.free(js.call(&harden, &Value::UNDEFINED, [&values])?);
    }
    js.free(harden);
    js.define_index(&loaded, number as u32, js.duplicate(&values))?;
    js.free(loaded);
    Ok(values)
}

fn evaluate(js: Js, number: usize) -> Result {
    let (natives, bytecode) = state::with(js, |state| {
        let lazy = &state.constants.lazy[number];
        (lazy.natives.clone(), &raw const *lazy.bytecode)
    });
    let native = native::object(js, natives)?;
    // SAFETY: B1: the engine compiled it in this process; the bytes are a constant of the VM.
    let compiled = unsafe { js.read_bytecode(&*bytecode) }?;
    let function = js.evaluate(compiled)?;
    let global = js.global();
    let host = state::constant(js, |constants| &constants.shared.host);
    let own = state::constant(js, |constants| &constants.shared.own);
    let values = js.call(&function, &Value::UNDEFINED, [&global, &native, &host, &own]);
    [function, native, global, host, own].into_iter().for_each(|value| js.free(value));
    values
}

unsafe extern "C" fn load_named(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    find(js, arguments).and_then(|number| load(js, number)).map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

fn find(js: Js, arguments: &[Value]) -> Result<usize> {
    let name = js.text(arguments.first().unwrap_or(&Value::UNDEFINED))?;
    let is_named = |lazy: &Lazy| lazy.name.as_bytes() == name.as_bytes();
    let number = state::with(js, |state| state.constants.lazy.iter().position(is_named));
    js.free_text(name);
    number.ok_or_else(|| js.throw_error(ErrorClass::Reference, format_args!("this is not available here")))
}

unsafe extern "C" fn brand(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    js.string(js.brand(arguments.first().unwrap_or(&Value::UNDEFINED))).map_or(qjs::JS_EXCEPTION, Value::into_raw)
}
