//! The process's handlers: installed once, in front of those that were there before.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::code::{Code, Place};
use super::interpreter;
use super::mask::Mask;
use super::ticks::{self, Sent};
use super::unwind;
use crate::arena;
use crate::fiber;

/// What becomes of a fault in the engine's code.
///
/// Containing one is no sandbox: nobody knows what it has overwritten before. The VM is not used again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnFault {
    /// The run ends as an engine fault, its VM is dropped, the process goes on.
    #[default]
    EndRun,
    /// What the process does at any other fault: usually it ends.
    EndProcess,
}

pub(super) const FAULTS: [c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// What handled a signal before, by its number.
static PREVIOUS: [OnceLock<libc::sigaction>; 32] = [const { OnceLock::new() }; 32];
/// Which of them, being meant for one signal, have got it.
static IS_SPENT: [AtomicBool; 32] = [const { AtomicBool::new(false) }; 32];

/// Sees to it that faults of engine code come to the handler. `false` if some of them do not, because somebody else took
/// the signal over, or because such code cannot be told from other code.
pub(crate) fn watch_faults() -> bool {
    Code::of_process().is_some() && FAULTS.into_iter().all(|signal| take_over(signal, on_fault))
}

/// The same for first writes to watched pages.
pub(crate) fn watch_pages() -> bool {
    take_over(libc::SIGSEGV, on_fault)
}

/// The same for ticks.
pub(super) fn watch_ticks() -> bool {
    Code::of_process().is_some() && take_over(ticks::SIGNAL, on_tick)
}

type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

fn take_over(signal: c_int, handler: Handler) -> bool {
    static TAKING: Mutex<()> = Mutex::new(());
    let _guard = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut now = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: writes the signal's action.
    if unsafe { libc::sigaction(signal, ptr::null(), now.as_mut_ptr()) } != 0 {
        return false;
    }
    // SAFETY: written by the successful call.
    let now = unsafe { now.assume_init() };
    let is_ours = now.sa_sigaction == handler as *const () as usize;
    if is_ours || previous(signal).is_some() {
        return is_ours;
    }
    if let Some(previous) = PREVIOUS.get(signal as usize) {
        previous.get_or_init(|| now);
    }
    // SAFETY: the handlers keep to what is allowed in one (P2), and pass on what they do not know.
    unsafe { libc::sigaction(signal, &action(signal, handler), ptr::null_mut()) == 0 }
}

fn action(signal: c_int, handler: Handler) -> libc::sigaction {
    // SAFETY: a zeroed action is valid, and blocks no signal.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO;
    if signal == ticks::SIGNAL {
        // On the stack that is interrupted, where it may stay. Ticks that come faster than they are handled wait: they
        // must not pile up there.
        action.sa_flags |= libc::SA_RESTART;
    } else {
        // On another stack, because there may be none left. It has no room for a tick; see `ticks::allow`. When it is
        // left, its own signal must not stay blocked.
        action.sa_flags |= libc::SA_ONSTACK | libc::SA_NODEFER;
        // SAFETY: the mask is the action's own.
        unsafe { libc::sigaddset(&mut action.sa_mask, ticks::SIGNAL) };
    }
    action
}

fn previous(signal: c_int) -> Option<&'static libc::sigaction> {
    PREVIOUS.get(signal as usize)?.get()
}

