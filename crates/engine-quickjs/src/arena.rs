//! The memory of one VM as one stretch of bytes: an allocator inside it, an image of it, and the way back to that image.
//!
//! ```text
//! base                                 top           high water                          end
//!  │ Head │ blocks of the engine … free │ used earlier │ never touched, not committed … │
//!  └──────────── image ─────────┘
//! ```
//!
//! [`Head`] holds all of the allocator's state, so that copying the image back takes the allocator back as well.
//! Blocks come in size classes, eight for each doubling. A free block is in the list of its class; a block at the top
//! grows and is freed in place. Beyond the high water mark every byte is zero.

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};

use rquickjs::qjs;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap};

use crate::meter::Meter;

const ALIGN: usize = 16;
/// Enough for blocks of 2^40 bytes.
const CLASSES: usize = 288;
/// Classes up to here are multiples of [`ALIGN`].
const FINE_BYTES: usize = 256;
/// The last bytes of the arena are for runs whose limit is crossed, so that they come to their end.
const ENDING_BYTES: usize = 1 << 20;
/// Restoring zeroes so much of what a run touched beyond the image, and gives the rest back to the system.
const TAIL_KEPT_BYTES: usize = 256 << 10;

/// The allocator's state, at the base of the arena.
#[repr(C)]
struct Head {
    meter: Meter,
    /// Where the next block begins that comes from no list.
    top: usize,
    high_water: usize,
    end: usize,
    /// Free blocks by class; the first word behind a free block's header is the next one.
    free: [*mut Header; CLASSES],
}

/// Stands before each block.
#[repr(C, align(16))]
struct Header {
    /// Bytes of the block with its header: the size of its class.
    size: usize,
}

/// Owns the stretch of bytes and, once it is frozen, its image.
pub(crate) struct Arena {
    base: NonNull<Head>,
    capacity: usize,
    /// The bytes from the base to the top at the time of the freeze, in words.
    image: Box<[u64]>,
}

/// Words of a line: 64 bytes, what a cache holds together.
const LINE_WORDS: usize = 8;

/// The lines in which an arena differs from its image. They hold addresses in that arena and fit no other one.
#[derive(Default)]
pub(crate) struct Lines {
    arena: usize,
    /// Stretches of lines that follow each other: where they begin, and how many words they have.
    stretches: Vec<(usize, usize)>,
    words: Vec<u64>,
}

impl Lines {
    /// The memory that they take.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.stretches) + size_of_val(&*self.words)
    }
}

// SAFETY: the pointers are into the arena, which this value alone owns and one thread at a time uses (A1, T1).
unsafe impl Send for Arena {}

