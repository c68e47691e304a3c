//! The ticks of a thread that steps VMs: a timer of its own, which sends it a signal while code is on a fiber.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::Nudge;

use super::handlers;
use super::mask::Mask;
use crate::fiber::{self, Tick};

pub(super) const SIGNAL: c_int = libc::SIGURG;

/// After so many ticks on no fiber there are none until there is one again.
const IDLE_TICKS_MAX: u32 = 5;
/// When code was not where it may be left, the next tick comes so soon.
const AGAIN: Duration = Duration::from_micros(50);

/// The system's number of a timer.
type Timer = c_int;

/// What the handler knows of its thread.
struct Thread {
    timer: Cell<Option<Timer>>,
    period: Cell<Duration>,
    is_ticking: Cell<bool>,
    idle_ticks: Cell<u32>,
    /// How many [`Ticks`] there are for the thread.
    users: Cell<usize>,
    /// Whether somebody else wants the thread.
    is_wanted: Cell<bool>,
    /// Which of our signals the thread blocked before.
    blocked: Cell<Mask>,
    /// What was blocked where the engine has faulted.
    blocked_at_fault: Cell<Mask>,
}

thread_local! {
    static THREAD: Thread = const {
        Thread {
            timer: Cell::new(None),
            period: Cell::new(Duration::ZERO),
            is_ticking: Cell::new(false),
            idle_ticks: Cell::new(0),
            users: Cell::new(0),
            is_wanted: Cell::new(false),
            blocked: Cell::new(Mask::NONE),
            blocked_at_fault: Cell::new(Mask::NONE),
        }
    };
}

thread_local! {
    static ALTERNATE_STACK: Cell<Option<AlternateStack>> = const { Cell::new(None) };
}

/// The sender of our ticks.
static SENDER: u8 = 0;

/// Ticks for the calling thread, for as long as this lives. If there are several, the shortest period holds.
#[derive(Debug)]
pub(crate) struct Ticks {
    nudger: Arc<Nudger>,
    _of_this_thread: PhantomData<*const ()>,
}

/// Sends a thread a tick from elsewhere.
#[derive(Debug)]
pub(crate) struct Nudger {
    /// The system's number of the thread while its [`Ticks`] live. Held while the tick is sent, so that it comes to no
    /// other thread.
    thread: Mutex<Option<libc::pid_t>>,
}

impl Ticks {
    /// # Errors
    /// If the system gives no timer, or the signal belongs to somebody else.
    pub(crate) fn start(period: Duration) -> io::Result<Self> {
        if !handlers::watch_ticks() {
            return Err(io::Error::other(
                "another library has taken SIGURG over without passing on what is not its own",
            ));
        }
        THREAD.with(|thread| {
            if thread.users.get() == 0 {
                // A thread inherits what is blocked.
                let ours = Mask::of(&handlers::FAULTS).or(Mask::of(&[SIGNAL]));
                thread.blocked.set(ours.unblock().and(ours));
                ALTERNATE_STACK.set(Some(AlternateStack::set()?));
                thread.timer.set(Some(create_timer()?));
                thread.period.set(period);
            }
            thread.period.set(thread.period.get().min(period));
            thread.users.set(thread.users.get() + 1);
            // SAFETY: asks for the thread's number.
            let thread = Mutex::new(Some(unsafe { libc::gettid() }));
            Ok(Self { nudger: Arc::new(Nudger { thread }), _of_this_thread: PhantomData })
        })
    }
}

impl Ticks {
    pub(crate) fn nudger(&self) -> Arc<Nudger> {
        self.nudger.clone()
    }
}

impl Nudge for Nudger {
    fn nudge(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(thread) = *thread else { return };
        // SAFETY: zeroes are valid for it, and the system copies it. A signal to a thread that is gone fails.
        unsafe {
            let mut info: Nudged = std::mem::zeroed();
            (info.signal, info.code, info.process, info.user) =
                (SIGNAL, libc::SI_QUEUE, libc::getpid(), libc::getuid());
            info.value = &raw const SENDER;
            libc::syscall(libc::SYS_rt_tgsigqueueinfo, libc::getpid(), thread, SIGNAL, &raw const info);
        }
    }
}

