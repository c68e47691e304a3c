//! Engine code on a stack of its own, which can be left at any call of the allocator or of the interrupt handler.
//!
//! ```text
//! worker:  run ──▶ enter ─────────────────────────────▶ Some(result)
//!                    │                                      ▲ returns
//!                    ▼                                      │
//! fiber:           work ── engine ── allocator: no room ── leave ──▶ None: the stack is forgotten
//! ```
//!
//! Leaving unwinds nothing. So code on a fiber owns nothing outside of the VM's memory, but inside of one closure of
//! [`state::with`](crate::state::with), which calls nothing that can leave (F1).

use std::cell::Cell;
use std::io;
use std::ptr;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::stack::{Stack, Stacks};

/// What code on a fiber suspends with: that it is left.
struct Left;

thread_local! {
    /// The fiber that this thread is on.
    static ENTERED: Cell<*const Yielder<(), Left>> = const { Cell::new(ptr::null()) };
}

/// Whether the calling code is on a fiber.
pub(crate) fn is_entered() -> bool {
    !ENTERED.get().is_null()
}

/// Runs `work` on a stack of at least `stack_bytes`. `None` if it was left.
///
/// # Errors
/// If there is no memory for a stack.
///
/// # Safety
/// While `work` calls code that may [`leave`], neither it nor any frame below may own something that has to be dropped,
/// or hold a lock or a borrow (F1).
pub(crate) unsafe fn run<T>(stacks: &Stacks, stack_bytes: usize, work: impl FnOnce() -> T) -> io::Result<Option<T>> {
    const { assert!(!std::mem::needs_drop::<T>(), "what is left is not dropped") };
    let stack = stacks.take(stack_bytes)?;
    let on_fiber = move |yielder: &Yielder<(), Left>, ()| {
        ENTERED.set(yielder);
        work()
    };
    // SAFETY: what `work` borrows lives until this function returns, and by then the fiber has returned or is reset.
    let mut fiber: Coroutine<(), Left, T, Stack> = unsafe { Coroutine::with_stack_unchecked(stack, on_fiber) };
    let _exit = Exit;
    let result = match fiber.resume(()) {
        CoroutineResult::Return(result) => Some(result),
        CoroutineResult::Yield(Left) => {
            // SAFETY: F1: nothing on the fiber's stack has to be dropped.
            unsafe { fiber.force_reset() };
            None
        }
    };
    stacks.put_back(fiber.into_stack());
    Ok(result)
}

/// However the fiber was ended, this thread is on none afterwards.
struct Exit;

impl Drop for Exit {
    fn drop(&mut self) {
        ENTERED.set(ptr::null());
    }
}

/// Leaves the fiber for good. Returns only to callers that are on none.
pub(crate) fn leave() {
    let entered = ENTERED.get();
    if entered.is_null() {
        return;
    }
    // SAFETY: F2: the yielder is that of the fiber which runs on this thread, or the pointer were null.
    unsafe { (*entered).suspend(Left) };
    // A fiber that was left is never resumed.
    std::process::abort();
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK_BYTES: usize = 512 << 10;

    fn on_fiber<T>(work: impl FnOnce() -> T) -> Option<T> {
        // SAFETY: the work of these tests owns nothing when it leaves.
        unsafe { run(&Stacks::default(), STACK_BYTES, work) }.expect("memory")
    }

    #[test]
    fn work_returns_or_is_left() {
        let seen = Cell::new(0);
        assert_eq!(on_fiber(|| 7), Some(7));
        let left = on_fiber(|| {
            seen.set(1);
            leave();
            seen.set(2);
        });
        assert_eq!((left, seen.get()), (None, 1));
        assert!(!is_entered());
        leave(); // On no fiber, this is nothing.
        assert_eq!(on_fiber(is_entered), Some(true));
    }

    #[test]
    fn a_panic_comes_through() {
        let panic = std::panic::catch_unwind(|| {
            on_fiber(|| {
                if is_entered() {
                    panic!("on a fiber")
                }
            })
        });
        assert_eq!(panic.expect_err("a panic").downcast_ref(), Some(&"on a fiber"));
        assert!(!is_entered());
    }

    #[test]
    fn the_stack_is_as_large_as_it_must_be() {
        fn deep(frames: usize) -> usize {
            let frame = std::hint::black_box([frames as u8; 1_000]);
            if frames == 0 { usize::from(frame[0]) } else { deep(frames - 1) + usize::from(frame[999] & 1) }
        }
        assert!(on_fiber(|| deep(STACK_BYTES / 8_000)).is_some());
    }
}
