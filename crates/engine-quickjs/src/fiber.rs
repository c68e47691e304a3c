//! Engine code on a stack of its own, which can be suspended at any poll, left at any call of the allocator or of the
//! interrupt handler, and where signals are in use, suspended at any instruction.
//!
//! ```text
//! worker:  Fiber::start ──▶ enter ────────────────────────────────▶ Ran::Returned(result)
//!             Fiber::resume ──▶ │                                       ▲ returns
//!                               ▼                                       │
//! fiber:                      work ── engine ──┬─ poll: slice over ── suspend ──▶ Ran::Suspended(fiber)
//!                                              ├─ tick, no poll ───── suspend ──▶ the same
//!                                              ├─ allocator: no room ── leave ──▶ Ran::Left: the stack is forgotten
//!                                              └─ fault ─────────────── leave ──▶ Ran::Faulted: the same
//! ```
//!
//! Leaving unwinds nothing, and a suspended fiber may be dropped, which is to leave it. So code on a fiber owns nothing
//! outside of the VM's memory, but inside of one closure of [`state::with`](crate::state::with), which calls nothing that
//! can suspend or leave (F1).

#[cfg(target_arch = "x86_64")]
use std::arch::asm;
use std::cell::Cell;
use std::ffi::c_int;
use std::io;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::{Ordering::SeqCst, compiler_fence};
use std::time::Duration;

use corosensei::{Coroutine, CoroutineResult, Yielder};

use crate::signals;
use crate::stack::{Stack, Stacks};

/// Why code on a fiber gives its thread away.
enum Pause {
    /// It wants to go on later.
    Suspended(At),
    /// It never goes on.
    Left,
    /// It cannot go on, because of this signal.
    Faulted(c_int),
}

/// The poll counter of an engine that is to poll next time.
const ASKED: i32 = 1;

/// Where code was suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Poll,
    /// Inside of a builtin that does not poll.
    Native,
}

/// The fiber that a thread is on, for its handlers.
#[derive(Clone, Copy)]
struct Entered {
    /// Null on none.
    yielder: *const Yielder<(), Pause>,
    poll_counter: *mut i32,
    contains_faults: bool,
    /// Addresses of the stack: its guard, where it may be used, its end.
    guard: usize,
    limit: usize,
    base: usize,
}

impl Entered {
    const NONE: Self = Self {
        yielder: ptr::null(),
        poll_counter: ptr::null_mut(),
        contains_faults: false,
        guard: 0,
        limit: 0,
        base: 0,
    };
}

thread_local! {
    static ENTERED: Cell<Entered> = const { Cell::new(Entered::NONE) };
    /// Whether the engine has polled since the last tick.
    static HAS_POLLED: Cell<bool> = const { Cell::new(true) };
    /// CPU time of the thread when the engine, which has not polled since, could do so next.
    static ASKED_AT: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

/// Whether the calling code is on a fiber.
pub(crate) fn is_entered() -> bool {
    !ENTERED.get().yielder.is_null()
}

/// What code on a fiber runs with.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Where stacks come from.
    pub(crate) stacks: Stacks,
    /// What the stack has at least.
    pub(crate) stack_bytes: usize,
    /// The engine's poll counter: ticks store [`ASKED`], which makes the next poll immediate.
    pub(crate) poll_counter: Option<NonNull<i32>>,
    /// Whether a fault of the engine's leaves it.
    pub(crate) contains_faults: bool,
}

/// Code on a stack of its own that has not ended. Dropping it leaves it.
pub(crate) struct Fiber<T> {
    coroutine: ManuallyDrop<Coroutine<(), Pause, T, Stack>>,
    stacks: Stacks,
    at: At,
}

/// What became of code on a fiber.
pub(crate) enum Ran<T> {
    Returned(T),
    /// It is to be resumed, on the same thread.
    Suspended(Fiber<T>),
    Left,
    /// It was left at a fault, with this signal.
    Faulted(c_int),
}

