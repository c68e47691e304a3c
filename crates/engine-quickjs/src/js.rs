//! A thin layer over QuickJS's C interface: the only calls into the engine.
//!
//! [`Js`] is a context at hand, [`Value`] a counted reference to a value of it. Every method that can run script code
//! or allocate answers with [`Thrown`] when an exception is pending. What the methods rely on is V1 and T1 of
//! [`invariants`](crate::invariants): a `Js` exists only while its realm lives, on the thread that steps it.
//!
//! Every call may leave the fiber that it is made on. So nothing in here holds anything of the Rust heap across a call,
//! but what is said to be for furnishing a realm, which happens on no fiber (F1).

mod brands;
mod buffers;
mod keys;
mod programs;
mod text;

pub(crate) use keys::Keys;
pub(crate) use programs::{ModuleDefinition, without_checksum};
pub(crate) use text::{Terminated, Text};

use std::ffi::{CStr, CString, c_int};
use std::fmt;
use std::ptr;

use rquickjs::qjs::{self, JSContext, JSRuntime, JSValue};

/// A context at hand. Copied freely, stored nowhere but in the realm.
#[derive(Clone, Copy)]
pub(crate) struct Js {
    ctx: *mut JSContext,
}

/// A counted reference to a value. Freed by [`Js::free`]; forgetting it keeps the value until the realm goes.
#[repr(transparent)]
pub(crate) struct Value(JSValue);

// SAFETY: V1, T1: a value moves with the VM that it belongs to, which one thread uses at a time.
unsafe impl Send for Value {}

impl Default for Value {
    fn default() -> Self {
        Self::UNDEFINED
    }
}

/// An exception is pending in the context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thrown;

pub(crate) type Result<T = Value> = std::result::Result<T, Thrown>;

/// The state of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Settled {
    Pending,
    Fulfilled,
    Rejected,
}

/// What running one job did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Job {
    NoneLeft,
    Ran,
    Threw,
}

/// The constructors of errors that natives may throw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ErrorClass {
    Type,
    Range,
    Syntax,
    Reference,
    Plain,
}

/// The signature of functions that QuickJS calls, with data given by [`Js::function`].
pub(crate) type Callback =
    unsafe extern "C" fn(*mut JSContext, JSValue, c_int, *mut JSValue, c_int, *mut JSValue) -> JSValue;

/// Own enumerable, writable, configurable: what plain assignment makes.
pub(crate) const PLAIN: u32 = qjs::JS_PROP_C_W_E;
/// Writable and configurable, but not enumerable: what builtins are.
pub(crate) const HIDDEN: u32 = qjs::JS_PROP_CONFIGURABLE | qjs::JS_PROP_WRITABLE;
/// Enumerable only.
pub(crate) const FIXED: u32 = qjs::JS_PROP_ENUMERABLE;

impl Value {
    pub(crate) const UNDEFINED: Self = Self(qjs::JS_UNDEFINED);
    pub(crate) const NULL: Self = Self(qjs::JS_NULL);

    /// For callbacks: the value as QuickJS expects it back.
    pub(crate) fn into_raw(self) -> JSValue {
        self.0
    }

    /// The same value without a count of its own, for a constant of an image: one of both must never be freed.
    pub(crate) fn alias(&self) -> Self {
        Self(self.0)
    }

    /// The value as QuickJS takes it, without a count of its own.
    pub(crate) fn raw(&self) -> JSValue {
        self.0
    }

    /// A value that QuickJS handed over.
    pub(crate) fn from_raw(raw: JSValue) -> Self {
        Self(raw)
    }

    /// For callbacks: arguments as QuickJS passes them.
    ///
    /// # Safety
    /// `argv` must point to `argc` values that live as long as `'a`, as in a callback (C1).
    pub(crate) unsafe fn arguments<'a>(argc: c_int, argv: *mut JSValue) -> &'a [Self] {
        if argc <= 0 || argv.is_null() {
            return &[];
        }
        // SAFETY: the caller's contract; `Value` is a transparent `JSValue`.
        unsafe { std::slice::from_raw_parts(argv.cast::<Self>(), argc as usize) }
    }

    fn tag(&self) -> c_int {
        // SAFETY: reads the value's own tag.
        unsafe { qjs::JS_VALUE_GET_TAG(self.0) }
    }

    pub(crate) fn is_undefined(&self) -> bool {
        self.tag() == qjs::JS_TAG_UNDEFINED
    }

