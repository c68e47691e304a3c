//! The function that interprets bytecode: what is interrupted there is a script, and not one of its builtins.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;

use rquickjs::qjs;

use super::code::{Code, extent};
use super::unwind::{self, Frame};
use crate::js::{Js, Terminated};

static INTERPRETER: OnceLock<Option<Range<usize>>> = OnceLock::new();

/// Whether the address is in the interpreter. Nothing is, where it was not found.
pub(super) fn contains(address: usize) -> bool {
    INTERPRETER.get().and_then(Option::as_ref).is_some_and(|interpreter| interpreter.contains(&address))
}

/// Finds it once for the process, with a context that may evaluate text. It polls no more afterwards.
///
/// In the calls that lead to a poll of functions that call one another, it is the one that calls itself.
pub(crate) fn find(js: Js) {
    const CALLS: &str = "const poll = calls => { for (let i = 0; i < 20_000; i++); calls && poll(calls - 1) }; poll(2)";
    INTERPRETER.get_or_init(|| {
        let mut found = Found::default();
        // SAFETY: the runtime is live, and what it calls lives as long as it may poll.
        unsafe { qjs::JS_SetInterruptHandler(js.runtime(), Some(on_poll), (&raw mut found).cast()) };
        let ran = js.compile(&Terminated::new([CALLS]), c"calls", 0, 1).and_then(|compiled| js.evaluate(compiled));
        // SAFETY: as above.
        unsafe { qjs::JS_SetInterruptHandler(js.runtime(), None, ptr::null_mut()) };
        ran.map(|value| js.free(value)).ok()?;
        extent(found.caller_of_itself?)
    });
}

#[derive(Debug, Default)]
struct Found {
    caller_of_itself: Option<usize>,
}

unsafe extern "C" fn on_poll(_: *mut qjs::JSRuntime, found: *mut c_void) -> c_int {
    // SAFETY: what `find` has passed.
    let found = unsafe { &mut *found.cast::<Found>() };
    let mut callee = 0;
    unwind::visit_callers(|frame: Frame| {
        let function = frame.function();
        if function == callee && Code::of_process().is_some_and(|code| code.is_engine(function)) {
            found.caller_of_itself = Some(function);
        }
        callee = function;
        found.caller_of_itself.is_none()
    });
    0
}
