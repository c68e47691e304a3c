//! The function that interprets bytecode: what is interrupted there is a script, and not one of its builtins.

use std::ffi::{c_int, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};
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

/// Finds it once for the process, with a context that may evaluate text and its poll counter. It polls no more
/// afterwards.
///
/// In the calls that lead to a poll of functions that call one another, it is the one that calls itself.
pub(crate) fn find(js: Js, poll_counter: NonNull<i32>) {
    const CALLS: &str = "const call = depth => { depth && call(depth - 1) }; call(3)";
    INTERPRETER.get_or_init(|| {
        let mut search = Search { poll_counter, found: None };
        // SAFETY: the runtime is live, and what it calls lives as long as it may poll.
        unsafe { qjs::JS_SetInterruptHandler(js.runtime(), Some(on_poll), (&raw mut search).cast()) };
        search.poll_at_next_call();
        let ran = js.compile(&Terminated::new([CALLS]), c"calls", 0, 1).and_then(|compiled| js.evaluate(compiled));
        // SAFETY: as above.
        unsafe { qjs::JS_SetInterruptHandler(js.runtime(), None, ptr::null_mut()) };
        ran.map(|value| js.free(value)).ok()?;
        extent(search.found?)
    });
}

struct Search {
    poll_counter: NonNull<i32>,
    found: Option<usize>,
}

impl Search {
    fn poll_at_next_call(&self) {
        // SAFETY: L1: the counter of the context that is searched with.
        unsafe { self.poll_counter.write_volatile(1) };
    }
}

unsafe extern "C" fn on_poll(_: *mut qjs::JSRuntime, search: *mut c_void) -> c_int {
    // SAFETY: what `find` has passed.
    let search = unsafe { &mut *search.cast::<Search>() };
    let mut callee = 0;
    unwind::visit_callers(|frame: Frame| {
        let function = frame.function();
        if function == callee && Code::of_process().is_some_and(|code| code.is_engine(function)) {
            search.found = Some(function);
        }
        callee = function;
        search.found.is_none()
    });
    if search.found.is_none() {
        search.poll_at_next_call();
    }
    0
}