impl Arena {
    /// Reserves `capacity` bytes of address space. They are committed as they are touched.
    pub(crate) fn new(capacity: usize) -> io::Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping where the system likes, which nothing else knows of.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), capacity, ProtFlags::READ | ProtFlags::WRITE, flags)? };
        let base = NonNull::new(base.cast::<Head>()).ok_or(io::ErrorKind::OutOfMemory)?;
        // Exposed: the head holds places in the arena as numbers.
        let start = base.as_ptr().expose_provenance();
        let top = (start + size_of::<Head>()).next_multiple_of(ALIGN);
        let end = start + capacity;
        let free = [ptr::null_mut(); CLASSES];
        // SAFETY: the mapping is writable, page-aligned and larger than a head.
        unsafe { base.write(Head { meter: Meter::new(), top, high_water: top, end, free }) };
        Ok(Self { base, capacity, image: Box::default() })
    }

    /// What the engine's allocation functions get as their opaque pointer.
    pub(crate) fn opaque(&self) -> *mut c_void {
        self.base.as_ptr().cast()
    }

    /// The meter, which lies in the arena and goes back with it.
    pub(crate) fn meter(&self) -> *mut Meter {
        // SAFETY: the head lies at the base (A1); only the field's address is taken.
        unsafe { &raw mut (*self.base.as_ptr()).meter }
    }

    /// Takes the image that [`restore`](Self::restore) goes back to.
    pub(crate) fn freeze(&mut self) {
        let start = self.start();
        let head = self.head();
        let (top, high_water) = (head.top, head.high_water);
        head.high_water = top;
        // SAFETY: A1: top and high water lie in the arena, and nothing uses the bytes between them.
        unsafe { ptr::write_bytes(ptr::with_exposed_provenance_mut::<u8>(top), 0, high_water - top) };
        let words = (top - start).div_ceil(size_of::<u64>());
        // SAFETY: A1: the words lie in the arena, which is aligned to a page.
        let bytes = unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast::<u64>(), words) };
        self.image = bytes.into();
    }

    pub(crate) fn is_frozen(&self) -> bool {
        !self.image.is_empty()
    }

    /// Makes every byte what it was when the image was taken (A2).
    pub(crate) fn restore(&mut self) {
        let image = size_of_val(&*self.image);
        let used = self.head().high_water.saturating_sub(self.start()).clamp(image, self.capacity);
        // SAFETY: A1: image and arena are both at least this long, and do not overlap.
        unsafe { ptr::copy_nonoverlapping(self.image.as_ptr(), self.base.as_ptr().cast::<u64>(), self.image.len()) };
        let zeroed = used.min(image + TAIL_KEPT_BYTES).next_multiple_of(PAGE).min(self.capacity);
        // SAFETY: A1: the range lies in the arena, and nothing uses it: it is beyond the image's top.
        unsafe { ptr::write_bytes(self.base.as_ptr().cast::<u8>().add(image), 0, zeroed - image) };
        if used > zeroed {
            self.release(zeroed, used.next_multiple_of(PAGE).min(self.capacity));
        }
    }

    /// The lines that differ from the image, the engine being at rest.
    pub(crate) fn lines(&mut self) -> Lines {
        let start = self.start();
        let used = (self.head().top - start).div_ceil(size_of::<u64>());
        let mut lines = Lines { arena: start, ..Lines::default() };
        // SAFETY: A1: the words lie in the arena, and nothing writes to them meanwhile.
        let now = unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast::<u64>(), used.max(self.image.len())) };
        let zeroes = [0; LINE_WORDS];
        for (at, line) in now.chunks(LINE_WORDS).enumerate() {
            let from = at * LINE_WORDS;
            let image = self.image.get(from..from + line.len());
            let is_same = match image {
                Some(image) => line == image,
                // The image ends in this line or before it.
                None => {
                    let known = self.image.get(from..).unwrap_or_default();
                    let (head, tail) = line.split_at(known.len());
                    head == known && tail == &zeroes[..tail.len()]
                }
            };
            if is_same {
                continue;
            }
            match lines.stretches.last_mut() {
                Some((start, count)) if *start + *count == from => *count += line.len(),
                _ => lines.stretches.push((from, line.len())),
            }
            lines.words.extend_from_slice(line);
        }
        lines.words.shrink_to_fit();
        lines
    }

    /// Makes a restored arena what it was when `lines` were taken. `false` if they are another arena's.
    pub(crate) fn apply(&mut self, lines: &Lines) -> bool {
        if lines.arena != self.start() {
            return false;
        }
        let mut words = &lines.words[..];
        for &(from, count) in &lines.stretches {
            let (stretch, rest) = words.split_at(count);
            // SAFETY: A1: the stretch was taken from this arena, which is as large as it was.
            unsafe { ptr::copy_nonoverlapping(stretch.as_ptr(), self.base.as_ptr().cast::<u64>().add(from), count) };
            words = rest;
        }
        true
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

    /// The functions that QuickJS allocates with; their opaque pointer must be an arena's.
    pub(crate) const FUNCTIONS: qjs::JSMallocFunctions = qjs::JSMallocFunctions {
        js_calloc: Some(arena_calloc),
        js_malloc: Some(arena_malloc),
        js_free: Some(arena_free),
        js_realloc: Some(arena_realloc),
        js_malloc_usable_size: Some(arena_usable_size),
    };
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the mapping is this arena's, and nothing refers to it any more (R1).
        // Unmapping a whole mapping of one's own cannot fail.
        let _ = unsafe { munmap(self.base.as_ptr().cast(), self.capacity) };
    }
}

/// The smallest page of the supported systems; the range of [`Arena::release`] is rounded to it.
const PAGE: usize = 4096;

/// The class of a block of `size` bytes with its header, and the class's size. `None` beyond the largest class.
fn class(size: usize) -> Option<(usize, usize)> {
    if size <= FINE_BYTES {
        let size = size.next_multiple_of(ALIGN);
        return Some((size / ALIGN, size));
    }
    let step = 1usize << ((size - 1).ilog2() - 3);
    let size = size.checked_next_multiple_of(step)?;
    let exponent = size.ilog2() as usize;
    let index = FINE_BYTES / ALIGN + (exponent - 8) * 8 + ((size >> (exponent - 3)) & 7);
    (index < CLASSES).then_some((index, size))
}

fn with_header(size: usize) -> Option<(usize, usize)> {
    class(size.checked_add(size_of::<Header>())?)
}

