//! The allocator inside an arena: size classes, free lists, and growth at the top.
//!
//! Blocks come in size classes, eight for each doubling. A free block is in the list of its class; a block at the top
//! grows and is freed in place. All of its state is the [`Head`] at the arena's base and what lies in free blocks, so
//! that copying bytes back takes the allocator back as well.

use std::ffi::c_void;
use std::ptr::{self, NonNull};

use rquickjs::qjs;
use rustix::mm::{Advice, madvise};

use super::PAGE;
use crate::fiber;
use crate::meter::Meter;

pub(super) const ALIGN: usize = 16;
/// Enough for blocks of 2^40 bytes.
const CLASSES: usize = 288;
/// Classes up to here are multiples of [`ALIGN`].
const FINE_BYTES: usize = 256;

/// The allocator's state.
#[repr(C)]
pub(super) struct Head {
    pub(super) meter: Meter,
    /// Where the next block begins that comes from no list.
    pub(super) top: usize,
    /// Beyond it every byte is zero.
    pub(super) high_water: usize,
    end: usize,
    /// From here on lies nothing of the image.
    own: usize,
    /// Bytes of large free blocks that are still committed.
    idle: usize,
    /// Free blocks by class; the first word behind a free block's header is the next one.
    free: [*mut Header; CLASSES],
}

/// Stands before each block.
#[repr(C, align(16))]
struct Header {
    /// Bytes of the block with its header: the size of its class.
    size: usize,
    /// Of a large free block: whether its bytes count as idle. As wide as the rest, so that no byte is left unwritten.
    is_idle: u64,
}

/// Blocks from this size on are large.
const LARGE_BYTES: usize = 256 << 10;
/// Large free blocks beyond this are given back to the system.
const IDLE_BYTES_MAX: usize = 8 << 20;

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

/// A block that is being handed out.
struct Found {
    header: NonNull<Header>,
    /// Whether its bytes have never been used, and so are zero.
    is_fresh: bool,
}

impl Head {
    /// For an arena from `start` to `end` with nothing in it.
    pub(super) fn new(start: usize, end: usize) -> Self {
        let top = (start + size_of::<Self>()).next_multiple_of(ALIGN);
        let free = [ptr::null_mut(); CLASSES];
        Self { meter: Meter::new(), top, high_water: top, end, own: usize::MAX, idle: 0, free }
    }

    /// What is there now becomes an image: its bytes are never given back.
    pub(super) fn freeze(&mut self) {
        self.high_water = self.top;
        self.own = self.top;
    }

    /// A block, and whether its bytes are zero.
    pub(super) fn allocate(&mut self, size: usize) -> Option<(NonNull<c_void>, bool)> {
        let Some((class, total)) = with_header(size) else {
            self.meter.refuse(size);
            return None;
        };
        if !self.meter.admit(total) {
            return None;
        }
        let Some(Found { header, is_fresh }) = self.find(class, total) else {
            self.meter.refuse(total);
            return None;
        };
        // SAFETY: A3: a live block begins with its header.
        let taken = unsafe { header.as_ref() }.size;
        self.meter.count(0, taken);
        // SAFETY: the block continues behind its header.
        Some((unsafe { header.add(1) }.cast(), is_fresh))
    }

    fn find(&mut self, class: usize, total: usize) -> Option<Found> {
        let used = |header| Found { header, is_fresh: false };
        let found = self.take(class).map(used).or_else(|| self.extend(total));
        found.or_else(|| (class + 1..CLASSES).find_map(|class| self.take(class)).map(used))
    }

    /// A free block of a class.
    fn take(&mut self, class: usize) -> Option<NonNull<Header>> {
        let header = NonNull::new(self.free[class])?;
        // SAFETY: A3: a free block holds the next one of its class behind its header.
        self.free[class] = unsafe { header.add(1).cast::<*mut Header>().read() };
        // SAFETY: A3.
        let Header { size, is_idle } = unsafe { header.read() };
        if is_idle != 0 {
            self.idle -= size;
        }
        Some(header)
    }

    /// A new block at the top.
    fn extend(&mut self, total: usize) -> Option<Found> {
        let header = NonNull::new(ptr::with_exposed_provenance_mut::<Header>(self.top))?;
        let is_fresh = self.top >= self.high_water;
        self.raise(self.top.checked_add(total)?)?;
        // SAFETY: A1: `raise` has checked that the block lies in the arena.
        unsafe { header.write(Header { size: total, is_idle: 0 }) };
        Some(Found { header, is_fresh })
    }

    fn raise(&mut self, top: usize) -> Option<()> {
        if top > self.end {
            return None;
        }
        self.top = top;
        self.high_water = self.high_water.max(top);
        Some(())
    }

    /// # Safety
    /// `block` must be a live block of this arena.
    pub(super) unsafe fn release(&mut self, block: NonNull<c_void>) {
        // SAFETY: A3.
        let header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: A3.
        let size = unsafe { header.as_ref() }.size;
        self.meter.count(size, 0);
        self.keep_free(header, size);
    }

