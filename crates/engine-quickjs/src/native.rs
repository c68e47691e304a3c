//! The one trampoline through which setup scripts call natives, in the three phases of the contract.

use std::ffi::c_int;
use std::panic::{AssertUnwindSafe, catch_unwind};

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, FIXED, Js, Result, Thrown, Value};
use crate::realm;
use crate::state::{self, Stop};

/// Makes the object `native` of setup scripts.
pub(crate) fn install(js: Js, natives: &[Native]) -> Result {
    state::with(js, |state| state.natives = natives.to_vec());
    let object = js.bare_object()?;
    for (number, native) in natives.iter().enumerate() {
        let function = js.function(native.name, native.arguments, call_native, &[number as i32])?;
        js.define(&object, native.name, function, FIXED)?;
    }
    Ok(object)
}

unsafe extern "C" fn call_native(
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
    let number = unsafe { qjs::JS_VALUE_GET_INT(*data) } as usize;
    match call(js, number, arguments) {
        Ok(value) => value.into_raw(),
        Err(Thrown) => qjs::JS_EXCEPTION,
    }
}

fn call(js: Js, number: usize, arguments: &[Value]) -> Result {
    let native = state::with(js, |state| state.natives[number]);
    let argument = |at: usize| arguments.get(at).map_or(Ok(NativeValue::Undefined), |value| copy_out(js, value));
    let copied = (0..usize::from(native.arguments)).map(argument).collect::<Result<Vec<_>>>()?;
    let result = compute(js, native, &copied);
    drop(copied);
    match result {
        Some(Ok(value)) => make(js, value),
        Some(Err(failure)) => Err(throw(js, failure)),
        None => Err(realm::stop(js, Stop::HostPanicked)),
    }
}

/// `None` if the native panicked.
fn compute(
    js: Js,
    native: Native,
    arguments: &[NativeValue],
) -> Option<std::result::Result<NativeValue, NativeFailure>> {
    state::with(js, |state| {
        let mut context = NativeContext::new(&mut state.logs, &mut state.resources, &state.interrupt);
        catch_unwind(AssertUnwindSafe(|| (native.call)(&mut context, arguments))).ok()
    })
}

fn copy_out(js: Js, value: &Value) -> Result<NativeValue> {
    if let Some(boolean) = value.as_bool() {
        return Ok(NativeValue::Bool(boolean));
    }
    if let Some(number) = value.as_number() {
        return Ok(NativeValue::Number(number));
    }
    if value.is_string() {
        return js.text(value).map(NativeValue::String);
    }
    if value.is_null() {
        return Ok(NativeValue::Null);
    }
    Ok(js.copy_bytes(value).map_or(NativeValue::Undefined, NativeValue::Bytes))
}

fn make(js: Js, value: NativeValue) -> Result {
    match value {
        NativeValue::Undefined => Ok(Value::UNDEFINED),
        NativeValue::Null => Ok(Value::NULL),
        NativeValue::Bool(boolean) => Ok(js.boolean(boolean)),
        NativeValue::Number(number) => Ok(js.number(number)),
        NativeValue::String(text) => js.string(&text),
        NativeValue::Bytes(bytes) => js.bytes(&bytes),
    }
}

fn throw(js: Js, failure: NativeFailure) -> Thrown {
    let class = match failure.name {
        "TypeError" => ErrorClass::Type,
        "RangeError" => ErrorClass::Range,
        "SyntaxError" => ErrorClass::Syntax,
        "ReferenceError" => ErrorClass::Reference,
        _ => ErrorClass::Plain,
    };
    js.throw_error(class, &failure.message)
}