impl Head {
    /// A block, and whether its bytes have never been used (and so are zero).
    fn allocate(&mut self, size: usize) -> Option<(NonNull<c_void>, bool)> {
        let Some((class, total)) = with_header(size) else {
            self.meter.refuse(size);
            return None;
        };
        if !self.meter.admit(total) {
            return None;
        }
        let found = self.take(class).map(|header| (header, false)).or_else(|| self.extend(total));
        let found =
            found.or_else(|| (class + 1..CLASSES).find_map(|class| self.take(class)).map(|header| (header, false)));
        let Some((header, is_fresh)) = found else {
            self.meter.refuse(total);
            return None;
        };
        // SAFETY: A3: a live block begins with its header.
        let taken = unsafe { header.as_ref() }.size;
        self.meter.count(0, taken);
        // SAFETY: the block continues behind its header.
        Some((unsafe { header.add(1) }.cast(), is_fresh))
    }

    /// A free block of a class.
    fn take(&mut self, class: usize) -> Option<NonNull<Header>> {
        let header = NonNull::new(self.free[class])?;
        // SAFETY: A3: a free block holds the next one of its class behind its header.
        self.free[class] = unsafe { header.add(1).cast::<*mut Header>().read() };
        Some(header)
    }

    /// A new block at the top.
    fn extend(&mut self, total: usize) -> Option<(NonNull<Header>, bool)> {
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<Header>(self.top))?;
        let is_fresh = self.top >= self.high_water;
        self.raise(self.top.checked_add(total)?)?;
        // SAFETY: A1: `raise` has checked that the block lies in the arena.
        unsafe { header.write(Header { size: total }) };
        Some((header, is_fresh))
    }

    fn raise(&mut self, top: usize) -> Option<()> {
        let capacity = self.end - ptr::from_ref(self).addr();
        let kept = if self.meter.over_limit().is_some() { 0 } else { ENDING_BYTES.min(capacity / 16) };
        if top > self.end.saturating_sub(kept) {
            return None;
        }
        self.top = top;
        self.high_water = self.high_water.max(top);
        Some(())
    }

    /// # Safety
    /// `block` must be a live block of this arena.
    unsafe fn release(&mut self, block: NonNull<c_void>) {
        // SAFETY: A3.
        let header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: A3.
        let size = unsafe { header.as_ref() }.size;
        self.meter.count(size, 0);
        if header.addr().get() + size == self.top {
            self.top = header.addr().get();
        } else if let Some((class, _)) = class(size) {
            // SAFETY: A3: a block has room for a pointer behind its header, and nothing uses it any more.
            unsafe { block.cast::<*mut Header>().write(self.free[class]) };
            self.free[class] = header.as_ptr();
        }
    }

    /// # Safety
    /// As for `release`.
    unsafe fn reallocate(&mut self, block: NonNull<c_void>, size: usize) -> Option<NonNull<c_void>> {
        // SAFETY: A3.
        let mut header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: A3.
        let old = unsafe { header.as_ref() }.size;
        let Some((_, total)) = with_header(size) else {
            self.meter.refuse(size);
            return None;
        };
        if total <= old && total > old / 2 {
            return Some(block);
        }
        let is_last = header.addr().get() + old == self.top;
        if is_last
            && (total <= old || self.meter.admit(total - old))
            && self.raise(header.addr().get() + total).is_some()
        {
            self.meter.count(old, total);
            // SAFETY: A3: `raise` has checked that the block still lies in the arena.
            unsafe { header.as_mut() }.size = total;
            return Some(block);
        }
        let Some((moved, _)) = self.allocate(size) else {
            // A block that is to become smaller need not move for it.
            return (total <= old).then_some(block);
        };
        let bytes = size.min(old - size_of::<Header>());
        // SAFETY: both blocks are live, have this many bytes, and differ.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr().cast::<u8>(), moved.as_ptr().cast::<u8>(), bytes) };
        // SAFETY: the caller's contract.
        unsafe { self.release(block) };
        Some(moved)
    }
}

/// # Safety
/// `opaque` must be an arena's opaque pointer (R1).
unsafe fn head<'a>(opaque: *mut c_void) -> &'a mut Head {
    // SAFETY: the runtime was made with this arena, which outlives it, and calls from one thread at a time (R1, T1).
    unsafe { &mut *opaque.cast::<Head>() }
}

fn raw(block: Option<NonNull<c_void>>) -> *mut c_void {
    block.map_or(ptr::null_mut(), NonNull::as_ptr)
}

unsafe extern "C" fn arena_calloc(opaque: *mut c_void, count: qjs::size_t, size: qjs::size_t) -> *mut c_void {
    let Some(bytes) = (count as usize).checked_mul(size as usize) else { return ptr::null_mut() };
    // SAFETY: QuickJS passes the opaque pointer of its runtime (R1).
    let Some((block, is_fresh)) = unsafe { head(opaque) }.allocate(bytes) else { return ptr::null_mut() };
    if !is_fresh {
        // SAFETY: the block has at least this many bytes.
        unsafe { ptr::write_bytes(block.as_ptr().cast::<u8>(), 0, bytes) };
    }
    block.as_ptr()
}

