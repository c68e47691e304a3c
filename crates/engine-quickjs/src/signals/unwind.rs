//! The calls on a thread's stack, by the unwinder that Rust's standard library comes with.

use std::ffi::{c_int, c_void};

/// A call that has not ended.
pub(super) struct Frame(*mut c_void);

impl Frame {
    /// Where it is.
    pub(super) fn address(&self) -> usize {
        // SAFETY: a frame that the unwinder has passed, which lives while it is looked at.
        unsafe { _Unwind_GetIP(self.0) }
    }

    /// Where its function begins.
    pub(super) fn function(&self) -> usize {
        // SAFETY: as above.
        unsafe { _Unwind_GetRegionStart(self.0) }
    }
}

/// From the innermost call outwards, while `visit` says so. It must not panic.
pub(super) fn visit_callers<V: FnMut(Frame) -> bool>(mut visit: V) {
    unsafe extern "C" fn step<V: FnMut(Frame) -> bool>(frame: *mut c_void, visit: *mut c_void) -> c_int {
        // SAFETY: what is passed below, and nobody else uses it meanwhile.
        let visit = unsafe { &mut *visit.cast::<V>() };
        c_int::from(!visit(Frame(frame)))
    }
    // SAFETY: `step` keeps to the unwinder's interface.
    unsafe { _Unwind_Backtrace(step::<V>, (&raw mut visit).cast()) };
}

/// Where the function begins that the address lies in; null if it is unknown.
pub(super) fn enclosing_function(address: usize) -> *const c_void {
    // The unwinder looks for the instruction before a return address.
    let after: *const c_void = std::ptr::without_provenance(address + 1);
    // SAFETY: only looks the address up.
    unsafe { _Unwind_FindEnclosingFunction(after) }
}

unsafe extern "C" {
    fn _Unwind_Backtrace(visit: unsafe extern "C" fn(*mut c_void, *mut c_void) -> c_int, data: *mut c_void) -> c_int;
    fn _Unwind_GetIP(frame: *mut c_void) -> usize;
    fn _Unwind_GetRegionStart(frame: *mut c_void) -> usize;
    fn _Unwind_FindEnclosingFunction(address: *const c_void) -> *const c_void;
}