impl Place {
    /// # Safety
    /// The context must be what a handler got.
    unsafe fn of(context: *mut c_void) -> Self {
        #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
        {
            // SAFETY: the caller's contract.
            let registers = unsafe { &(*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
            let register = |number: c_int| registers[number as usize] as usize;
            Self { instruction: register(libc::REG_RIP), stack: register(libc::REG_RSP) }
        }
        #[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
        {
            let _ = context;
            Self { instruction: 0, stack: 0 } // Nowhere: nothing may be left there.
        }
    }
}

/// P2: touches atomics, cells of its thread and `errno`, asks for its CPU time and sets its timer. What it is resumed for goes on with
/// the `errno` that it had.
unsafe extern "C" fn on_tick(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes a valid `info`, and the context of what was interrupted.
    let (sent, place) = unsafe { (ticks::sent(&*info), Place::of(context)) };
    match (sent, Code::known()) {
        // SAFETY: what the handler got; the place is that of this thread, interrupted.
        (Some(Sent::Tick), Some(code)) => unsafe {
            let is_script = interpreter::contains(place.instruction);
            let may_be_left = |stack: &Range<usize>| code.may_be_left(place, stack);
            keeping_errno(|| {
                if ticks::tick(is_script, may_be_left) {
                    as_interrupted(context, fiber::suspend_in_builtin);
                }
            });
        },
        (Some(Sent::Nudge), _) => keeping_errno(ticks::nudge),
        // SAFETY: what the handler got.
        _ => unsafe { pass_on(signal, info, context) },
    }
}

/// Runs `work`, which gives the thread away and gets it back, with those signals blocked that the interrupted code
/// blocked, ticks not among them: one more may come before the thread is given away. What the thread blocks afterwards,
/// that code does as well: it may have changed meanwhile.
///
/// # Safety
/// Only from a signal's handler, with what it got.
unsafe fn as_interrupted(context: *mut c_void, work: impl FnOnce()) {
    // SAFETY: the caller's contract.
    let of_handler = unsafe { Mask::of_interrupted(context) }.set();
    work();
    let now = of_handler.set();
    // SAFETY: the caller's contract.
    unsafe { now.set_for_interrupted(context) };
}

fn keeping_errno(work: impl FnOnce()) {
    // SAFETY: the thread's own. Its place is asked for again, although code on a fiber stays on its thread.
    let errno = unsafe { *libc::__errno_location() };
    work();
    // SAFETY: as above.
    unsafe { *libc::__errno_location() = errno };
}

/// P2: touches atomics and cells of its thread, and calls `mprotect` and `sigaction`. At an `abort` it looks through the
/// stack, whose frames are whole.
unsafe extern "C" fn on_fault(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: the system passes a valid `info`; a fault has an address.
    let (code, address) = unsafe { ((*info).si_code, (*info).si_addr().addr()) };
    if signal == libc::SIGSEGV && arena::take_fault(address) {
        return;
    }
    let is_fault = code > 0 || signal == libc::SIGABRT;
    if is_fault && let Some(engine) = Code::known() {
        // SAFETY: the context of what was interrupted.
        let place = unsafe { Place::of(context) };
        fiber::fault(signal, |stack, whole| {
            let is_engines = whole.contains(&place.stack)
                && match signal {
                    libc::SIGABRT => has_aborted(engine),
                    _ => {
                        engine.is_engine(place.instruction)
                            || engine.may_be_left(place, stack)
                            // A jump to where no code is.
                            || place.instruction == address && engine.was_called_by_engine(place, stack)
                    }
                };
            if is_engines {
                // SAFETY: what the handler got.
                ticks::leave_handler(unsafe { Mask::of_interrupted(context) });
            }
            is_engines
        });
    }
    // SAFETY: what the handler got.
    unsafe { pass_on(signal, info, context) }
}

/// Whether it is the engine that has called `abort`.
fn has_aborted(engine: &Code) -> bool {
    let abort = libc::abort as *const () as usize;
    let (mut is_next, mut caller) = (false, 0);
    unwind::visit_callers(|frame| {
        if is_next {
            caller = frame.address();
            return false;
        }
        is_next = frame.function() == abort;
        true
    });
    engine.is_engine(caller)
}

/// # Safety
/// Only from a signal's handler, with what it got.
unsafe fn pass_on(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let previous = previous(signal);
    let handler = previous.map_or(libc::SIG_DFL, |previous| previous.sa_sigaction);
    let (Some(previous), false) = (previous, matches!(handler, libc::SIG_DFL | libc::SIG_IGN)) else {
        // SAFETY: as for this function.
        return unsafe { do_as_without_us(signal, info, handler) };
    };
    let has_flag = |flag: c_int| previous.sa_flags & flag != 0;
    if has_flag(libc::SA_RESETHAND) && IS_SPENT[signal as usize].swap(true, Relaxed) {
        // SAFETY: as for this function.
        return unsafe { do_as_without_us(signal, info, libc::SIG_DFL) };
    }
    let mut blocked = previous.sa_mask;
    let mut mask = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the handler was installed with this signature, and runs with the signals blocked that it asked for.
    unsafe {
        if !has_flag(libc::SA_NODEFER) {
            libc::sigaddset(&mut blocked, signal);
        }
        if has_flag(libc::SA_NODEFER) {
            Mask::of(&[signal]).unblock();
        }
        libc::pthread_sigmask(libc::SIG_BLOCK, &blocked, mask.as_mut_ptr());
        let _without_abort = WithoutAbort::on_behalf_of(signal);
        if has_flag(libc::SA_SIGINFO) {
            std::mem::transmute::<usize, Handler>(handler)(signal, info, context);
        } else {
            std::mem::transmute::<usize, unsafe extern "C" fn(c_int)>(handler)(signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, mask.as_ptr(), ptr::null_mut());
    }
}

/// While another handler of a fault runs, which may well abort, `abort` is not ours: an alternate stack of Rust's has no
/// room for three handlers.
struct WithoutAbort;

impl WithoutAbort {
    fn on_behalf_of(signal: c_int) -> Option<Self> {
        let previous = previous(libc::SIGABRT).filter(|_| FAULTS.contains(&signal) && signal != libc::SIGABRT)?;
        // SAFETY: the action that was there before ours.
        (unsafe { libc::sigaction(libc::SIGABRT, previous, ptr::null_mut()) } == 0).then_some(Self)
    }
}

impl Drop for WithoutAbort {
    fn drop(&mut self) {
        // SAFETY: as in `take_over`.
        unsafe { libc::sigaction(libc::SIGABRT, &action(libc::SIGABRT, on_fault), ptr::null_mut()) };
    }
}

/// # Safety
/// As for `pass_on`.
unsafe fn do_as_without_us(signal: c_int, info: *mut libc::siginfo_t, handler: libc::sighandler_t) {
    // SAFETY: the system passes a valid `info`.
    let is_sent = unsafe { (*info).si_code } <= 0;
    if signal == ticks::SIGNAL || is_sent && handler == libc::SIG_IGN {
        return; // Ignored by default.
    }
    // SAFETY: a zeroed action is the default one. What faulted does so again; what was sent is sent again.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, &default, ptr::null_mut());
        if is_sent {
            libc::raise(signal);
        }
    }
}