unsafe extern "C" fn arena_malloc(opaque: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as above.
    raw(unsafe { head(opaque) }.allocate(size as usize).map(|(block, _)| block))
}

unsafe extern "C" fn arena_free(opaque: *mut c_void, block: *mut c_void) {
    if let Some(block) = NonNull::new(block) {
        // SAFETY: QuickJS frees a block of its runtime once (R1).
        unsafe { head(opaque).release(block) }
    }
}

unsafe extern "C" fn arena_realloc(opaque: *mut c_void, block: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: QuickJS passes the opaque pointer of its runtime, and a block of it or null (R1).
    unsafe {
        match (NonNull::new(block), size) {
            (None, _) => arena_malloc(opaque, size),
            (Some(block), 0) => {
                head(opaque).release(block);
                ptr::null_mut()
            }
            (Some(block), _) => raw(head(opaque).reallocate(block, size as usize)),
        }
    }
}

unsafe extern "C" fn arena_usable_size(block: *const c_void) -> qjs::size_t {
    if block.is_null() {
        return 0;
    }
    // SAFETY: A3: a live block has its header before it.
    let size = unsafe { (*block.cast::<Header>().sub(1)).size };
    (size - size_of::<Header>()) as qjs::size_t
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    impl Arena {
        /// The first bytes of the arena.
        fn bytes(&self, count: usize) -> &[u8] {
            // SAFETY: A1; nothing writes while the slice lives.
            unsafe { std::slice::from_raw_parts(self.base.as_ptr().cast(), count.min(self.capacity)) }
        }

        /// Where the bytes differ from the image, or from zero behind it, as far as restoring writes zeroes and more.
        pub(crate) fn differences(&self) -> Result<(), String> {
            let length = size_of_val(&*self.image);
            // SAFETY: the image's words as bytes.
            let image = unsafe { std::slice::from_raw_parts(self.image.as_ptr().cast::<u8>(), length) };
            let (seen, tail) = self.bytes(length + 4 * TAIL_KEPT_BYTES).split_at(length);
            let zeroes = vec![0; tail.len()];
            // Compared as wholes, because that is fast, and looked into only when they differ.
            if seen == image && tail == zeroes {
                return Ok(());
            }
            let at = seen.iter().zip(image).position(|(seen, image)| seen != image);
            Err(format!("byte {at:?} of {length} differs from the image, or one behind it is not zero"))
        }

        /// Every byte up to the high water mark.
        pub(crate) fn used(&mut self) -> Vec<u8> {
            let used = self.head().high_water - self.start();
            self.bytes(used).to_vec()
        }
    }

    #[test]
    fn classes_hold_what_they_must_and_waste_little() {
        for size in (1..5_000).chain((12..40).flat_map(|bits| [(1 << bits) - 1, 1 << bits, (1 << bits) + 1])) {
            let (index, total) = class(size).expect("a class");
            assert!(total >= size && total % ALIGN == 0, "{size} in {total}");
            assert!(total <= size + ALIGN || total - size <= size / 8, "{size} in {total}");
            assert_eq!(class(total), Some((index, total)), "a class holds its own size");
        }
        assert_eq!(class(usize::MAX), None);
        assert_eq!(with_header(usize::MAX), None);
    }

    #[test]
    fn blocks_are_used_again_and_grow_at_the_top() {
        let mut arena = Arena::new(1 << 20).expect("memory");
        let head = arena.head();
        let (a, fresh_a) = head.allocate(100).expect("room");
        let (b, _) = head.allocate(100).expect("room");
        assert!(fresh_a && a.addr() < b.addr());
        // SAFETY: live blocks of this arena, here and below.
        let grown = unsafe { head.reallocate(b, 5_000) }.expect("room");
        assert_eq!(grown, b, "the last block grows in place");
        // SAFETY: as above.
        unsafe { head.release(a) };
        let (again, fresh) = head.allocate(100).expect("room");
        assert_eq!((again, fresh), (a, false), "a free block of the class is taken first");
        // SAFETY: as above.
        unsafe {
            head.release(again);
            head.release(b);
        }
        assert_eq!(head.meter.used(), 0);
        assert!(head.allocate(2 << 20).is_none(), "the arena has an end");
        assert!(head.meter.over_limit().is_some());
    }

    proptest! {
        /// Random work after a freeze, and every byte is back.
        #[test]
        fn restoring_is_exact(before in work(), after in work()) {
            let mut arena = Arena::new(8 << 20).expect("memory");
            perform(&mut arena, before);
            arena.freeze();
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
            arena.restore();
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
