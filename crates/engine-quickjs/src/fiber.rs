//! Engine code on a stack of its own, which can be suspended at any poll, and left at any call of the allocator or of the
//! interrupt handler.
//!
//! ```text
//! worker:  Fiber::start ──▶ enter ────────────────────────────────▶ Ran::Returned(result)
//!             Fiber::resume ──▶ │                                       ▲ returns
//!                               ▼                                       │
//! fiber:                      work ── engine ──┬─ poll: slice over ── suspend ──▶ Ran::Suspended(fiber)
//!                                              └─ allocator: no room ── leave ──▶ Ran::Left: the stack is forgotten
//! ```
//!
//! Leaving unwinds nothing, and a suspended fiber may be dropped, which is to leave it. So code on a fiber owns nothing
//! outside of the VM's memory, but inside of one closure of [`state::with`](crate::state::with), which calls nothing that
//! can suspend or leave (F1).

use std::cell::Cell;
use std::io;
use std::mem::ManuallyDrop;
use std::ptr;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::stack::{Stack, Stacks};

/// Why code on a fiber gives its thread away.
enum Pause {
    /// It wants to go on later.
    Suspended,
    /// It never goes on.
    Left,
}

thread_local! {
    /// The fiber that this thread is on.
    static ENTERED: Cell<*const Yielder<(), Pause>> = const { Cell::new(ptr::null()) };
}

/// Whether the calling code is on a fiber.
pub(crate) fn is_entered() -> bool {
    !ENTERED.get().is_null()
}

/// Code on a stack of its own that has not ended. Dropping it leaves it.
pub(crate) struct Fiber<T> {
    coroutine: ManuallyDrop<Coroutine<(), Pause, T, Stack>>,
    stacks: Stacks,
}

/// What became of code on a fiber.
pub(crate) enum Ran<T> {
    Returned(T),
    /// It is to be resumed, on the same thread.
    Suspended(Fiber<T>),
    Left,
}

// SAFETY: F3: what is on its stack belongs to the VM that holds it, and it is resumed on the thread that started it, or
// dropped.
unsafe impl<T> Send for Fiber<T> {}

impl<T> Fiber<T> {
    /// Runs `work` on a stack of at least `stack_bytes`.
    ///
    /// # Errors
    /// If there is no memory for a stack.
    ///
    /// # Safety
    /// While `work` calls code that may [`suspend`] or [`leave`], neither it nor any frame below may own something that
    /// has to be dropped, or hold a lock or a borrow (F1). What it refers to must live until the fiber has ended or is
    /// dropped.
    pub(crate) unsafe fn start(stacks: &Stacks, stack_bytes: usize, work: impl FnOnce() -> T) -> io::Result<Ran<T>> {
        const { assert!(!std::mem::needs_drop::<T>(), "what is left is not dropped") };
        let stack = stacks.take(stack_bytes)?;
        let on_fiber = move |yielder: &Yielder<(), Pause>, ()| {
            ENTERED.set(yielder);
            work()
        };
        // SAFETY: the caller's contract on what `work` refers to.
        let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, on_fiber) };
        Ok(Self { coroutine: ManuallyDrop::new(coroutine), stacks: stacks.clone() }.resume())
    }

    /// Goes on, on the thread that started it (F3).
    pub(crate) fn resume(mut self) -> Ran<T> {
        let _exit = Exit(ENTERED.get());
        match self.coroutine.resume(()) {
            CoroutineResult::Return(result) => Ran::Returned(result),
            CoroutineResult::Yield(Pause::Suspended) => Ran::Suspended(self),
            CoroutineResult::Yield(Pause::Left) => Ran::Left,
        }
    }
}

impl<T> Drop for Fiber<T> {
    fn drop(&mut self) {
        // SAFETY: F1: nothing on the fiber's stack has to be dropped. Not used again.
        let stack = unsafe {
            self.coroutine.force_reset();
            ManuallyDrop::take(&mut self.coroutine).into_stack()
        };
        self.stacks.put_back(stack);
    }
}

/// However the fiber gave its thread back, this thread is where it was before.
struct Exit(*const Yielder<(), Pause>);

impl Drop for Exit {
    fn drop(&mut self) {
        ENTERED.set(self.0);
    }
}

/// Gives the thread away until the fiber is resumed. Nothing on no fiber.
pub(crate) fn suspend() {
    pause(Pause::Suspended);
}

/// Leaves the fiber for good. Returns only to callers that are on none.
pub(crate) fn leave() {
    if pause(Pause::Left) {
        // A fiber that was left is never resumed.
        std::process::abort();
    }
}

/// `false` on no fiber.
fn pause(pause: Pause) -> bool {
    let entered = ENTERED.get();
    if entered.is_null() {
        return false;
    }
    // SAFETY: F2: the yielder is that of the fiber which runs on this thread, or the pointer were null.
    unsafe { (*entered).suspend(pause) };
    ENTERED.set(entered);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK_BYTES: usize = 512 << 10;

    fn start<T>(work: impl FnOnce() -> T) -> Ran<T> {
        // SAFETY: the work of these tests owns nothing when it pauses, and what it refers to outlives it.
        unsafe { Fiber::start(&Stacks::default(), STACK_BYTES, work) }.expect("memory")
    }

    fn on_fiber<T>(work: impl FnOnce() -> T) -> Option<T> {
        match start(work) {
            Ran::Returned(result) => Some(result),
            Ran::Suspended(_) | Ran::Left => None,
        }
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
    fn fibers_take_turns() {
        let order = Cell::new(0);
        let step = |expected: usize| {
            assert!(is_entered());
            assert_eq!(order.replace(expected), expected - 1);
        };
        let first = start(|| {
            step(1);
            suspend();
            step(3);
            suspend();
            step(5);
            'a'
        });
        let second = start(|| {
            step(2);
            suspend();
            step(4);
            suspend();
            step(9);
        });
        let (Ran::Suspended(first), Ran::Suspended(second)) = (first, second) else { panic!("both are suspended") };
        assert!(!is_entered());
        let (Ran::Suspended(first), Ran::Suspended(second)) = (first.resume(), second.resume()) else {
            panic!("both are suspended again")
        };
        assert!(matches!(first.resume(), Ran::Returned('a')));
        drop(second);
        assert_eq!(order.get(), 5, "what is dropped never goes on");
    }

    #[test]
    fn a_fiber_inside_a_fiber_is_left_alone() {
        let left = on_fiber(|| {
            let inner = start(leave);
            assert!(matches!(inner, Ran::Left) && is_entered());
            leave();
        });
        assert_eq!((left, is_entered()), (None, false));
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
