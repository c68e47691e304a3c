//! The signals that a thread blocks, as the system has them: a bit for each.

use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mask(u64);

impl Mask {
    pub(super) const NONE: Self = Self(0);

    pub(super) fn of(signals: &[c_int]) -> Self {
        Self(signals.iter().fold(0, |bits, signal| bits | 1 << (signal - 1)))
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The calling thread blocks these as well. Allowed in handlers, as are the next two. All give what it blocked
    /// before.
    pub(super) fn block(self) -> Self {
        self.apply(libc::SIG_BLOCK)
    }

    pub(super) fn unblock(self) -> Self {
        self.apply(libc::SIG_UNBLOCK)
    }

    /// The calling thread blocks these and no others.
    pub(super) fn set(self) -> Self {
        self.apply(libc::SIG_SETMASK)
    }

    fn apply(self, how: c_int) -> Self {
        let (mut set, mut before) = (MaybeUninit::<libc::sigset_t>::zeroed(), MaybeUninit::<libc::sigset_t>::zeroed());
        // SAFETY: the sets are larger than the word that the system looks at, and zeroes are valid for them. It fails for
        // another `how` only.
        unsafe {
            set.as_mut_ptr().cast::<u64>().write(self.0);
            libc::pthread_sigmask(how, set.as_ptr(), before.as_mut_ptr());
            Self(before.as_ptr().cast::<u64>().read())
        }
    }

    /// What the interrupted code blocked, and will block when it goes on.
    ///
    /// # Safety
    /// The context must be what a handler got, and it must not have returned yet.
    pub(super) unsafe fn of_interrupted(context: *mut c_void) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { place(context).read() })
    }

    /// # Safety
    /// As for `of_interrupted`.
    pub(super) unsafe fn set_for_interrupted(self, context: *mut c_void) {
        // SAFETY: the caller's contract.
        unsafe { place(context).write(self.0) }
    }
}

/// One word: the system's set is shorter than libc's, and something else lies behind it.
///
/// # Safety
/// As for `of_interrupted`.
unsafe fn place(context: *mut c_void) -> *mut u64 {
    // SAFETY: the caller's contract; only the field's address is taken.
    unsafe { (&raw mut (*context.cast::<libc::ucontext_t>()).uc_sigmask).cast() }
}