// SAFETY: F3: what is on its stack belongs to the VM that holds it, and it is resumed on the thread that started it, or
// dropped.
unsafe impl<T> Send for Fiber<T> {}

impl<T> Fiber<T> {
    /// Runs `work` on a stack of its own.
    ///
    /// # Errors
    /// If there is no memory for a stack.
    ///
    /// # Safety
    /// While `work` calls code that may [`suspend`] or [`leave`], or is the engine's, neither it nor any frame below may
    /// own something that has to be dropped, or hold a lock or a borrow (F1). What it refers to, the poll counter
    /// included, must live until the fiber has ended or is dropped.
    pub(crate) unsafe fn start(settings: Settings, work: impl FnOnce() -> T) -> io::Result<Ran<T>> {
        const { assert!(!std::mem::needs_drop::<T>(), "what is left is not dropped") };
        let Settings { stacks, stack_bytes, poll_counter, contains_faults } = settings;
        let stack = stacks.take(stack_bytes)?;
        let entered = Entered {
            poll_counter: poll_counter.map_or(ptr::null_mut(), NonNull::as_ptr),
            contains_faults,
            guard: stack.guard().start,
            limit: stack.guard().end,
            base: stack.usable().end,
            ..Entered::NONE
        };
        let on_fiber = move |yielder: &Yielder<(), Pause>, ()| {
            enter(Entered { yielder, ..entered });
            work()
        };
        // SAFETY: the caller's contract on what `work` refers to.
        let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, on_fiber) };
        Ok(Self { coroutine: ManuallyDrop::new(coroutine), stacks, at: At::Poll }.resume())
    }

    /// Goes on, on the thread that started it (F3).
    pub(crate) fn resume(mut self) -> Ran<T> {
        let _exit = Exit(ENTERED.get());
        // A builtin that was suspended has still not polled.
        HAS_POLLED.set(self.at == At::Poll);
        if self.at == At::Native {
            ASKED_AT.set(cpu_time());
        }
        let modes = Modes::of_thread();
        let result = self.coroutine.resume(());
        modes.set();
        match result {
            CoroutineResult::Return(result) => Ran::Returned(result),
            CoroutineResult::Yield(Pause::Suspended(at)) => {
                self.at = at;
                Ran::Suspended(self)
            }
            CoroutineResult::Yield(Pause::Left) => Ran::Left,
            CoroutineResult::Yield(Pause::Faulted(signal)) => {
                signals::allow();
                Ran::Faulted(signal)
            }
        }
    }

    /// Where it is.
    pub(crate) fn at(&self) -> At {
        self.at
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
struct Exit(Entered);

impl Drop for Exit {
    fn drop(&mut self) {
        ENTERED.set(self.0);
    }
}

/// How the thread computes with floats: rounding, denormals. A function keeps that, but a handler begins as the system
/// likes, and what gives the thread away inside of one does not end it.
struct Modes {
    #[cfg(target_arch = "x86_64")]
    vector: u32,
    #[cfg(target_arch = "x86_64")]
    x87: u16,
}

impl Modes {
    fn of_thread() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            let (mut vector, mut x87) = (0, 0);
            // SAFETY: writes the two registers to memory.
            unsafe {
                asm!("stmxcsr [{}]", in(reg) &raw mut vector, options(nostack, preserves_flags));
                asm!("fnstcw [{}]", in(reg) &raw mut x87, options(nostack, preserves_flags));
            }
            Self { vector, x87 }
        }
        #[cfg(not(target_arch = "x86_64"))]
        Self {}
    }

    fn set(self) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the registers had these values before.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const self.vector, options(nostack, readonly, preserves_flags));
            asm!("fldcw [{}]", in(reg) &raw const self.x87, options(nostack, readonly, preserves_flags));
        }
    }
}

/// The thread is on this fiber, and has ticks.
fn enter(entered: Entered) {
    ENTERED.set(entered);
    compiler_fence(SeqCst);
    signals::go_on();
}

/// The engine has polled.
pub(crate) fn polled() {
    HAS_POLLED.set(true);
}