/// `siginfo_t` of a signal that was sent with a value.
#[repr(C)]
struct Nudged {
    signal: c_int,
    error: c_int,
    code: c_int,
    _padding: c_int,
    process: libc::pid_t,
    user: libc::uid_t,
    value: *const u8,
    _rest: [u64; 12],
}

const _: () = assert!(size_of::<Nudged>() == size_of::<libc::siginfo_t>());

impl Drop for Ticks {
    fn drop(&mut self) {
        *self.nudger.thread.lock().unwrap_or_else(PoisonError::into_inner) = None;
        THREAD.with(|thread| {
            thread.users.set(thread.users.get() - 1);
            if thread.users.get() > 0 {
                return;
            }
            if let Some(timer) = thread.timer.take() {
                // SAFETY: the thread's own timer. What it has sent already is ours, and then means nothing.
                unsafe { libc::syscall(libc::SYS_timer_delete, timer) };
            }
            thread.is_ticking.set(false);
            // It is gone where a thread ends that has kept this for so long.
            drop(ALTERNATE_STACK.try_with(Cell::take));
            thread.blocked.get().block();
        });
    }
}

/// A fiber of this thread has been entered: not before, because a tick that finds none may be the last one.
pub(crate) fn go_on() {
    THREAD.with(|thread| {
        thread.is_wanted.set(false);
        if !thread.is_ticking.get() && thread.timer.get().is_some() {
            thread.is_ticking.set(true);
            thread.idle_ticks.set(0);
            thread.next_after(thread.period.get());
        }
    });
}

/// A handler of faults is about to be left, on whose stack there is no room for ticks.
pub(super) fn leave_handler(interrupted: Mask) {
    THREAD.with(|thread| thread.blocked_at_fault.set(interrupted));
    // Not what its caller blocks, if somebody else has called it.
    interrupted.or(Mask::of(&[SIGNAL])).set();
}

/// It was left.
pub(crate) fn allow() {
    THREAD.with(|thread| thread.blocked_at_fault.get().set());
}

/// Whether somebody else wants the thread, so that the slice is over.
pub(crate) fn is_wanted() -> bool {
    THREAD.with(|thread| thread.is_wanted.get())
}

/// What a signal is to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    Tick,
    Nudge,
}

/// `None` for signals of others.
pub(super) fn sent(info: &libc::siginfo_t) -> Option<Sent> {
    let sent = match info.si_code {
        libc::SI_TIMER => Sent::Tick,
        libc::SI_QUEUE => Sent::Nudge,
        _ => return None,
    };
    // SAFETY: both kinds of signals have a value.
    (unsafe { info.si_value() }.sival_ptr.addr() == (&raw const SENDER).addr()).then_some(sent)
}

/// P2: the slice is over; if the engine does not poll soon, it is suspended where it is.
pub(super) fn nudge() {
    THREAD.with(|thread| {
        thread.is_wanted.set(true);
        if !matches!(fiber::tick(thread.time_to_poll(true), |_| false), Tick::Nothing) {
            thread.next_after(AGAIN);
        }
    });
}

/// P2. Whether the code is to be suspended where it is. `is_script` says that the interpreter was interrupted.
pub(super) fn tick(is_script: bool, may_be_left: impl FnOnce(&Range<usize>) -> bool) -> bool {
    THREAD.with(|thread| {
        let found = fiber::tick(thread.time_to_poll(is_script), may_be_left);
        let idle_ticks = if matches!(found, Tick::Nothing) { thread.idle_ticks.get() + 1 } else { 0 };
        thread.idle_ticks.set(idle_ticks);
        thread.is_ticking.set(idle_ticks <= IDLE_TICKS_MAX);
        match found {
            Tick::NotYet => thread.next_after(AGAIN),
            _ if thread.is_ticking.get() => thread.next_after(thread.period.get()),
            _ => thread.stop(),
        }
        matches!(found, Tick::Due)
    })
}