    pub(crate) fn is_null(&self) -> bool {
        self.tag() == qjs::JS_TAG_NULL
    }

    pub(crate) fn is_object(&self) -> bool {
        self.tag() == qjs::JS_TAG_OBJECT
    }

    pub(crate) fn is_symbol(&self) -> bool {
        self.tag() == qjs::JS_TAG_SYMBOL
    }

    pub(crate) fn is_string(&self) -> bool {
        matches!(self.tag(), qjs::JS_TAG_STRING | qjs::JS_TAG_STRING_ROPE)
    }

    pub(crate) fn is_big_int(&self) -> bool {
        matches!(self.tag(), qjs::JS_TAG_BIG_INT | qjs::JS_TAG_SHORT_BIG_INT)
    }

    pub(crate) fn is_module(&self) -> bool {
        self.tag() == qjs::JS_TAG_MODULE
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        // SAFETY: the tag says that the value holds a boolean.
        (self.tag() == qjs::JS_TAG_BOOL).then(|| unsafe { qjs::JS_VALUE_GET_BOOL(self.0) })
    }

    pub(crate) fn as_number(&self) -> Option<f64> {
        match self.tag() {
            // SAFETY: the tag says that the value holds an integer.
            qjs::JS_TAG_INT => Some(f64::from(unsafe { qjs::JS_VALUE_GET_INT(self.0) })),
            // SAFETY: the tag says that the value holds a float.
            qjs::JS_TAG_FLOAT64 => Some(unsafe { qjs::JS_VALUE_GET_FLOAT64(self.0) }),
            _ => None,
        }
    }

    /// Whether both are the same object.
    pub(crate) fn is_same_object(&self, other: &Self) -> bool {
        self.is_object() && other.is_object() && self.address() == other.address()
    }

    /// The address of an object, for identity only.
    pub(crate) fn address(&self) -> usize {
        // SAFETY: reads the pointer of a value, which is not followed.
        unsafe { qjs::JS_VALUE_GET_PTR(self.0) as usize }
    }

    pub(crate) fn is_array(&self) -> bool {
        // SAFETY: asks for the value's class.
        unsafe { qjs::JS_IsArray(self.0) }
    }

    pub(crate) fn is_error(&self) -> bool {
        // SAFETY: asks for the value's class.
        unsafe { qjs::JS_IsError(self.0) }
    }
}

impl Js {
    /// # Safety
    /// `ctx` must be the live context of a whole realm, used from the thread that steps it (R1, T1).
    pub(crate) unsafe fn new(ctx: *mut JSContext) -> Self {
        Self { ctx }
    }

    /// What every call into the engine takes: there the run may be left.
    pub(crate) fn context(self) -> *mut JSContext {
        #[cfg(test)]
        crate::trials::calls::into_engine();
        self.ctx
    }

    pub(crate) fn runtime(self) -> *mut JSRuntime {
        // SAFETY: V1: the context is live.
        unsafe { qjs::JS_GetRuntime(self.context()) }
    }

    pub(crate) fn check(self, raw: JSValue) -> Result {
        // SAFETY: reads the value's own tag.
        if unsafe { qjs::JS_IsException(raw) } { Err(Thrown) } else { Ok(Value(raw)) }
    }

    pub(crate) fn check_status(self, status: c_int) -> Result<()> {
        if status < 0 { Err(Thrown) } else { Ok(()) }
    }

    pub(crate) fn free(self, value: Value) {
        // SAFETY: V1: the value belongs to this context, and is consumed.
        unsafe { qjs::JS_FreeValue(self.context(), value.0) }
    }

    pub(crate) fn duplicate(self, value: &Value) -> Value {
        // SAFETY: V1.
        Value(unsafe { qjs::JS_DupValue(self.context(), value.0) })
    }

    // Making values.

    pub(crate) fn boolean(self, value: bool) -> Value {
        Value(if value { qjs::JS_TRUE } else { qjs::JS_FALSE })
    }

    /// The value as a number, as `Number` converts it but for BigInts. It runs script code for objects.
    pub(crate) fn to_number(self, value: &Value) -> Result<f64> {
        let mut number = 0.0;
        // SAFETY: V1; the number is written on success.
        self.check_status(unsafe { qjs::JS_ToFloat64(self.context(), &mut number, value.0) })?;
        Ok(number)
    }

    pub(crate) fn number(self, value: f64) -> Value {
        // SAFETY: makes a value that is not counted.
        Value(unsafe { qjs::JS_NewNumber(self.context(), value) })
    }

