//! The memory of one VM as one stretch of bytes: an allocator inside it, an image of it, and the way back to that image.
//!
//! ```text
//! base                                 top           high water                          end
//!  │ Head │ blocks of the engine … free │ used earlier │ never touched, not committed … │
//!  └──────────── image ─────────┘
//! ```
//!
//! The [`allocator`]'s whole state lies at the base, so that copying the image back takes the allocator back as well.
//! Beyond the high water mark every byte is zero.

mod allocator;
mod image;
mod lines;
mod pages;

use std::ffi::c_void;
use std::io;
use std::iter;
use std::ops::Range;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rquickjs::qjs;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::meter::Meter;
use allocator::Head;
use image::Image;
pub(crate) use lines::Lines;
use pages::Pages;
pub(crate) use pages::take_fault;

/// Restoring zeroes so much of what a run touched beyond the image, and gives the rest back to the system.
const TAIL_KEPT_BYTES: usize = 256 << 10;

/// [`Lines`] number words with 32 bits.
const CAPACITY_MAX: usize = size_of::<u64>() << 32;

/// The smallest page of the supported systems; the range of [`Arena::release`] is rounded to it.
const PAGE: usize = 4096;
const PAGE_WORDS: usize = PAGE / size_of::<u64>();

/// Owns the stretch of bytes and, once it is frozen, its image.
pub(crate) struct Arena {
    /// Used once in a process, so that lines are never taken for those of another arena at the same place.
    number: u64,
    base: NonNull<Head>,
    capacity: usize,
    /// The bytes from the base to the top at the time of the freeze, in words.
    image: Image,
    /// The image's whole pages but the first, if they are watched. Of those that are not hot, the image holds nothing.
    pages: Option<Pages>,
}

/// How the memory of a VM is put back after a run. Every byte is what it was, whichever way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Restoring {
    /// The way that is cheaper for the size of the VM's image.
    #[default]
    BySize,
    /// The whole image is copied.
    Whole,
    /// Those pages of the image are copied that the VM ever wrote to. The others take no memory in it.
    ///
    /// It learns them from page faults: a handler of `SIGSEGV` is installed, which passes on what is not its own. Where
    /// that cannot be, because somebody else took the signal over or the process has too many mappings, the whole image
    /// is copied. A handler that is installed later must pass on what is not its own, and threads that step VMs must
    /// not block the signal.
    HotPages,
}

/// From this size on, to copy what is hot is worth the faults that tell what is.
const HOT_PAGES_FROM_BYTES: usize = 128 << 10;

// SAFETY: the pointers are into the arena, which this value alone owns and one thread at a time uses (A1, T1).
unsafe impl Send for Arena {}

