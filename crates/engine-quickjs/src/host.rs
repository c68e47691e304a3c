//! Host operations: functions that return promises, calls as data, and replies that settle them.
//!
//! A pending call is three entries of the table `calls`, which no script reaches: its promise's resolve and reject
//! functions, and an error made where the call was made, so that a failure has the script's own stack.

use std::ffi::c_int;
use std::fmt;

use isolet_core_traits::{
    CallId, FailureKind, HostCall, HostFailure, HostFailureKind, HostInterface, HostReply, OperationId, Payload,
};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, FIXED, HIDDEN, Js, PLAIN, Result, Thrown, Value};
use crate::payload::{self, Decodable, Malformed, Undecodable};
use crate::realm;
use crate::state::{self, HOST_ERRORS_MAX, HostError, Operation, RunData};

const SLOTS: u32 = 3;
/// So many calls have room for their slots among the indices of the table.
const CALLS_MAX: u32 = 1 << 28;
/// Pending calls may hold this many times the payload of one call.
const PENDING_PAYLOADS_MAX: usize = 16;

/// Makes the namespaces: frozen globals of those that are exposed. Gives the others, as properties of one object.
pub(crate) fn install(js: Js, interface: &HostInterface) -> Result {
    let hidden = js.bare_object()?;
    for (namespace_number, namespace) in interface.namespaces().iter().enumerate() {
        let object = js.object()?;
        for (number, operation) in namespace.operations.iter().enumerate() {
            let id = OperationId { namespace: namespace_number as u16, operation: number as u16 };
            let index = state::with(js, |state| {
                let operations = &mut state.constants.operations;
                operations.push(Operation { id, arguments_max: operation.arguments_max });
                operations.len() as i32 - 1
            });
            let function = js.function(&operation.name, operation.arguments_max, call_host, &[index])?;
            js.freeze(&function)?;
            js.define(&object, &operation.name, function, FIXED)?;
        }
        js.freeze(&object)?;
        match namespace.exposed {
            true => js.define(&js.global(), &namespace.name, object, HIDDEN)?,
            false => js.define(&hidden, &namespace.name, object, FIXED)?,
        }
    }
    Ok(hidden)
}