    pub(crate) fn string(self, text: &str) -> Result {
        self.utf8(text.as_bytes())
    }

    /// A string of these bytes, which are read as UTF-8.
    pub(crate) fn utf8(self, text: &[u8]) -> Result {
        // SAFETY: the text is copied.
        self.check(unsafe { qjs::JS_NewStringLen(self.context(), text.as_ptr().cast(), text.len() as qjs::size_t) })
    }

    pub(crate) fn object(self) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_NewObject(self.context()) })
    }

    /// An object without prototype, so that nothing of the script's can get between it and its properties.
    pub(crate) fn bare_object(self) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_NewObjectProto(self.context(), qjs::JS_NULL) })
    }

    /// An array without prototype, for the same reason.
    pub(crate) fn bare_array(self) -> Result {
        // SAFETY: V1.
        let array = self.check(unsafe { qjs::JS_NewArray(self.context()) })?;
        // SAFETY: V1.
        match unsafe { qjs::JS_SetPrototype(self.context(), array.0, qjs::JS_NULL) } {
            1 => Ok(array),
            _ => Err(Thrown),
        }
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Result {
        // SAFETY: the bytes are copied.
        self.check(unsafe { qjs::JS_NewUint8ArrayCopy(self.context(), bytes.as_ptr(), bytes.len() as qjs::size_t) })
    }

    /// A function that is no constructor. `data` is what the callback gets as its last argument. For furnishing.
    pub(crate) fn function(self, name: &str, length: u8, callback: Callback, data: &[i32]) -> Result {
        let name = CString::new(name).unwrap_or_default();
        let mut data: Vec<JSValue> = data.iter().map(|&number| qjs::JS_MKVAL(qjs::JS_TAG_INT, number)).collect();
        // SAFETY: the callback keeps to C1; name and data are copied.
        self.check(unsafe {
            qjs::JS_NewCFunctionData2(
                self.context(),
                Some(callback),
                name.as_ptr(),
                c_int::from(length),
                0,
                data.len() as c_int,
                data.as_mut_ptr(),
            )
        })
    }

    /// The same without a name, and with one number as its data: also while a script runs.
    pub(crate) fn nameless_function(self, length: u8, callback: Callback, number: i32) -> Result {
        let mut data = qjs::JS_MKVAL(qjs::JS_TAG_INT, number);
        let length = c_int::from(length);
        // SAFETY: the callback keeps to C1; name and data are copied.
        self.check(unsafe {
            qjs::JS_NewCFunctionData2(self.context(), Some(callback), c"".as_ptr(), length, 0, 1, &mut data)
        })
    }

    /// A promise with its resolve and reject functions.
    pub(crate) fn promise(self) -> Result<[Value; 3]> {
        let mut functions = [qjs::JS_UNDEFINED; 2];
        // SAFETY: two functions are written.
        let promise = self.check(unsafe { qjs::JS_NewPromiseCapability(self.context(), functions.as_mut_ptr()) })?;
        let [resolve, reject] = functions.map(Value);
        Ok([promise, resolve, reject])
    }

    // Objects.

    pub(crate) fn global(self) -> Value {
        // SAFETY: V1.
        Value(unsafe { qjs::JS_GetGlobalObject(self.context()) })
    }

    pub(crate) fn get(self, object: &Value, name: &CStr) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_GetPropertyStr(self.context(), object.0, name.as_ptr()) })
    }

    /// Whether the object or its prototypes have the property.
    pub(crate) fn has(self, object: &Value, name: &CStr) -> Result<bool> {
        // SAFETY: V1; the atom is freed again.
        let status = unsafe {
            let atom = qjs::JS_NewAtom(self.context(), name.as_ptr());
            let status = qjs::JS_HasProperty(self.context(), object.0, atom);
            qjs::JS_FreeAtom(self.context(), atom);
            status
        };
        self.check_status(status).map(|()| status > 0)
    }

    pub(crate) fn get_index(self, object: &Value, index: u32) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_GetPropertyUint32(self.context(), object.0, index) })
    }

    pub(crate) fn define(self, object: &Value, name: &str, value: Value, flags: u32) -> Result<()> {
        self.define_named(object, name.as_bytes(), value, flags)
    }

    /// As `define`, with a name as [`Text`] has it.
    pub(crate) fn define_named(self, object: &Value, name: &[u8], value: Value, flags: u32) -> Result<()> {
        // SAFETY: V1; the name is copied, the value consumed and the atom freed again.
        self.check_status(unsafe {
            let atom = qjs::JS_NewAtomLen(self.context(), name.as_ptr().cast(), name.len() as qjs::size_t);
            let status = qjs::JS_DefinePropertyValue(self.context(), object.0, atom, value.0, flags as c_int);
            qjs::JS_FreeAtom(self.context(), atom);
            status
        })
    }

    /// Defines an accessor that can be redefined, and is not enumerable. The functions are consumed.
    pub(crate) fn define_accessor(self, object: &Value, name: &str, getter: Value, setter: Value) -> Result<()> {
        // SAFETY: V1; the name is copied, the functions consumed and the atom freed again.
        self.check_status(unsafe {
            let atom = qjs::JS_NewAtomLen(self.context(), name.as_ptr().cast(), name.len() as qjs::size_t);
            let flags = qjs::JS_PROP_CONFIGURABLE as c_int;
            let status = qjs::JS_DefinePropertyGetSet(self.context(), object.0, atom, getter.0, setter.0, flags);
            qjs::JS_FreeAtom(self.context(), atom);
            status
        })
    }

    /// The getter of an own property; `undefined` if there is no such property, or if it is none with a getter.
    pub(crate) fn own_getter(self, object: &Value, name: &str) -> Result {
        let mut found = qjs::JSPropertyDescriptor {
            flags: 0,
            value: qjs::JS_UNDEFINED,
            getter: qjs::JS_UNDEFINED,
            setter: qjs::JS_UNDEFINED,
        };
        // SAFETY: V1; the name is copied, the descriptor written if there is a property, and the atom freed again.
        let status = unsafe {
            let atom = qjs::JS_NewAtomLen(self.context(), name.as_ptr().cast(), name.len() as qjs::size_t);
            let status = qjs::JS_GetOwnProperty(self.context(), &mut found, object.0, atom);
            qjs::JS_FreeAtom(self.context(), atom);
            status
        };
        self.check_status(status)?;
        [Value(found.value), Value(found.setter)].into_iter().for_each(|value| self.free(value));
        Ok(Value(found.getter))
    }

    pub(crate) fn define_index(self, object: &Value, index: u32, value: Value) -> Result<()> {
        // SAFETY: V1; the value is consumed.
        self.check_status(unsafe {
            qjs::JS_DefinePropertyValueUint32(self.context(), object.0, index, value.0, PLAIN as c_int)
        })
    }

    pub(crate) fn delete_index(self, object: &Value, index: u32) {
        // SAFETY: V1; the atom is freed again.
        unsafe {
            let atom = qjs::JS_NewAtomUInt32(self.context(), index);
            qjs::JS_DeleteProperty(self.context(), object.0, atom, 0);
            qjs::JS_FreeAtom(self.context(), atom);
        }
    }

    pub(crate) fn get_key(self, object: &Value, key: &Value) -> Result {
        // SAFETY: V1; the atom is freed again.
        self.check(unsafe {
            let atom = qjs::JS_ValueToAtom(self.context(), key.0);
            let value = qjs::JS_GetProperty(self.context(), object.0, atom);
            qjs::JS_FreeAtom(self.context(), atom);
            value
        })
    }

    pub(crate) fn define_key(self, object: &Value, key: &Value, value: Value) -> Result<()> {
        // SAFETY: V1; the value is consumed and the atom freed again.
        self.check_status(unsafe {
            let atom = qjs::JS_ValueToAtom(self.context(), key.0);
            let status = qjs::JS_DefinePropertyValue(self.context(), object.0, atom, value.0, PLAIN as c_int);
            qjs::JS_FreeAtom(self.context(), atom);
            status
        })
    }

    pub(crate) fn array_length(self, array: &Value) -> Result<u32> {
        let mut length = 0;
        // SAFETY: V1; the length is written on success.
        self.check_status(unsafe { qjs::JS_GetLength(self.context(), array.0, &mut length) })?;
        Ok(u32::try_from(length).unwrap_or(u32::MAX))
    }

    pub(crate) fn freeze(self, object: &Value) -> Result<()> {
        // SAFETY: V1.
        self.check_status(unsafe { qjs::JS_FreezeObject(self.context(), object.0) })
    }

    // Functions, promises and jobs.

    pub(crate) fn is_function(self, value: &Value) -> bool {
        // SAFETY: V1.
        unsafe { qjs::JS_IsFunction(self.context(), value.0) }
    }

    pub(crate) fn call<const N: usize>(self, function: &Value, this: &Value, arguments: [&Value; N]) -> Result {
        let mut raw = arguments.map(|value| value.0);
        // SAFETY: V1; the arguments are borrowed by the call.
        self.check(unsafe { qjs::JS_Call(self.context(), function.0, this.0, raw.len() as c_int, raw.as_mut_ptr()) })
    }

    pub(crate) fn construct(self, constructor: &Value) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_CallConstructor(self.context(), constructor.0, 0, ptr::null_mut()) })
    }

    pub(crate) fn settled(self, promise: &Value) -> Settled {
        // SAFETY: V1.
        match unsafe { qjs::JS_PromiseState(self.context(), promise.0) } {
            qjs::JSPromiseStateEnum_JS_PROMISE_FULFILLED => Settled::Fulfilled,
            qjs::JSPromiseStateEnum_JS_PROMISE_REJECTED => Settled::Rejected,
            _ => Settled::Pending,
        }
    }

    /// What a settled promise was settled with.
    pub(crate) fn settled_with(self, promise: &Value) -> Value {
        // SAFETY: V1.
        Value(unsafe { qjs::JS_PromiseResult(self.context(), promise.0) })
    }

    /// Tells the rejection tracker that somebody looks after this promise.
    pub(crate) fn mark_handled(self, promise: &Value) {
        // SAFETY: V1.
        unsafe { qjs::JS_PromiseMarkAsHandled(self.context(), promise.0) }
    }

    pub(crate) fn run_job(self) -> Job {
        let mut context = ptr::null_mut();
        // SAFETY: V1.
        match unsafe { qjs::JS_ExecutePendingJob(self.runtime(), &mut context) } {
            0 => Job::NoneLeft,
            status if status < 0 => Job::Threw,
            _ => Job::Ran,
        }
    }

    // Exceptions.

    /// Takes the pending exception.
    pub(crate) fn exception(self, _pending: Thrown) -> Value {
        // SAFETY: V1.
        Value(unsafe { qjs::JS_GetException(self.context()) })
    }

    /// Drops the pending exception.
    pub(crate) fn swallow(self, pending: Thrown) {
        let exception = self.exception(pending);
        self.free(exception);
    }

    pub(crate) fn throw(self, exception: Value) -> Thrown {
        // SAFETY: V1; the exception is consumed.
        unsafe { qjs::JS_Throw(self.context(), exception.0) };
        Thrown
    }

    /// Throws an error with a message, which is cut as QuickJS cuts it.
    pub(crate) fn throw_error(self, class: ErrorClass, message: fmt::Arguments<'_>) -> Thrown {
        let message = text::Short::new(message);
        let throw = match class {
            ErrorClass::Type => qjs::JS_ThrowTypeError,
            ErrorClass::Range => qjs::JS_ThrowRangeError,
            ErrorClass::Syntax => qjs::JS_ThrowSyntaxError,
            ErrorClass::Reference => qjs::JS_ThrowReferenceError,
            ErrorClass::Plain => qjs::JS_ThrowPlainError,
        };
        // SAFETY: the format takes one C string.
        unsafe { throw(self.context(), c"%s".as_ptr(), message.as_c_str().as_ptr()) };
        Thrown
    }

    /// Throws an error that no script can catch.
    pub(crate) fn throw_uncatchable(self, message: fmt::Arguments<'_>) -> Thrown {
        let error = self.exception(self.throw_error(ErrorClass::Plain, message));
        // SAFETY: V1.
        unsafe { qjs::JS_SetUncatchableError(self.context(), error.0) };
        self.throw(error)
    }

    // JSON.

    /// Parses JSON text.
    pub(crate) fn parse_json(self, json: &Terminated) -> Result {
        // SAFETY: the text ends in NUL, which is not counted.
        self.check(unsafe {
            qjs::JS_ParseJSON(self.context(), json.start().cast(), json.bytes() as qjs::size_t, c"json".as_ptr())
        })
    }

    /// `JSON.stringify(value, replacer)`: `undefined` for what has no JSON.
    pub(crate) fn stringify(self, value: &Value, replacer: &Value) -> Result {
        // SAFETY: V1.
        self.check(unsafe { qjs::JS_JSONStringify(self.context(), value.0, replacer.0, qjs::JS_UNDEFINED) })
    }
}