impl Thread {
    /// How long the engine may take to the poll that it was asked for: thousands of a script's instructions. Those few
    /// that loop inside of the interpreter itself take longer.
    fn time_to_poll(&self, is_script: bool) -> Duration {
        if is_script { self.period.get() * 2 } else { self.period.get() / 4 }
    }

    /// Each tick asks for the next one, so that what it interrupts gets on however long ticks take to handle. Should one
    /// be lost, others come.
    fn next_after(&self, first: Duration) {
        self.set_timer(first.min(self.period.get()), self.period.get() * 8);
    }

    fn stop(&self) {
        self.set_timer(Duration::ZERO, Duration::ZERO);
    }

    fn set_timer(&self, first: Duration, period: Duration) {
        let time = |time: Duration| libc::timespec {
            tv_sec: time.as_secs() as libc::time_t,
            tv_nsec: time.subsec_nanos() as libc::c_long,
        };
        let setting = libc::itimerspec { it_interval: time(period), it_value: time(first) };
        if let Some(timer) = self.timer.get() {
            // SAFETY: the thread's own timer; the system copies the setting. Allowed in handlers.
            unsafe { libc::syscall(libc::SYS_timer_settime, timer, 0, &raw const setting, ptr::null_mut::<c_void>()) };
        }
    }
}

/// A timer that sends its signal to the calling thread.
fn create_timer() -> io::Result<Timer> {
    let mut timer: Timer = 0;
    // SAFETY: zeroes are valid for it; the system copies it, and writes the timer's number.
    let created = unsafe {
        let mut event: libc::sigevent = std::mem::zeroed();
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = SIGNAL;
        event.sigev_value.sival_ptr = (&raw const SENDER).cast_mut().cast();
        event.sigev_notify_thread_id = libc::gettid();
        libc::syscall(libc::SYS_timer_create, libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer)
    };
    if created == 0 { Ok(timer) } else { Err(io::Error::last_os_error()) }
}

/// Where handlers of faults run. Rust gives its threads such a stack too, but of 8 KiB, which a handler that looks
/// through a stack and the frames of the system fill.
struct AlternateStack {
    own: Box<[u8]>,
    before: libc::stack_t,
}

impl AlternateStack {
    const BYTES: usize = 64 << 10;

    fn set() -> io::Result<Self> {
        let mut own = vec![0; Self::BYTES].into_boxed_slice();
        let stack = libc::stack_t { ss_sp: own.as_mut_ptr().cast(), ss_flags: 0, ss_size: Self::BYTES };
        let mut before = MaybeUninit::<libc::stack_t>::uninit();
        // SAFETY: the memory stays until the stack is taken away, on this thread; what the thread had is written.
        unsafe {
            match libc::sigaltstack(&stack, before.as_mut_ptr()) {
                0 => Ok(Self { own, before: before.assume_init() }),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }
}

impl Drop for AlternateStack {
    fn drop(&mut self) {
        let mut now = self.before;
        // SAFETY: no handler runs on it now, and what the thread had before is still there. Another stack, which somebody
        // has set since, stays.
        unsafe {
            if libc::sigaltstack(ptr::null(), &mut now) == 0 && now.ss_sp == self.own.as_mut_ptr().cast() {
                libc::sigaltstack(&self.before, ptr::null_mut());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_thread_blocked_is_blocked_again() {
        let both = Mask::of(&[SIGNAL, libc::SIGUSR1]);
        both.block();
        let ticks = [(); 2].map(|()| Ticks::start(Duration::from_secs(1)).expect("ticks"));
        assert_eq!(Mask::NONE.block().and(both), Mask::of(&[libc::SIGUSR1]));
        drop(ticks);
        assert_eq!(both.unblock().and(both), both);
    }
}