/// Gives the thread away until the fiber is resumed. Nothing on no fiber.
pub(crate) fn suspend() {
    pause(Pause::Suspended(At::Poll));
}

/// Leaves the fiber for good. Returns only to callers that are on none.
pub(crate) fn leave() {
    if pause(Pause::Left) {
        // A fiber that was left is never resumed.
        std::process::abort();
    }
}

/// What a tick of the thread has found.
pub(crate) enum Tick {
    /// The thread is on no fiber.
    Nothing,
    /// The engine polls soon.
    Asked,
    /// It has not polled, and may be suspended where it is.
    Due,
    /// It should be suspended, but cannot be where it is, or not yet.
    NotYet,
}

/// What the thread has used, steal not included where the system knows of it. Allowed in handlers.
fn cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time. Without such a clock it stays zero: then nobody is left in a builtin.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// For the handler of ticks. `may_be_left` says of the interrupted code whether it may, on this stack.
///
/// A script polls soon after it was asked to, but only if it gets the CPU: another thread, or another machine, can keep
/// it from running for many ticks. So it counts as a builtin when it has had the CPU for `time_to_poll`. And it may
/// overwrite what it was asked by, when the tick comes in the middle of counting down: then it is asked again.
pub(crate) fn tick(time_to_poll: Duration, may_be_left: impl FnOnce(&Range<usize>) -> bool) -> Tick {
    let Entered { yielder, poll_counter, limit, base, .. } = ENTERED.get();
    if yielder.is_null() {
        return Tick::Nothing;
    }
    // SAFETY: L1, and F2: the counter is that of the engine whose code this thread runs.
    let has_counted = NonNull::new(poll_counter).is_some_and(|counter| unsafe {
        counter.read_volatile() != ASKED && {
            counter.write_volatile(ASKED);
            true
        }
    });
    let has_polled = HAS_POLLED.replace(false);
    if has_polled || has_counted {
        ASKED_AT.set(cpu_time());
        return if has_polled { Tick::Asked } else { Tick::NotYet };
    }
    if cpu_time().saturating_sub(ASKED_AT.get()) < time_to_poll || !may_be_left(&(limit..base)) {
        return Tick::NotYet;
    }
    Tick::Due
}

/// For the handler of ticks, when one was [`Due`](Tick::Due). Returns when the fiber is resumed.
pub(crate) fn suspend_in_builtin() {
    pause(Pause::Suspended(At::Native));
}

/// For the handler of faults. Does not return if `is_engines` says that the fault is the engine's: it gets the usable
/// stack, and the stack with its guard.
pub(crate) fn fault(signal: c_int, is_engines: impl FnOnce(&Range<usize>, &Range<usize>) -> bool) {
    let Entered { yielder, contains_faults, guard, limit, base, .. } = ENTERED.get();
    if !yielder.is_null() && contains_faults && is_engines(&(limit..base), &(guard..base)) {
        pause(Pause::Faulted(signal));
        std::process::abort();
    }
}

/// `false` on no fiber.
fn pause(pause: Pause) -> bool {
    let entered = ENTERED.get();
    if entered.yielder.is_null() {
        return false;
    }
    // SAFETY: F2: the yielder is that of the fiber which runs on this thread, or the pointer were null.
    unsafe { (*entered.yielder).suspend(pause) };
    enter(entered);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK_BYTES: usize = 512 << 10;

    fn start<T>(work: impl FnOnce() -> T) -> Ran<T> {
        let stacks = Stacks::default();
        let settings = Settings { stacks, stack_bytes: STACK_BYTES, poll_counter: None, contains_faults: false };
        // SAFETY: the work of these tests owns nothing when it pauses, and what it refers to outlives it.
        unsafe { Fiber::start(settings, work) }.expect("memory")
    }

    fn on_fiber<T>(work: impl FnOnce() -> T) -> Option<T> {
        match start(work) {
            Ran::Returned(result) => Some(result),
            Ran::Suspended(_) | Ran::Left | Ran::Faulted(_) => None,
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