impl Arena {
    /// Reserves `capacity` bytes of address space. They are committed as they are touched.
    pub(crate) fn new(capacity: usize) -> io::Result<Self> {
        static ARENAS: AtomicU64 = AtomicU64::new(0);
        if capacity > CAPACITY_MAX {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping where the system likes, which nothing else knows of.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), capacity, ProtFlags::READ | ProtFlags::WRITE, flags)? };
        let base = NonNull::new(base.cast::<Head>()).ok_or(io::ErrorKind::OutOfMemory)?;
        // Exposed: the head holds places in the arena as numbers.
        let start = base.as_ptr().expose_provenance();
        // SAFETY: the mapping is writable, page-aligned and larger than a head.
        unsafe { base.write(Head::new(start, start + capacity)) };
        let (number, image) = (ARENAS.fetch_add(1, Relaxed), Image::none());
        Ok(Self { number, base, capacity, image, pages: None })
    }

    /// The functions that QuickJS allocates with; their opaque pointer must be an arena's.
    pub(crate) const FUNCTIONS: qjs::JSMallocFunctions = allocator::FUNCTIONS;

    /// What the engine's allocation functions get as their opaque pointer.
    pub(crate) fn opaque(&self) -> *mut c_void {
        self.base.as_ptr().cast()
    }

    /// The meter, which lies in the arena and goes back with it.
    pub(crate) fn meter(&self) -> *mut Meter {
        // SAFETY: the head lies at the base (A1); only the field's address is taken.
        unsafe { &raw mut (*self.base.as_ptr()).meter }
    }

    /// Whether `bytes` bytes from `start` lie in the arena.
    pub(crate) fn holds(&self, start: usize, bytes: usize) -> bool {
        start >= self.start() && bytes <= self.capacity && start - self.start() <= self.capacity - bytes
    }

    /// Takes the image that [`restore`](Self::restore) goes back to.
    pub(crate) fn freeze(&mut self, restoring: Restoring) -> io::Result<()> {
        let start = self.start();
        let head = self.head();
        let (top, high_water) = (head.top, head.high_water);
        head.freeze();
        // SAFETY: A1: top and high water lie in the arena, and nothing uses the bytes between them.
        unsafe { ptr::write_bytes(ptr::with_exposed_provenance_mut::<u8>(top), 0, high_water - top) };
        self.image = Image::reserve((top - start).div_ceil(size_of::<u64>()))?;
        let watches = match restoring {
            Restoring::Whole => false,
            Restoring::HotPages => true,
            Restoring::BySize => top - start >= HOT_PAGES_FROM_BYTES,
        };
        // The first page holds the head, the last one the top: every run writes to both.
        let whole_pages = ((top - start) / PAGE).saturating_sub(1);
        if watches {
            // SAFETY: P1: the pages are the arena's, which drops what watches them before it is unmapped; the image is as
            // long.
            self.pages = unsafe { Pages::watch(start + PAGE, whole_pages, self.image.address() + PAGE) };
        }
        let words = self.image.len();
        let taken = match &self.pages {
            None => [0..words, words..words],
            Some(_) => [0..PAGE_WORDS, words / PAGE_WORDS * PAGE_WORDS..words],
        };
        for words in taken {
            // SAFETY: A1: the image is the arena's first words, and the engine is at rest.
            unsafe { self.image.take(self.base.as_ptr().cast(), words) };
        }
        Ok(())
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.image.len() > 0
    }

    /// What a [restore](Self::restore) leaves resident at most, the image itself included.
    pub(crate) fn kept_bytes(&self) -> usize {
        let image = self.image.bytes();
        let copied = self.pages.as_ref().map_or(image, |pages| image - pages.cold_bytes());
        (image + TAIL_KEPT_BYTES).next_multiple_of(PAGE).min(self.capacity) + copied
    }

    /// Makes every byte what it was when the image was taken (A2).
    pub(crate) fn restore(&mut self) {
        let (image, touched) = (self.image.bytes(), self.touched());
        match self.pages.take() {
            None => self.copy_back(0..image),
            Some(mut pages) => {
                self.copy_back(0..PAGE);
                pages.hot().iter().for_each(|hot| self.copy_back(PAGE + hot.start * PAGE..PAGE + hot.end * PAGE));
                self.copy_back(image / PAGE * PAGE..image);
                self.pages = Some(pages);
            }
        }
        self.clear_behind_image(touched);
    }

    /// The same for an arena of which nothing has changed but `lines`, which were just taken from it.
    pub(crate) fn undo(&mut self, lines: &Lines) {
        let touched = self.touched();
        let known = |word: usize| word.min(self.image.len()) * size_of::<u64>();
        let changed: Vec<_> = lines.stretches().map(|(from, words)| known(from)..known(from + words.len())).collect();
        changed.into_iter().for_each(|changed| self.copy_back(changed));
        self.clear_behind_image(touched);
    }

    /// Bytes up to the high water mark, the image at least.
    fn touched(&mut self) -> usize {
        let used = self.head().high_water.saturating_sub(self.start());
        used.clamp(self.image.bytes(), self.capacity)
    }

    /// Zeroes what a run touched behind the image, or gives it back to the system.
    fn clear_behind_image(&mut self, used: usize) {
        let image = self.image.bytes();
        let zeroed = used.min(image + TAIL_KEPT_BYTES).next_multiple_of(PAGE).min(self.capacity);
        // SAFETY: A1: the range lies in the arena, and nothing uses it: it is beyond the image's top.
        unsafe { ptr::write_bytes(self.base.as_ptr().cast::<u8>().add(image), 0, zeroed - image) };
        if used > zeroed {
            self.release(zeroed, used.next_multiple_of(PAGE).min(self.capacity));
        }
    }

    /// Copies these bytes of the image, aligned to words.
    fn copy_back(&mut self, bytes: Range<usize>) {
        let words = bytes.start / size_of::<u64>()..bytes.end / size_of::<u64>();
        let from = self.image.get(words.clone());
        // SAFETY: A1: the arena is at least as long as its image, and does not overlap with it.
        unsafe {
            let to = self.base.as_ptr().cast::<u64>().add(words.start);
            ptr::copy_nonoverlapping(from.as_ptr(), to, from.len());
        }
    }

    /// The lines that differ from the image, the engine being at rest.
    pub(crate) fn lines(&mut self) -> Lines {
        let used = (self.head().top - self.start()).div_ceil(size_of::<u64>()).max(self.image.len());
        let stretches: Vec<_> = match &mut self.pages {
            None => iter::once(0..used).collect(),
            Some(pages) => {
                let hot = pages.hot().iter().map(|hot| (hot.start + 1) * PAGE_WORDS..(hot.end + 1) * PAGE_WORDS);
                let last = self.image.len() / PAGE_WORDS * PAGE_WORDS..used;
                iter::once(0..PAGE_WORDS).chain(hot).chain(iter::once(last)).collect()
            }
        };
        let (now, mut lines) = (self.words(used), Lines::of(self.number));
        for Range { start, end } in stretches {
            lines.compare(start, &now[start..end], self.image.get(start..end));
        }
        lines.copied(now)
    }

    /// Whether lines were taken from this arena.
    pub(crate) fn is_origin_of(&self, lines: &Lines) -> bool {
        lines.arena == self.number
    }

    /// Makes a restored arena what it was when `lines` were taken. `false` if they are another arena's.
    pub(crate) fn apply(&mut self, lines: &Lines) -> bool {
        if !self.is_origin_of(lines) {
            return false;
        }
        for (from, words) in lines.stretches() {
            // SAFETY: A1: the stretch was taken from this arena, which is as large as it was.
            unsafe {
                let to = self.base.as_ptr().cast::<u64>().add(from);
                ptr::copy_nonoverlapping(words.as_ptr(), to, words.len());
            }
        }
        true
    }

    /// Where a restored arena differs from its image, or from zero in what may have been used behind it. For trials.
    pub(crate) fn differences(&self) -> Result<(), String> {
        let words = self.image.len();
        let (seen, tail) = self.words(words + 4 * TAIL_KEPT_BYTES / size_of::<u64>()).split_at(words);
        for (number, seen) in seen.chunks(PAGE_WORDS).enumerate() {
            let from = number * PAGE_WORDS;
            // As whole stretches: fuzzers count each comparison of words.
            let is_same = match &self.pages {
                Some(pages) if number > 0 && pages.is_cold(number - 1) => pages.is_as_it_was(number - 1, seen),
                _ => seen == self.image.get(from..from + seen.len()),
            };
            if !is_same {
                return Err(format!("page {number} of the image's {words} words differs"));
            }
        }
        match tail.iter().fold(0, |all, word| all | word) {
            0 => Ok(()),
            _ => Err("a word behind the image is not zero".into()),
        }
    }

    /// Gives pages back to the system, which gives zeroes the next time.
    fn release(&mut self, from: usize, to: usize) {
        // SAFETY: A1: the range lies in the arena, is aligned to pages, and nothing uses it.
        let released = unsafe {
            let start = self.base.as_ptr().cast::<u8>().add(from);
            madvise(start.cast(), to - from, Advice::LinuxDontNeed)
        };
        if released.is_err() {
            // SAFETY: as above.
            unsafe { ptr::write_bytes(self.base.as_ptr().cast::<u8>().add(from), 0, to - from) };
        }
    }

    fn start(&self) -> usize {
        self.base.addr().get()
    }

    fn head(&mut self) -> &mut Head {
        // SAFETY: A1; the engine, which also reaches the head, is not called meanwhile.
        unsafe { self.base.as_mut() }
    }

    /// The first words, the engine being at rest.
    fn words(&self, count: usize) -> &[u64] {
        let count = count.min(self.capacity / size_of::<u64>());
        // SAFETY: A1: the words lie in the arena, which is aligned to a page, and nothing writes to them meanwhile.
        unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), count) }
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.pages = None; // P1: before the mapping goes.
        // SAFETY: the mapping is this arena's, and nothing refers to it any more (R1).
        // Unmapping a whole mapping of one's own cannot fail.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.capacity) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Arena {
        /// The first bytes of the arena.
        fn bytes(&self, count: usize) -> &[u8] {
            let words = self.words(count.div_ceil(size_of::<u64>()));
            // SAFETY: the words as bytes.
            unsafe { std::slice::from_raw_parts(words.as_ptr().cast(), count.min(size_of_val(words))) }
        }

        /// What of it is committed.
        pub(crate) fn resident_bytes(&self) -> usize {
            let smaps = std::fs::read_to_string("/proc/self/smaps").expect("Linux");
            let is_own = |line: &str| {
                let (from, to) = line.split_once(' ')?.0.split_once('-')?;
                let [from, to] = [from, to].map(|text| usize::from_str_radix(text, 16));
                Some(from.ok()? < self.start() + self.capacity && to.ok()? > self.start())
            };
            let mut is_inside = false;
            let mut kilobytes = 0;
            for line in smaps.lines() {
                is_inside = is_own(line).unwrap_or(is_inside);
                if is_inside && let Some(rss) = line.strip_prefix("Rss:") {
                    kilobytes += rss.trim().trim_end_matches(" kB").parse::<usize>().expect("a number");
                }
            }
            kilobytes << 10
        }

        /// Every byte up to the high water mark.
        pub(crate) fn used(&mut self) -> Vec<u8> {
            let used = self.head().high_water - self.start();
            self.bytes(used).to_vec()
        }
    }

    proptest! {
        /// Random work after a freeze, and every byte is back.
        #[test]
        fn restoring_is_exact(before in work(), after in work(), watched in any::<bool>()) {
            let mut arena = Arena::new(8 << 20).expect("memory");
            perform(&mut arena, before);
            arena.freeze(if watched { Restoring::HotPages } else { Restoring::Whole }).expect("memory");
            prop_assert!(!watched || arena.pages.is_some() || arena.image.len() < 2 * PAGE / size_of::<u64>());
            let whole = arena.capacity;
            let image = arena.bytes(whole).to_vec();
            for _ in 0..2 {
                perform(&mut arena, after.clone());
                arena.restore();
                prop_assert!(arena.bytes(whole) == image);
            }
            perform(&mut arena, after);
            let (lines, used) = (arena.lines(), arena.head().top - arena.start());
            let changed = arena.bytes(used).to_vec();
            arena.undo(&lines);
            prop_assert!(arena.bytes(whole) == image);
            prop_assert!(arena.apply(&lines));
            prop_assert!(arena.bytes(used) == changed);
            arena.restore();
            prop_assert!(arena.bytes(whole) == image);
            prop_assert!(!Arena::new(1 << 20).expect("memory").apply(&lines), "lines fit one arena");
        }
    }

    /// Sizes to allocate, and which of the blocks to free or to make larger.
    fn work() -> impl Strategy<Value = Vec<(usize, usize, u8)>> {
        let size = prop_oneof![8 => 1usize..600, 1 => 600usize..100_000, 1 => 300_000usize..900_000];
        prop::collection::vec((size, any::<usize>(), 0u8..4), 1..60)
    }

    fn perform(arena: &mut Arena, work: Vec<(usize, usize, u8)>) {
        let head = arena.head();
        let mut live: Vec<(NonNull<c_void>, usize)> = Vec::new();
        for (size, which, what) in work {
            let chosen = (!live.is_empty()).then(|| which % live.len());
            match (what, chosen) {
                (0, Some(at)) => {
                    let (block, _) = live.swap_remove(at);
                    // SAFETY: a live block of this arena.
                    unsafe { head.release(block) };
                }
                (1, Some(at)) => {
                    let (block, old) = live[at];
                    // SAFETY: a live block of this arena.
                    if let Some(block) = unsafe { head.reallocate(block, size) } {
                        // SAFETY: the block has at least the smaller of both sizes.
                        let kept = unsafe { std::slice::from_raw_parts(block.as_ptr().cast::<u8>(), size.min(old)) };
                        assert!(kept.iter().all(|byte| *byte == kept[0]), "bytes move with their block");
                        live[at] = (fill(block, size), size);
                    }
                }
                _ => {
                    if let Some((block, _)) = head.allocate(size) {
                        live.push((fill(block, size), size));
                    }
                }
            }
        }
    }

    fn fill(block: NonNull<c_void>, size: usize) -> NonNull<c_void> {
        // SAFETY: the block has `size` bytes.
        unsafe { ptr::write_bytes(block.as_ptr().cast::<u8>(), 0xA5 ^ size as u8, size) };
        block
    }
}
