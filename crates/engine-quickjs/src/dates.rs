//! Local time is UTC: `Date` asks the system for no time zone.
//!
//! What QuickJS computes in local time goes through `localtime_r`, by the time zone of the process, which is not the
//! script's to know, and under a lock. So the functions that would are replaced:
//!
//! ```text
//! getHours and its like     the engine's own getUTCHours under the other name
//! Date, Date.parse          the engine's own, with arguments that leave it nothing local
//! toString and its like     printed here
//! ```
//!
//! The engine's functions are found in the objects that have them, once in a process. In a VM the new ones lie in the
//! properties of the old ones, and take no memory before they are asked for.

mod text;

use std::ffi::{CStr, c_int};
use std::ptr;
use std::sync::OnceLock;

use isolet_core_traits::EngineError;
use rquickjs::qjs::{self, JSCFunctionListEntry, JSCFunctionType, JSContext, JSValue};

use crate::js::{ErrorClass, HIDDEN, Js, Result, Value};
use crate::state;
use text::{Fields, Form};

/// The methods that have a twin for UTC.
const TWINS: [(&CStr, &CStr); 15] = [
    (c"getFullYear", c"getUTCFullYear"),
    (c"getMonth", c"getUTCMonth"),
    (c"getDate", c"getUTCDate"),
    (c"getHours", c"getUTCHours"),
    (c"getMinutes", c"getUTCMinutes"),
    (c"getSeconds", c"getUTCSeconds"),
    (c"getMilliseconds", c"getUTCMilliseconds"),
    (c"getDay", c"getUTCDay"),
    (c"setMilliseconds", c"setUTCMilliseconds"),
    (c"setSeconds", c"setUTCSeconds"),
    (c"setMinutes", c"setUTCMinutes"),
    (c"setHours", c"setUTCHours"),
    (c"setDate", c"setUTCDate"),
    (c"setMonth", c"setUTCMonth"),
    (c"setFullYear", c"setUTCFullYear"),
];

/// Which of [`TWINS`] have the [`Fields`], in their order.
const FIELDS: [usize; 7] = [0, 1, 2, 3, 4, 5, 7];
const GET_FULL_YEAR: usize = 0;
const SET_FULL_YEAR: usize = 14;

/// The methods that print a date.
const PRINTERS: [(&CStr, Form); 6] = [
    (c"toString", Form::All),
    (c"toDateString", Form::Date),
    (c"toTimeString", Form::Time),
    (c"toLocaleString", Form::LocaleAll),
    (c"toLocaleDateString", Form::LocaleDate),
    (c"toLocaleTimeString", Form::LocaleTime),
];

/// All other methods that know of local time, with their lengths.
const OTHERS: [(&CStr, u8, Method); 3] =
    [(c"getTimezoneOffset", 0, offset), (c"getYear", 0, get_year), (c"setYear", 1, set_year)];

const METHODS: usize = TWINS.len() + PRINTERS.len() + OTHERS.len();

type Method = unsafe extern "C" fn(*mut JSContext, JSValue, c_int, *mut JSValue) -> JSValue;
/// One that several functions share, which differ by the number that they pass.
type Shared = unsafe extern "C" fn(*mut JSContext, JSValue, c_int, *mut JSValue, c_int) -> JSValue;

static FOUND: OnceLock<Found> = OnceLock::new();

const UNKNOWN: EngineError = EngineError::Unsupported { message: "the linked QuickJS has unknown dates" };

/// What there is of the engine's (L2), and what takes its place.
struct Found {
    /// Where a function object has its function.
    function_at: usize,
    /// The symbol's atom, which is the same in each runtime.
    to_primitive_name: qjs::JSAtom,
    construct: Method,
    now: Method,
    parse: Method,
    utc: Method,
    set_time: Method,
    /// `Date.prototype[Symbol.toPrimitive]`.
    to_primitive: Method,
    twins: [Twin; TWINS.len()],
    methods: [JSCFunctionListEntry; METHODS],
    statics: [JSCFunctionListEntry; 1],
}

// SAFETY: its pointers are to functions and to constant names.
unsafe impl Send for Found {}
// SAFETY: as above; nothing of it changes.
unsafe impl Sync for Found {}

/// A method for UTC, with the number by which it knows what it is to do.
#[derive(Clone, Copy)]
struct Twin {
    code: Shared,
    magic: i16,
    length: u8,
}

/// Finds the engine's functions, if they are not known yet, in a context that no script has changed. On no fiber.
pub(crate) fn find(js: Js) -> std::result::Result<(), EngineError> {
    if FOUND.get().is_none() {
        let found = Found::search(js).map_err(|thrown| js.swallow(thrown)).ok().flatten().ok_or(UNKNOWN)?;
        // Another thread has found the same.
        let _ = FOUND.set(found);
    }
    Ok(())
}