    fn keep_free(&mut self, header: NonNull<Header>, size: usize) {
        if header.addr().get() + size == self.top {
            self.top = header.addr().get();
        } else if let Some((class, _)) = class(size) {
            // SAFETY: A3: a block has room for a pointer behind its header, and nothing uses it any more.
            unsafe { header.add(1).cast::<*mut Header>().write(self.free[class]) };
            self.free[class] = header.as_ptr();
            let is_idle = size >= LARGE_BYTES && !self.release_large(header.addr().get(), size);
            // SAFETY: A3.
            unsafe { header.write(Header { size, is_idle: is_idle.into() }) };
            self.idle += if is_idle { size } else { 0 };
        }
    }

    /// Gives the inner pages of a large free block back to the system, once too many bytes are idle. They are zero from
    /// then on, as if they had never been used.
    fn release_large(&self, start: usize, size: usize) -> bool {
        if start < self.own || self.idle + size <= IDLE_BYTES_MAX {
            return false;
        }
        // The header and the link behind it stay.
        let (from, to) = ((start + 2 * ALIGN).next_multiple_of(PAGE), (start + size) / PAGE * PAGE);
        // SAFETY: A1: the pages are the free block's, which lies beyond the image.
        unsafe { madvise(ptr::with_exposed_provenance_mut(from), to - from, Advice::LinuxDontNeed) }.is_ok()
    }

    /// A block that moves counts once, though both its places are in use for a moment.
    ///
    /// # Safety
    /// As for `release`.
    pub(super) unsafe fn reallocate(&mut self, block: NonNull<c_void>, size: usize) -> Option<NonNull<c_void>> {
        // SAFETY: A3.
        let mut header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: A3.
        let old = unsafe { header.as_ref() }.size;
        let Some((class, total)) = with_header(size) else {
            self.meter.refuse(size);
            return None;
        };
        if total <= old && total > old / 2 {
            return Some(block);
        }
        if total > old && !self.meter.admit(total - old) {
            return None;
        }
        let is_last = header.addr().get() + old == self.top;
        if is_last && self.raise(header.addr().get() + total).is_some() {
            self.meter.count(old, total);
            // SAFETY: A3: `raise` has checked that the block still lies in the arena.
            unsafe { header.as_mut() }.size = total;
            return Some(block);
        }
        let Some(Found { header: moved, .. }) = self.find(class, total) else {
            if total <= old {
                return Some(block); // It need not move to become smaller.
            }
            self.meter.refuse(total - old);
            return None;
        };
        // SAFETY: A3.
        self.meter.count(old, unsafe { moved.as_ref() }.size);
        // SAFETY: the block continues behind its header.
        let moved = unsafe { moved.add(1) }.cast::<c_void>();
        let bytes = size.min(old - size_of::<Header>());
        // SAFETY: both blocks are live, have this many bytes, and differ.
        unsafe { ptr::copy_nonoverlapping(block.as_ptr().cast::<u8>(), moved.as_ptr().cast::<u8>(), bytes) };
        self.keep_free(header, old);
        Some(moved)
    }
}

/// The functions that QuickJS allocates with; their opaque pointer must be an arena's base.
pub(super) const FUNCTIONS: qjs::JSMallocFunctions = qjs::JSMallocFunctions {
    js_calloc: Some(arena_calloc),
    js_malloc: Some(arena_malloc),
    js_free: Some(arena_free),
    js_realloc: Some(arena_realloc),
    js_malloc_usable_size: Some(arena_usable_size),
};

/// # Safety
/// `opaque` must be an arena's base (R1).
unsafe fn head<'a>(opaque: *mut c_void) -> &'a mut Head {
    // SAFETY: the runtime was made with this arena, which outlives it, and calls from one thread at a time (R1, T1).
    unsafe { &mut *opaque.cast::<Head>() }
}

/// What QuickJS gets. On a fiber, it never gets null: the run is left instead.
fn given(block: Option<NonNull<c_void>>) -> *mut c_void {
    block.map_or_else(
        || {
            fiber::leave();
            ptr::null_mut()
        },
        NonNull::as_ptr,
    )
}

unsafe extern "C" fn arena_calloc(opaque: *mut c_void, count: qjs::size_t, size: qjs::size_t) -> *mut c_void {
    let bytes = (count as usize).saturating_mul(size as usize);
    // SAFETY: QuickJS passes the opaque pointer of its runtime (R1).
    let Some((block, is_fresh)) = unsafe { head(opaque) }.allocate(bytes) else { return given(None) };
    if !is_fresh {
        // SAFETY: the block has at least this many bytes.
        unsafe { ptr::write_bytes(block.as_ptr().cast::<u8>(), 0, bytes) };
    }
    block.as_ptr()
}

unsafe extern "C" fn arena_malloc(opaque: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as above.
    given(unsafe { head(opaque) }.allocate(size as usize).map(|(block, _)| block))
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
            (Some(block), _) => given(head(opaque).reallocate(block, size as usize)),
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
    use super::*;
    use crate::arena::Arena;

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

    #[test]
    fn a_block_that_moves_counts_once() {
        let mut arena = Arena::new(1 << 20).expect("memory");
        let head = arena.head();
        let (block, _) = head.allocate(10_000).expect("room");
        let (after, _) = head.allocate(16).expect("room");
        // SAFETY: a live block of this arena.
        let moved = unsafe { head.reallocate(block, 20_000) }.expect("room");
        assert_ne!(moved, block);
        assert!(head.meter.peak() < 25_000, "{}", head.meter.peak());
        // SAFETY: live blocks of this arena.
        unsafe {
            head.release(moved);
            head.release(after);
        }
        assert_eq!(head.meter.used(), 0);
    }
}