unsafe extern "C" fn call_host(
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
    let index = unsafe { qjs::JS_VALUE_GET_INT(*data) } as usize;
    call(js, index, arguments).map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

/// `own.cancel()` gives the number of the call that was made last, and `own.cancel(number)` takes a call back.
pub(crate) unsafe extern "C" fn cancel(
    ctx: *mut JSContext,
    _this: JSValue,
    argc: c_int,
    argv: *mut JSValue,
    _magic: c_int,
    _data: *mut JSValue,
) -> JSValue {
    // SAFETY: C1.
    let (js, arguments) = unsafe { (state::callback_context(ctx), Value::arguments(argc, argv)) };
    let cancelled = match arguments.first().and_then(Value::as_number) {
        None => Ok(js.number(state::with(js, |state| state.run.next_call) as f64 - 1.0)),
        Some(number) => take_back(js, number as u32).map(|()| Value::UNDEFINED),
    };
    cancelled.map_or(qjs::JS_EXCEPTION, Value::into_raw)
}

/// The call's promise never settles.
fn take_back(js: Js, number: u32) -> Result<()> {
    let was_pending = state::with(js, |state| {
        let run = &mut state.run;
        let was_pending = run.pending.remove(&number).is_some();
        let made = run.outbox.len();
        run.outbox.retain(|call| call.id != CallId(number));
        if was_pending && run.outbox.len() == made {
            run.cancelled.push(CallId(number));
        }
        was_pending
    });
    if was_pending {
        take_slots(js, number)?.into_iter().for_each(|value| js.free(value));
    }
    Ok(())
}

/// Makes a promise and notes the call. What is wrong with a call rejects its promise; only the run's end throws.
fn call(js: Js, index: usize, arguments: &[Value]) -> Result {
    let [promise, resolve, reject] = js.promise()?;
    match prepare(js, index, arguments) {
        Ok((id, error)) => note(js, id, [resolve, reject, error])?,
        Err(thrown) => {
            let reason = js.exception(thrown);
            if let Some(why) = state::with(js, |state| state.run.stop) {
                return Err(realm::stop(js, why));
            }
            js.call(&reject, &Value::UNDEFINED, [&reason])?;
            [reason, resolve, reject].into_iter().for_each(|value| js.free(value));
        }
    }
    Ok(promise)
}

/// Puts the call among those to be made. Gives its number and an error made where it was made.
fn prepare(js: Js, index: usize, arguments: &[Value]) -> Result<(u32, Value)> {
    let Operation { id, arguments_max } = state::with(js, |state| state.constants.operations[index]);
    // First what runs script code, then what counts the call.
    let encoded = payload::encode(js, &arguments[..arguments.len().min(usize::from(arguments_max))])?;
    let error = error_here(js)?;
    let submitted = state::with(js, |state| {
        let buffers = state.run.buffers.split_off(encoded.first_buffer);
        state.run.buffer_bytes -= buffers.iter().map(|buffer| payload::held(buffer.len())).sum::<usize>();
        let (bytes, bytes_max) = (encoded.json.as_bytes().len(), state.run.limits.host_payload_bytes);
        if bytes > bytes_max {
            return Err(Refusal::Payload { bytes, bytes_max });
        }
        submit(&mut state.run, id, Payload { json: encoded.json.read().into_owned(), buffers })
    });
    js.free_text(encoded.json);
    match submitted {
        Ok(id) => Ok((id, error)),
        Err(refusal) => {
            js.free(error);
            Err(refusal.throw(js))
        }
    }
}

/// Why a call is not made: what there is too much of.
enum Refusal {
    Calls,
    Pending { calls_max: usize },
    Payload { bytes: usize, bytes_max: usize },
    PendingPayloads { bytes: usize },
}

fn submit(run: &mut RunData, operation: OperationId, payload: Payload) -> std::result::Result<u32, Refusal> {
    let (calls_max, bytes_max) = (run.limits.host_calls_pending, run.limits.host_payload_bytes);
    let (bytes, pending) = (payload.bytes(), run.pending.values().sum::<usize>());
    if run.next_call > CALLS_MAX {
        return Err(Refusal::Calls);
    }
    if run.pending.len() >= calls_max {
        return Err(Refusal::Pending { calls_max });
    }
    if bytes > bytes_max {
        return Err(Refusal::Payload { bytes, bytes_max });
    }
    if pending + bytes > bytes_max.saturating_mul(PENDING_PAYLOADS_MAX) {
        return Err(Refusal::PendingPayloads { bytes: pending });
    }
    let id = run.next_call;
    run.next_call += 1;
    run.pending.insert(id, bytes);
    run.outbox.push(HostCall { id: CallId(id), operation, payload });
    Ok(id)
}

impl Refusal {
    fn throw(&self, js: Js) -> Thrown {
        let throw = |message: fmt::Arguments<'_>| js.throw_error(ErrorClass::Range, message);
        match self {
            Self::Calls => throw(format_args!("too many host calls: at most {CALLS_MAX} may be made in a run")),
            Self::Pending { calls_max } => {
                throw(format_args!("too many host calls at once: at most {calls_max} may be pending"))
            }
            Self::Payload { bytes, bytes_max } => {
                throw(format_args!("the call's payload has {bytes} bytes, at most {bytes_max} are allowed"))
            }
            Self::PendingPayloads { bytes } => {
                throw(format_args!("the payloads of pending host calls have {bytes} bytes: await some of them first"))
            }
        }
    }
}

fn note(js: Js, id: u32, slots: [Value; SLOTS as usize]) -> Result<()> {
    let calls = state::constant(js, |constants| &constants.calls);
    for (slot, value) in (0..SLOTS).zip(slots) {
        js.define_index(&calls, id * SLOTS + slot, value)?;
    }
    js.free(calls);
    Ok(())
}

/// An `Error` with the stack of the call that is being made.
fn error_here(js: Js) -> Result {
    let constructor = state::constant(js, |constants| &constants.error_constructor);
    let error = js.construct(&constructor);
    js.free(constructor);
    error
}

/// A reply, laid out for the engine.
pub(crate) struct Reply {
    call: u32,
    result: std::result::Result<Decodable, HostFailure>,
}

impl Reply {
    pub(crate) fn new(HostReply { call: CallId(call), result }: HostReply) -> Self {
        let decodable = |payload| Decodable::new(payload).map_err(|Malformed(what)| malformed(what));
        Self { call, result: result.and_then(decodable) }
    }
}

fn malformed(what: &str) -> HostFailure {
    HostFailure::new(HostFailureKind::Failed, MALFORMED, what)
}

/// The name of the error that a malformed reply is.
const MALFORMED: &str = "HostError";

/// A failure as its error tells it.
struct Told<'a> {
    name: &'a str,
    message: &'a str,
    code: Option<&'a str>,
    kind: HostFailureKind,
    retryable: bool,
    retry_after_ms: Option<u64>,
}