fn found() -> &'static Found {
    FOUND.get().expect("an engine begins by finding them")
}

/// Takes the machine's time zone out of a new realm's dates.
pub(crate) fn use_utc(js: Js) -> Result<()> {
    let found = found();
    let global = js.global();
    let constructor = js.get(&global, c"Date")?;
    let prototype = js.get(&constructor, c"prototype")?;
    // SAFETY: L2: the object is a function of the engine's, which has its code there.
    unsafe { code_at(&constructor, found.function_at).write(JSCFunctionType { generic: Some(construct) }) };
    replace(js, &constructor, &found.statics)?;
    replace(js, &prototype, &found.methods)?;
    [global, constructor, prototype].into_iter().for_each(|value| js.free(value));
    Ok(())
}

/// Puts functions in the places of those with the same names, all of which are there.
fn replace(js: Js, object: &Value, functions: &'static [JSCFunctionListEntry]) -> Result<()> {
    for function in functions {
        // SAFETY: the name is a constant; the atom is freed again.
        js.check_status(unsafe {
            let atom = qjs::JS_NewAtom(js.context(), function.name);
            let status = qjs::JS_DeleteProperty(js.context(), object.raw(), atom, 0);
            qjs::JS_FreeAtom(js.context(), atom);
            status
        })?;
    }
    let count = functions.len() as c_int;
    // SAFETY: V1; the list is a constant, and the object has none of these names.
    js.check_status(unsafe { qjs::JS_SetPropertyFunctionList(js.context(), object.raw(), functions.as_ptr(), count) })
}

impl Found {
    /// `None` if the objects are not as they should be.
    fn search(js: Js) -> Result<Option<Self>> {
        let Some(function_at) = function_offset(js)? else { return Ok(None) };
        let global = js.global();
        let (constructor, symbol) = (js.get(&global, c"Date")?, js.get(&global, c"Symbol")?);
        let prototype = js.get(&constructor, c"prototype")?;
        let name = js.get(&symbol, c"toPrimitive")?;
        let code_of = |function: Value| {
            // SAFETY: L2: the object is a function of the engine's, which has its code there, and stays with its owner.
            let code = unsafe { code_at(&function, function_at).read().generic };
            js.free(function);
            code
        };
        let method = |object: &Value, name: &CStr| js.get(object, name).map(code_of);
        let mut twins = Vec::new();
        for (_, twin) in TWINS {
            twins.push(Twin::of(js, js.get(&prototype, twin)?, function_at));
        }
        let construct = code_of(js.duplicate(&constructor));
        let to_primitive = code_of(js.get_key(&prototype, &name)?);
        let (now, parse) = (method(&constructor, c"now")?, method(&constructor, c"parse")?);
        let (utc, set_time) = (method(&constructor, c"UTC")?, method(&prototype, c"setTime")?);
        // SAFETY: V1; the atom is one that no runtime ever frees.
        let to_primitive_name = unsafe { qjs::JS_ValueToAtom(js.context(), name.raw()) };
        [global, constructor, symbol, prototype, name].into_iter().for_each(|value| js.free(value));
        let whole = || {
            let twins: [Twin; TWINS.len()] = twins.into_iter().collect::<Option<Vec<_>>>()?.try_into().ok()?;
            Some(Self {
                function_at,
                to_primitive_name,
                construct: construct?,
                now: now?,
                parse: parse?,
                utc: utc?,
                set_time: set_time?,
                to_primitive: to_primitive?,
                methods: methods(&twins),
                twins,
                statics: [listed(c"parse", 1, self::parse)],
            })
        };
        Ok(whole())
    }
}

/// Where a function object has its function: found in one that was made with a known one.
fn function_offset(js: Js) -> Result<Option<usize>> {
    /// What the least of objects take.
    const WORDS: usize = 9;
    let (code, generic): (Method, _) = (construct, qjs::JSCFunctionEnum_JS_CFUNC_generic);
    // SAFETY: V1; the function is not called.
    let function = js.check(unsafe { qjs::JS_NewCFunction2(js.context(), Some(code), c"".as_ptr(), 0, generic, 0) })?;
    // SAFETY: an object has as many words; nothing behind the function is read.
    let found = (0..WORDS).find(|word| unsafe { word_at(&function, *word).read() } == code as usize);
    js.free(function);
    Ok(found.map(|word| word * size_of::<usize>()))
}

fn word_at(object: &Value, word: usize) -> *const usize {
    ptr::with_exposed_provenance(object.address() + word * size_of::<usize>())
}

fn code_at(function: &Value, function_at: usize) -> *mut JSCFunctionType {
    ptr::with_exposed_provenance_mut(function.address() + function_at)
}

