//! The bytes that an arena goes back to.
//!
//! Those of a page that was never written are in the arena itself. So an image that is watched has room for them, which
//! takes no memory until the first write to the page is about to change them: what most pages never see.

use std::io;
use std::ops::Range;
use std::ptr::{self, NonNull};

use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

/// Room for the first words of an arena, and those of them that were taken.
pub(super) struct Image {
    start: NonNull<u64>,
    words: usize,
}

impl Image {
    /// Of an arena that was not frozen.
    pub(super) const fn none() -> Self {
        Self { start: NonNull::dangling(), words: 0 }
    }

    /// Room for so many words.
    pub(super) fn reserve(words: usize) -> io::Result<Self> {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::NORESERVE);
        // SAFETY: a new mapping where the system likes, which nothing else knows of.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), words * size_of::<u64>(), access, flags)? };
        // Exposed: the handler of faults has it as a number.
        start.expose_provenance();
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, words })
    }

    pub(super) fn len(&self) -> usize {
        self.words
    }

    pub(super) fn bytes(&self) -> usize {
        self.words * size_of::<u64>()
    }

    pub(super) fn address(&self) -> usize {
        self.start.addr().get()
    }

    /// Takes words from the arena that begins at `arena`.
    ///
    /// # Safety
    /// The arena must be at least as long as this, and nothing may write to it meanwhile.
    pub(super) unsafe fn take(&mut self, arena: *const u64, words: Range<usize>) {
        assert!(words.end <= self.words && words.start <= words.end, "an image has as many words as were reserved");
        // SAFETY: the words lie in both, which are mappings of their own.
        unsafe {
            let to = self.start.as_ptr().add(words.start);
            ptr::copy_nonoverlapping(arena.add(words.start), to, words.len());
        }
    }

    /// Words that were taken; zeros for others.
    pub(super) fn get(&self, words: Range<usize>) -> &[u64] {
        let (start, end) = (words.start.min(self.words), words.end.min(self.words));
        // SAFETY: the mapping has these words. Nobody writes to them: `take` has the image for itself, and the handler of
        // faults takes others, while the engine runs (P1).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr().add(start), end.saturating_sub(start)) }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        if self.words > 0 {
            // SAFETY: the mapping is this image's, and nothing refers to it any more.
            // Unmapping a whole mapping of one's own cannot fail.
            let _ = unsafe { munmap(self.start.as_ptr().cast(), self.bytes()) };
        }
    }
}