impl<'a> Told<'a> {
    fn malformed(message: &'a str) -> Self {
        let (kind, retryable) = (HostFailureKind::Failed, false);
        Self { name: MALFORMED, message, code: None, kind, retryable, retry_after_ms: None }
    }
}

impl<'a> From<&'a HostFailure> for Told<'a> {
    fn from(failure: &'a HostFailure) -> Self {
        let HostFailure { name, message, code, kind, retryable, retry_after_ms, .. } = failure;
        let (kind, retryable, retry_after_ms) = (*kind, *retryable, *retry_after_ms);
        Self { name, message, code: code.as_deref(), kind, retryable, retry_after_ms }
    }
}

/// Settles the promise of a pending call; ignores a reply that nothing waits for.
pub(crate) fn settle(js: Js, reply: &Reply) -> Result<()> {
    if state::with(js, |state| state.run.pending.remove(&reply.call)).is_none() {
        return Ok(());
    }
    let [resolve, reject, error] = take_slots(js, reply.call)?;
    let settled = match reply.result.as_ref().map(|decodable| payload::decode(js, decodable)) {
        Ok(Ok(value)) => settle_with(js, &resolve, value),
        Ok(Err(Undecodable::Thrown(thrown))) => {
            let reason = js.exception(thrown);
            settle_with(js, &reject, reason)
        }
        Ok(Err(Undecodable::Malformed(Malformed(what)))) => fail_with(js, &reject, &Told::malformed(what), &error),
        Err(failure) => fail_with(js, &reject, &failure.into(), &error),
    };
    [resolve, reject, error].into_iter().for_each(|value| js.free(value));
    settled
}

fn settle_with(js: Js, function: &Value, value: Value) -> Result<()> {
    let result = js.call(function, &Value::UNDEFINED, [&value]);
    js.free(value);
    result.map(|nothing| js.free(nothing))
}

fn take_slots(js: Js, id: u32) -> Result<[Value; SLOTS as usize]> {
    let calls = state::constant(js, |constants| &constants.calls);
    let slots = [0, 1, 2].map(|slot| js.get_index(&calls, id * SLOTS + slot));
    (0..SLOTS).for_each(|slot| js.delete_index(&calls, id * SLOTS + slot));
    js.free(calls);
    let [resolve, reject, error] = slots;
    Ok([resolve?, reject?, error?])
}

fn fail_with(js: Js, reject: &Value, failure: &Told<'_>, error: &Value) -> Result<()> {
    fail(js, failure, error)?;
    settle_with(js, reject, js.duplicate(error))
}

/// Makes `error` tell of the failure, and notes it in case nobody catches it.
fn fail(js: Js, failure: &Told<'_>, error: &Value) -> Result<()> {
    js.define(error, "name", js.string(failure.name)?, HIDDEN)?;
    js.define(error, "message", js.string(failure.message)?, HIDDEN)?;
    if let Some(code) = failure.code {
        js.define(error, "code", js.string(code)?, PLAIN)?;
    }
    js.define(error, "retryable", js.boolean(failure.retryable), PLAIN)?;
    if let Some(after) = failure.retry_after_ms {
        js.define(error, "retryAfterMs", js.number(after as f64), PLAIN)?;
    }
    let kind = match failure.kind {
        HostFailureKind::Failed => FailureKind::Host,
        HostFailureKind::BadArguments => FailureKind::Runtime,
        HostFailureKind::RateLimited => FailureKind::RateLimited,
        HostFailureKind::Denied => FailureKind::SandboxViolation,
    };
    let noted = HostError { error: js.duplicate(error), kind, retryable: failure.retryable };
    let forgotten = state::with(js, |state| {
        let errors = &mut state.run.host_errors;
        errors.push(noted);
        (errors.len() > HOST_ERRORS_MAX).then(|| errors.remove(0))
    });
    forgotten.into_iter().for_each(|old| js.free(old.error));
    Ok(())
}
