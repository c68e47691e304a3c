//! The one trampoline through which setup scripts call natives, in the three phases of the contract.

use std::ffi::c_int;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use isolet_core_traits::{Native, NativeContext, NativeValue};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, FIXED, Js, Result, Thrown, Value};
use crate::realm;
use crate::state::{self, NativeCall, RunData, Stop};

/// Gives natives their numbers. For furnishing.
pub(crate) fn number(js: Js, natives: &[Native]) -> Range<usize> {
    state::with(js, |state| {
        let first = state.constants.natives.len();
        state.constants.natives.extend_from_slice(natives);
        first..state.constants.natives.len()
    })
}

/// Makes the object `native` of setup scripts, with the natives of these numbers.
pub(crate) fn object(js: Js, numbers: Range<usize>) -> Result {
    let object = js.bare_object()?;
    for number in numbers {
        let native = state::with(js, |state| state.constants.natives[number]);
        let function = js.nameless_function(native.arguments, call_native, number as i32)?;
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
    let native = state::with(js, |state| {
        state.run.native = NativeCall::default();
        state.constants.natives[number]
    });
    for at in 0..usize::from(native.arguments) {
        copy_out(js, arguments.get(at).unwrap_or(&Value::UNDEFINED))?;
    }
    compute(js, native);
    let made = make(js);
    state::with(js, |state| state.run.native = NativeCall::default());
    made
}

/// The second phase: nothing of the engine runs.
fn compute(js: Js, native: Native) {
    state::with(js, |state| {
        let RunData { native: call, logs, resources, interrupt, random_seed, time, .. } = &mut state.run;
        let mut context = NativeContext::new(logs, resources, interrupt, *random_seed, time);
        call.result = catch_unwind(AssertUnwindSafe(|| (native.call)(&mut context, &call.arguments))).ok();
        call.arguments = Vec::new();
    });
}

/// The first phase: an argument becomes the run's.
fn copy_out(js: Js, value: &Value) -> Result<()> {
    let keep = |argument| state::with(js, |state| state.run.native.arguments.push(argument));
    let mut fits = true;
    if let Some(boolean) = value.as_bool() {
        keep(NativeValue::Bool(boolean));
    } else if let Some(number) = value.as_number() {
        keep(NativeValue::Number(number));
    } else if value.is_string() {
        let text = js.text(value)?;
        fits = copy_bytes(js, text.as_bytes(), || NativeValue::String(text.read().into_owned()));
        js.free_text(text);
    } else if value.is_null() {
        keep(NativeValue::Null);
    } else {
        let copied = js.with_bytes(value, |bytes| copy_bytes(js, bytes, || NativeValue::Bytes(bytes.to_vec())));
        fits = copied.unwrap_or_else(|| {
            keep(NativeValue::Undefined);
            true
        });
    }
    match fits {
        true => Ok(()),
        false => Err(js.throw_error(ErrorClass::Range, format_args!("the arguments are larger than the run's memory"))),
    }
}

/// Keeps a copy of `bytes`, which the state owns from its first byte on (F1). `false` if the arguments of the call may
/// not take so much of the host's memory: together no more than the run of the VM's.
fn copy_bytes(js: Js, bytes: &[u8], copy: impl FnOnce() -> NativeValue) -> bool {
    state::with(js, |state| {
        let native = &mut state.run.native;
        native.argument_bytes = native.argument_bytes.saturating_add(bytes.len() as u64);
        let fits = native.argument_bytes <= state.run.limits.memory_bytes;
        if fits {
            native.arguments.push(copy());
        }
        fits
    })
}

/// What the engine is to make of a native's result. Texts and bytes are the run's, which keeps them meanwhile.
enum Made {
    Value(Value),
    Number(f64),
    String(*const str),
    Bytes(*const [u8]),
    Failure(ErrorClass, *const str),
    Panicked,
}

/// The third phase: the engine makes a value, and may be left.
fn make(js: Js) -> Result {
    let made = state::with(js, |state| match &state.run.native.result {
        None => Made::Panicked,
        Some(Err(failure)) => Made::Failure(class(failure.name), &raw const *failure.message),
        Some(Ok(value)) => match value {
            NativeValue::Undefined => Made::Value(Value::UNDEFINED),
            NativeValue::Null => Made::Value(Value::NULL),
            NativeValue::Bool(boolean) => Made::Value(js.boolean(*boolean)),
            NativeValue::Number(number) => Made::Number(*number),
            NativeValue::String(text) => Made::String(&raw const **text),
            NativeValue::Bytes(bytes) => Made::Bytes(&raw const **bytes),
        },
    });
    // SAFETY: N1: the result stays as it is while it is copied: making a string or a buffer calls no native, and a
    // message is copied before the error is made.
    unsafe {
        match made {
            Made::Value(value) => Ok(value),
            Made::Number(number) => Ok(js.number(number)),
            Made::String(text) => js.string(&*text),
            Made::Bytes(bytes) => js.bytes(&*bytes),
            Made::Failure(class, message) => Err(js.throw_error(class, format_args!("{}", &*message))),
            Made::Panicked => Err(realm::stop(js, Stop::HostPanicked)),
        }
    }
}

fn class(name: &str) -> ErrorClass {
    match name {
        "TypeError" => ErrorClass::Type,
        "RangeError" => ErrorClass::Range,
        "SyntaxError" => ErrorClass::Syntax,
        "ReferenceError" => ErrorClass::Reference,
        _ => ErrorClass::Plain,
    }
}