impl Twin {
    fn of(js: Js, function: Value, function_at: usize) -> Option<Self> {
        // SAFETY: L2: the object is a function of the engine's, which has its code there, and then its length, its
        // signature and its number.
        let (code, [length, signature], magic) = unsafe {
            let code = code_at(&function, function_at);
            let rest = code.add(1).cast::<[u8; 2]>();
            (code.read().generic_magic, rest.read(), rest.add(1).cast::<i16>().read())
        };
        js.free(function);
        let has_magic = qjs::JSCFunctionEnum::from(signature) == qjs::JSCFunctionEnum_JS_CFUNC_generic_magic;
        code.filter(|_| has_magic).map(|code| Self { code, magic, length })
    }

    /// What it answers for `this`, given `arguments` that it does not keep.
    fn call<const N: usize>(self, js: Js, this: JSValue, arguments: [JSValue; N]) -> Result {
        let mut arguments = arguments;
        // SAFETY: L2: it is a function of this signature.
        js.check(unsafe {
            (self.code)(js.context(), this, N as c_int, arguments.as_mut_ptr(), c_int::from(self.magic))
        })
    }
}

/// A builtin that is made when it is asked for.
fn listed(name: &'static CStr, length: u8, code: Method) -> JSCFunctionListEntry {
    let generic = qjs::JSCFunctionEnum_JS_CFUNC_generic;
    entry(name, length, generic, JSCFunctionType { generic: Some(code) }, 0)
}

fn listed_shared(name: &'static CStr, length: u8, code: Shared, magic: i16) -> JSCFunctionListEntry {
    let generic_magic = qjs::JSCFunctionEnum_JS_CFUNC_generic_magic;
    entry(name, length, generic_magic, JSCFunctionType { generic_magic: Some(code) }, magic)
}

fn entry(
    name: &'static CStr,
    length: u8,
    signature: qjs::JSCFunctionEnum,
    cfunc: JSCFunctionType,
    magic: i16,
) -> JSCFunctionListEntry {
    let func = qjs::JSCFunctionListEntry__bindgen_ty_1__bindgen_ty_1 { length, cproto: signature as u8, cfunc };
    let u = qjs::JSCFunctionListEntry__bindgen_ty_1 { func };
    let (prop_flags, def_type) = (HIDDEN as u8, qjs::JS_DEF_CFUNC as u8);
    JSCFunctionListEntry { name: name.as_ptr(), prop_flags, def_type, magic, u }
}

fn methods(twins: &[Twin; TWINS.len()]) -> [JSCFunctionListEntry; METHODS] {
    let of_twins =
        TWINS.iter().zip(twins).map(|((name, _), twin)| listed_shared(name, twin.length, twin.code, twin.magic));
    let printers = PRINTERS.iter().zip(0..).map(|((name, _), number)| listed_shared(name, 0, print, number));
    let others = OTHERS.iter().map(|(name, length, code)| listed(name, *length, *code));
    let mut all = of_twins.chain(printers).chain(others);
    std::array::from_fn(|_| all.next().expect("METHODS is their number"))
}

// What takes the place of the engine's functions. Each calls those in an order that a script cannot tell from theirs.

unsafe extern "C" fn offset(ctx: *mut JSContext, this: JSValue, _argc: c_int, _argv: *mut JSValue) -> JSValue {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    given(full_year(js, this).map(|year| js.number(if year.is_nan() { year } else { 0.0 })))
}

unsafe extern "C" fn get_year(ctx: *mut JSContext, this: JSValue, _argc: c_int, _argv: *mut JSValue) -> JSValue {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    given(full_year(js, this).map(|year| js.number(year - 1_900.0)))
}

unsafe extern "C" fn set_year(ctx: *mut JSContext, this: JSValue, _argc: c_int, argv: *mut JSValue) -> JSValue {
    // SAFETY: C1; the function has one parameter, for which there is a value.
    let (js, given_year) = unsafe { (state::callback_context(ctx), argv.read()) };
    let set = || {
        full_year(js, this)?;
        let year = js.to_number(&Value::from_raw(given_year))?;
        if year.is_nan() {
            return call(js, found().set_time, this, [js.number(year).into_raw()]);
        }
        let short = year.trunc();
        let year = if (0.0..100.0).contains(&short) { short + 1_900.0 } else { year };
        found().twins[SET_FULL_YEAR].call(js, this, [js.number(year).into_raw()])
    };
    given(set())
}

/// The year of a date, NaN if it is invalid; throws if `this` is none.
fn full_year(js: Js, this: JSValue) -> Result<f64> {
    field(js, this, GET_FULL_YEAR)
}

fn field(js: Js, this: JSValue, twin: usize) -> Result<f64> {
    let value = found().twins[twin].call(js, this, [])?;
    Ok(value.as_number().unwrap_or(f64::NAN))
}

