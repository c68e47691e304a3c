//! The stacks that engine code runs on: guarded, committed as they are used, pooled.
//!
//! ```text
//! limit        base - bytes              base - SHALLOW_BYTES          base
//!  │ guard: no access │ not committed until used │ mark │ shallow: kept │
//! ```
//!
//! A run holds a stack only while its code is on it. A stack that was used beyond its mark gives its deep part back to
//! the system before it serves the next one.

use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex, PoisonError};

use corosensei::stack::valgrind::ValgrindStackRegistration;
use corosensei::stack::{Stack as FiberStack, StackPointer};
use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mmap_anonymous, mprotect, munmap};

/// Larger than any frame of the engine's that is not checked against the stack's end.
const GUARD_BYTES: usize = 64 << 10;
/// What a stack keeps committed between two uses.
const SHALLOW_BYTES: usize = 64 << 10;
/// A page of this value lies below the shallow part for as long as nothing was deeper.
const MARK: u64 = 0x6b72_616d_6b72_616d;
const PAGE: usize = 4096;
/// A stack is trimmed at least once in so many uses.
const USES_PER_TRIM: u32 = 256;
/// More stacks than this are not kept.
const KEPT_MAX: usize = 64;

/// A stack of one size.
pub(crate) struct Stack {
    /// The lowest address, that of the guard.
    limit: NonNull<u8>,
    /// Without the guard.
    bytes: usize,
    uses: u32,
    /// Tells valgrind that a switch to here is one, and no overflow; a few idle instructions elsewhere.
    _registration: ValgrindStackRegistration,
}

// SAFETY: S1: the mapping belongs to this value alone.
unsafe impl Send for Stack {}

impl Stack {
    fn new(bytes: usize) -> io::Result<Self> {
        let bytes = bytes.max(4 * SHALLOW_BYTES).next_multiple_of(PAGE);
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping where the system likes, which nothing else knows of.
        let limit = unsafe { mmap_anonymous(ptr::null_mut(), bytes + GUARD_BYTES, access, flags)? };
        let limit = NonNull::new(limit.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        let registration = ValgrindStackRegistration::new(limit.as_ptr(), bytes + GUARD_BYTES);
        let mut stack = Self { limit, bytes, uses: 0, _registration: registration };
        // SAFETY: S1: the guard is the mapping's first part, and nothing uses the stack yet.
        unsafe { mprotect(limit.as_ptr().cast(), GUARD_BYTES, MprotectFlags::empty())? };
        stack.mark().fill(MARK);
        Ok(stack)
    }

    /// The addresses that fault.
    pub(crate) fn guard(&self) -> Range<usize> {
        let start = self.limit.addr().get();
        start..start + GUARD_BYTES
    }

    /// The addresses that code may use.
    pub(crate) fn usable(&self) -> Range<usize> {
        let start = self.guard().end;
        start..start + self.bytes
    }

    fn mark(&mut self) -> &mut [u64] {
        // SAFETY: S1: this page of the mapping is in use by nothing while no code runs on the stack.
        unsafe {
            let start = self.limit.as_ptr().add(GUARD_BYTES + self.bytes - SHALLOW_BYTES - PAGE);
            std::slice::from_raw_parts_mut(start.cast(), PAGE / size_of::<u64>())
        }
    }

    /// Gives back what was used beyond the mark.
    fn trim(&mut self) {
        self.uses = self.uses.wrapping_add(1);
        // A few words of it tell. A frame may step over them all, with what it reserves and never writes: so now and then
        // the stack is trimmed all the same.
        let is_unmarked = self.mark().iter().step_by(32).any(|word| *word != MARK);
        if !is_unmarked && !self.uses.is_multiple_of(USES_PER_TRIM) {
            return;
        }
        // SAFETY: S1: no code runs on the stack. Whether the system takes the pages back changes nothing else.
        let _ = unsafe {
            let start = self.limit.as_ptr().add(GUARD_BYTES);
            madvise(start.cast(), self.bytes - SHALLOW_BYTES, Advice::LinuxDontNeed)
        };
        self.mark().fill(MARK);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: S1: no code runs on the stack. Unmapping a whole mapping of one's own cannot fail.
        let _ = unsafe { munmap(self.limit.as_ptr().cast(), self.bytes + GUARD_BYTES) };
    }
}

// SAFETY: S1: base and limit are those of a mapping that lives as long as this value, with a guard at its low end.
unsafe impl FiberStack for Stack {
    fn base(&self) -> StackPointer {
        self.limit().saturating_add(GUARD_BYTES + self.bytes)
    }

    fn limit(&self) -> StackPointer {
        NonZeroUsize::from(self.limit.addr())
    }
}

/// The stacks of an engine that no code is on. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Stacks(Arc<Mutex<Vec<Stack>>>);

impl Stacks {
    /// A stack of at least `bytes`.
    pub(crate) fn take(&self, bytes: usize) -> io::Result<Stack> {
        let free = {
            let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            free.iter().rposition(|stack| stack.bytes >= bytes).map(|at| free.swap_remove(at))
        };
        free.map_or_else(|| Stack::new(bytes), Ok)
    }

    /// Takes a stack back that no code is on.
    pub(crate) fn put_back(&self, mut stack: Stack) {
        stack.trim();
        // What the engine leaves unwritten in its structures holds what lay on the stack, and trials compare bytes.
        #[cfg(test)]
        stack.wipe();
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT_MAX {
            free.push(stack);
        }
    }
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("Stacks").field("free", &free.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Stack {
        /// The usable part.
        fn memory(&mut self) -> &mut [u8] {
            // SAFETY: S1: no code runs on the stack.
            unsafe { std::slice::from_raw_parts_mut(self.limit.as_ptr().add(GUARD_BYTES), self.bytes) }
        }
    }

    impl Stack {
        pub(super) fn wipe(&mut self) {
            let shallow = self.bytes - SHALLOW_BYTES;
            self.memory()[shallow..].fill(0);
        }
    }

    #[test]
    fn a_stack_that_was_deep_gives_its_depth_back() {
        let stacks = Stacks::default();
        let mut stack = stacks.take(1 << 20).expect("memory");
        assert_eq!(stack.base().get() - stack.limit().get(), (1 << 20) + GUARD_BYTES);
        stack.memory().fill(7);
        let start = stack.limit();
        stacks.put_back(stack);
        let mut stack = stacks.take(1 << 20).expect("memory");
        assert_eq!(stack.limit(), start, "a stack serves again");
        let deep = (1 << 20) - SHALLOW_BYTES - PAGE;
        assert!(stack.memory()[..deep].iter().all(|byte| *byte == 0), "the deep part is gone");
        assert!(stack.mark().iter().all(|word| *word == MARK));
    }

    #[test]
    fn stacks_serve_what_they_are_large_enough_for() {
        let stacks = Stacks::default();
        let (small, large) = (stacks.take(300 << 10).expect("memory"), stacks.take(2 << 20).expect("memory"));
        let (low, high) = (small.limit(), large.limit());
        stacks.put_back(large);
        stacks.put_back(small);
        assert_eq!(stacks.take(1 << 20).expect("memory").limit(), high);
        assert_eq!(stacks.take(100).expect("memory").limit(), low);
    }
}
