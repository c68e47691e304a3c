//! Host operations: functions that return promises, calls as data, and replies that settle them.
//!
//! A pending call is three entries of the table `calls`, which no script reaches: its promise's resolve and reject
//! functions, and an error made where the call was made, so that a failure has the script's own stack.

use std::ffi::c_int;

use isolet_core_traits::{
    CallId, FailureKind, HostCall, HostFailure, HostFailureKind, HostInterface, HostReply, OperationId, Payload,
};
use rquickjs::qjs::{self, JSContext, JSValue};

use crate::js::{ErrorClass, FIXED, HIDDEN, Js, PLAIN, Result, Value};
use crate::payload::{self, Undecodable};
use crate::state::{self, HOST_ERRORS_MAX, HostError, Operation};

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
                state.operations.push(Operation { id, arguments_max: operation.arguments_max });
                state.operations.len() as i32 - 1
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

/// Makes a promise and notes the call. What is wrong with a call rejects its promise; only the run's end throws.
fn call(js: Js, index: usize, arguments: &[Value]) -> Result {
    let [promise, resolve, reject] = js.promise()?;
    match prepare(js, index, arguments) {
        Ok((operation, payload)) => note(js, operation, payload, resolve, reject)?,
        Err(thrown) => {
            let reason = js.exception(thrown);
            if let Some(why) = state::with(js, |state| state.stop) {
                return Err(crate::realm::stop(js, why));
            }
            js.call(&reject, &Value::UNDEFINED, &[&reason])?;
            [reason, resolve, reject].into_iter().for_each(|value| js.free(value));
        }
    }
    Ok(promise)
}

fn prepare(js: Js, index: usize, arguments: &[Value]) -> Result<(OperationId, Payload)> {
    let (operation, arguments_max) = state::with(js, |state| {
        let Operation { id, arguments_max } = state.operations[index];
        (id, usize::from(arguments_max))
    });
    let arguments: Vec<&Value> = arguments.iter().take(arguments_max).collect();
    let payload = payload::encode(js, &arguments)?;
    let refusal = state::with(js, |state| {
        let (calls, bytes) = (state.limits.host_calls_pending, state.limits.host_payload_bytes);
        let pending: usize = state.pending.values().sum();
        if state.next_call > CALLS_MAX {
            Some(format!("too many host calls: at most {CALLS_MAX} may be made in a run"))
        } else if state.pending.len() >= calls {
            Some(format!("too many host calls at once: at most {calls} may be pending"))
        } else if payload.bytes() > bytes {
            Some(format!("the call's payload has {} bytes, at most {bytes} are allowed", payload.bytes()))
        } else if pending + payload.bytes() > bytes.saturating_mul(PENDING_PAYLOADS_MAX) {
            Some(format!("the payloads of pending host calls have {pending} bytes: await some of them first"))
        } else {
            None
        }
    });
    match refusal {
        Some(message) => Err(js.throw_error(ErrorClass::Range, &message)),
        None => Ok((operation, payload)),
    }
}

fn note(js: Js, operation: OperationId, payload: Payload, resolve: Value, reject: Value) -> Result<()> {
    let error = error_here(js)?;
    let (id, calls) = state::with(js, |state| {
        let id = state.next_call;
        state.next_call += 1;
        (id, state.calls.as_ref().map(|calls| js.duplicate(calls)))
    });
    let Some(calls) = calls else { return Ok(()) };
    for (slot, value) in (0..SLOTS).zip([resolve, reject, error]) {
        js.define_index(&calls, id * SLOTS + slot, value)?;
    }
    js.free(calls);
    state::with(js, |state| {
        state.pending.insert(id, payload.bytes());
        state.outbox.push(HostCall { id: CallId(id), operation, payload });
    });
    Ok(())
}

/// An `Error` with the stack of the call that is being made.
fn error_here(js: Js) -> Result {
    let constructor = state::with(js, |state| state.error_constructor.as_ref().map(|value| js.duplicate(value)));
    let Some(constructor) = constructor else { return js.object() };
    let error = js.construct(&constructor, &[]);
    js.free(constructor);
    error
}

/// Settles the promise of a pending call; ignores a reply that nothing waits for.
pub(crate) fn settle(js: Js, reply: &HostReply) -> Result<()> {
    let CallId(id) = reply.call;
    if state::with(js, |state| state.pending.remove(&id)).is_none() {
        return Ok(());
    }
    let [resolve, reject, error] = take_slots(js, id)?;
    let settled = match reply.result.as_ref().map(|payload| payload::decode(js, payload)) {
        Ok(Ok(value)) => settle_with(js, &resolve, value),
        Ok(Err(Undecodable::Thrown(thrown))) => {
            let reason = js.exception(thrown);
            settle_with(js, &reject, reason)
        }
        Ok(Err(Undecodable::Malformed(what))) => {
            let message = format!("the host's reply {what}");
            let failure = HostFailure::new(HostFailureKind::Failed, "HostError", message);
            fail(js, &failure, &error)?;
            settle_with(js, &reject, js.duplicate(&error))
        }
        Err(failure) => {
            fail(js, failure, &error)?;
            settle_with(js, &reject, js.duplicate(&error))
        }
    };
    [resolve, reject, error].into_iter().for_each(|value| js.free(value));
    settled
}

fn settle_with(js: Js, function: &Value, value: Value) -> Result<()> {
    let result = js.call(function, &Value::UNDEFINED, &[&value]);
    js.free(value);
    result.map(|nothing| js.free(nothing))
}

fn take_slots(js: Js, id: u32) -> Result<[Value; 3]> {
    let calls = state::with(js, |state| state.calls.as_ref().map(|calls| js.duplicate(calls)));
    let calls = calls.unwrap_or(Value::UNDEFINED);
    let slots = [0, 1, 2].map(|slot| js.get_index(&calls, id * SLOTS + slot));
    (0..SLOTS).for_each(|slot| js.delete_index(&calls, id * SLOTS + slot));
    js.free(calls);
    let [resolve, reject, error] = slots;
    Ok([resolve?, reject?, error?])
}

/// Makes `error` tell of the failure, and notes it in case nobody catches it.
fn fail(js: Js, failure: &HostFailure, error: &Value) -> Result<()> {
    js.define(error, "name", js.string(&failure.name)?, HIDDEN)?;
    js.define(error, "message", js.string(&failure.message)?, HIDDEN)?;
    if let Some(code) = &failure.code {
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
        state.host_errors.push(noted);
        (state.host_errors.len() > HOST_ERRORS_MAX).then(|| state.host_errors.remove(0))
    });
    forgotten.into_iter().for_each(|old| js.free(old.error));
    Ok(())
}