unsafe extern "C" fn print(
    ctx: *mut JSContext,
    this: JSValue,
    _argc: c_int,
    _argv: *mut JSValue,
    printer: c_int,
) -> JSValue {
    // SAFETY: C1.
    let js = unsafe { state::callback_context(ctx) };
    given(printed(js, this, PRINTERS[printer as usize].1))
}

fn printed(js: Js, this: JSValue, form: Form) -> Result {
    let mut fields = [0; FIELDS.len()];
    for (field, twin) in fields.iter_mut().zip(FIELDS) {
        let value = self::field(js, this, twin)?;
        if value.is_nan() {
            return js.string("Invalid Date");
        }
        *field = value as i32;
    }
    js.utf8(text::written(&text::print(form, Fields(fields))))
}

unsafe extern "C" fn parse(ctx: *mut JSContext, _this: JSValue, _argc: c_int, argv: *mut JSValue) -> JSValue {
    // SAFETY: C1; the function has one parameter, for which there is a value.
    let (js, text) = unsafe { (state::callback_context(ctx), argv.read()) };
    given(parsed(js, &Value::from_raw(text)))
}

/// The time that a text tells.
fn parsed(js: Js, value: &Value) -> Result {
    let text = js.text(value)?;
    let line = text::in_utc(text.as_bytes());
    js.free_text(text);
    let text = js.utf8(text::written(&line))?;
    let time = call(js, found().parse, qjs::JS_UNDEFINED, [text.raw()]);
    js.free(text);
    time
}

unsafe extern "C" fn construct(ctx: *mut JSContext, new_target: JSValue, argc: c_int, argv: *mut JSValue) -> JSValue {
    // SAFETY: C1; the constructor has seven parameters, for each of which there is a value.
    let (js, first) = unsafe { (state::callback_context(ctx), argv.read()) };
    let construct = |time: Value| {
        let date = call(js, found().construct, new_target, [time.raw()]);
        js.free(time);
        date
    };
    given(match argc {
        _ if Value::from_raw(new_target).is_undefined() => now_printed(js),
        ..=0 => call(js, found().construct, new_target, []),
        1 => time(js, first).and_then(construct),
        // SAFETY: the arguments of this call, as they came.
        _ => js.check(unsafe { (found().utc)(ctx, qjs::JS_UNDEFINED, argc, argv) }).and_then(construct),
    })
}

/// What `Date()` gives.
fn now_printed(js: Js) -> Result {
    let now = call(js, found().now, qjs::JS_UNDEFINED, [])?;
    // SAFETY: V1.
    let date = js.check(unsafe { qjs::JS_NewDate(js.context(), now.as_number().unwrap_or(f64::NAN)) })?;
    let text = printed(js, date.raw(), Form::All);
    js.free(date);
    text
}

/// What the engine's constructor is to be called with for one argument.
fn time(js: Js, argument: JSValue) -> Result {
    let argument = js.duplicate(&Value::from_raw(argument));
    if js.brand(&argument) == "Date" {
        return Ok(argument);
    }
    let is_object = argument.is_object();
    let primitive = if is_object { to_primitive(js, &argument) } else { Ok(js.duplicate(&argument)) };
    js.free(argument);
    let primitive = primitive?;
    if !primitive.is_string() {
        return Ok(primitive);
    }
    let time = parsed(js, &primitive);
    js.free(primitive);
    time
}

/// `ToPrimitive(object)` of the language.
fn to_primitive(js: Js, object: &Value) -> Result {
    // SAFETY: V1; L2: the atom is that of the symbol.
    let method = js.check(unsafe { qjs::JS_GetProperty(js.context(), object.raw(), found().to_primitive_name) })?;
    if method.is_undefined() || method.is_null() {
        let hint = js.string("number")?;
        let primitive = call(js, found().to_primitive, object.raw(), [hint.raw()]);
        js.free(hint);
        return primitive;
    }
    let hint = js.string("default")?;
    let primitive = js.call(&method, object, [&hint]);
    [method, hint].into_iter().for_each(|value| js.free(value));
    let primitive = primitive?;
    if !primitive.is_object() {
        return Ok(primitive);
    }
    js.free(primitive);
    Err(js.throw_error(ErrorClass::Type, format_args!("toPrimitive")))
}

/// Calls a function of the engine's with as many arguments as it looks at.
fn call<const N: usize>(js: Js, code: Method, this: JSValue, arguments: [JSValue; N]) -> Result {
    let mut arguments = arguments;
    // SAFETY: L2: it is a function of this signature; it borrows its arguments.
    js.check(unsafe { code(js.context(), this, N as c_int, arguments.as_mut_ptr()) })
}

fn given(result: Result) -> JSValue {
    result.map_or(qjs::JS_EXCEPTION, Value::into_raw)
}
