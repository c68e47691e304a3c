//! The memory of one VM in the portable form: blocks of the system's allocator, counted and chained.
//!
//! ```text
//! Heap ──first──▶ [Header|block] ⇄ [Header|block] ⇄ …        one list, so that dropping the heap frees everything:
//!                                                            a runtime is never torn down, its memory just goes
//! ```

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::ffi::c_void;
use std::ptr;

use rquickjs::qjs;

use crate::meter::Meter;

const ALIGN: usize = 16;

/// Stands before each block. 32 bytes, so that blocks are aligned to [`ALIGN`].
#[repr(C, align(16))]
struct Header {
    previous: *mut Header,
    next: *mut Header,
    size: usize,
}

/// Owns the memory of one VM. Boxed: the runtime holds its address.
pub(crate) struct Heap {
    first: *mut Header,
    pub(crate) meter: Meter,
}

// SAFETY: the pointers are to blocks that this heap alone owns (H1) and into them; a heap is used by one thread at a
// time, which `&mut` and the VM's ownership ensure (T1).
unsafe impl Send for Heap {}

impl Heap {
    pub(crate) fn new() -> Box<Self> {
        Box::new(Self { first: ptr::null_mut(), meter: Meter::new() })
    }

    fn allocate(&mut self, size: usize, zeroed: bool) -> *mut c_void {
        let Some(layout) = layout(size) else { return ptr::null_mut() };
        if !self.meter.admit(layout.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the layout is not of zero size, since it holds a header.
        let header = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } }.cast::<Header>();
        if header.is_null() {
            return ptr::null_mut();
        }
        self.meter.count(0, layout.size());
        // SAFETY: `header` is a fresh block of at least a header's size and alignment.
        unsafe { self.link(header, size) };
        // SAFETY: the block continues behind its header.
        unsafe { header.add(1).cast() }
    }

    /// # Safety
    /// `block` must come from this heap's `allocate` or `reallocate` and not have been released.
    unsafe fn release(&mut self, block: *mut c_void) {
        // SAFETY: behind H1 every block has a header before it, which is in the list.
        let header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: as above.
        let size = unsafe { self.unlink(header) };
        if let Some(layout) = layout(size) {
            self.meter.count(layout.size(), 0);
            // SAFETY: the block was allocated with this layout (H2).
            unsafe { dealloc(header.cast(), layout) };
        }
    }

    /// # Safety
    /// As for `release`.
    unsafe fn reallocate(&mut self, block: *mut c_void, size: usize) -> *mut c_void {
        // SAFETY: as in `release`.
        let header = unsafe { block.cast::<Header>().sub(1) };
        // SAFETY: the header is initialized.
        let old = unsafe { (*header).size };
        let (Some(from), Some(to)) = (layout(old), layout(size)) else { return ptr::null_mut() };
        if to.size() > from.size() && !self.meter.admit(to.size() - from.size()) {
            return ptr::null_mut();
        }
        // SAFETY: the header is in the list; it leaves it while its address may change.
        unsafe { self.unlink(header) };
        // SAFETY: allocated with `from` (H2); the new size is not zero and does not overflow, or `layout` had refused.
        let moved = unsafe { realloc(header.cast(), from, to.size()) }.cast::<Header>();
        let (kept, kept_size) = if moved.is_null() { (header, old) } else { (moved, size) };
        // SAFETY: `kept` is the live block, moved or not.
        unsafe { self.link(kept, kept_size) };
        if moved.is_null() {
            return ptr::null_mut();
        }
        self.meter.count(from.size(), to.size());
        // SAFETY: the block continues behind its header.
        unsafe { moved.add(1).cast() }
    }

    /// # Safety
    /// `header` must be a live block that is not in the list.
    unsafe fn link(&mut self, header: *mut Header, size: usize) {
        // SAFETY: the caller's contract; `first` is a live block or null.
        unsafe {
            header.write(Header { previous: ptr::null_mut(), next: self.first, size });
            if let Some(first) = self.first.as_mut() {
                first.previous = header;
            }
        }
        self.first = header;
    }

    /// # Safety
    /// `header` must be in the list. Returns the block's size.
    unsafe fn unlink(&mut self, header: *mut Header) -> usize {
        // SAFETY: neighbours of a block in the list are live blocks or null (H1).
        unsafe {
            let Header { previous, next, size } = header.read();
            match previous.as_mut() {
                Some(previous) => previous.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.previous = previous;
            }
            size
        }
    }

    /// The functions that QuickJS allocates with; their opaque pointer must be a `*mut Heap`.
    pub(crate) const FUNCTIONS: qjs::JSMallocFunctions = qjs::JSMallocFunctions {
        js_calloc: Some(heap_calloc),
        js_malloc: Some(heap_malloc),
        js_free: Some(heap_free),
        js_realloc: Some(heap_realloc),
        js_malloc_usable_size: Some(heap_usable_size),
    };
}

impl Drop for Heap {
    fn drop(&mut self) {
        let mut header = self.first;
        while !header.is_null() {
            // SAFETY: a block in the list is live (H1).
            let Header { next, size, .. } = unsafe { header.read() };
            if let Some(layout) = layout(size) {
                // SAFETY: it was allocated with this layout (H2) and nothing refers to it any more (R1).
                unsafe { dealloc(header.cast(), layout) };
            }
            header = next;
        }
    }
}

/// The layout of a block of `size` bytes with its header; `None` if that overflows.
fn layout(size: usize) -> Option<Layout> {
    let total = size.checked_add(size_of::<Header>())?;
    Layout::from_size_align(total, ALIGN).ok()
}

/// # Safety
/// `opaque` must be the heap that the runtime was made with (R1).
unsafe fn heap<'a>(opaque: *mut c_void) -> &'a mut Heap {
    // SAFETY: the runtime was made with this heap, which outlives it, and calls from one thread at a time (R1, T1).
    unsafe { &mut *opaque.cast::<Heap>() }
}

unsafe extern "C" fn heap_calloc(opaque: *mut c_void, count: qjs::size_t, size: qjs::size_t) -> *mut c_void {
    let Some(bytes) = (count as usize).checked_mul(size as usize) else { return ptr::null_mut() };
    // SAFETY: QuickJS passes the opaque pointer of its runtime (R1).
    unsafe { heap(opaque) }.allocate(bytes, true)
}

unsafe extern "C" fn heap_malloc(opaque: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: as above.
    unsafe { heap(opaque) }.allocate(size as usize, false)
}

unsafe extern "C" fn heap_free(opaque: *mut c_void, block: *mut c_void) {
    if !block.is_null() {
        // SAFETY: QuickJS frees a block of its runtime once (R1).
        unsafe { heap(opaque).release(block) }
    }
}

unsafe extern "C" fn heap_realloc(opaque: *mut c_void, block: *mut c_void, size: qjs::size_t) -> *mut c_void {
    // SAFETY: QuickJS passes the opaque pointer of its runtime, and a block of it or null (R1).
    unsafe {
        match (block.is_null(), size) {
            (true, _) => heap(opaque).allocate(size as usize, false),
            (false, 0) => {
                heap(opaque).release(block);
                ptr::null_mut()
            }
            (false, _) => heap(opaque).reallocate(block, size as usize),
        }
    }
}

unsafe extern "C" fn heap_usable_size(block: *const c_void) -> qjs::size_t {
    if block.is_null() {
        return 0;
    }
    // SAFETY: a block of a heap has its header before it (H1).
    unsafe { (*block.cast::<Header>().sub(1)).size as qjs::size_t }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVERHEAD: u64 = size_of::<Header>() as u64;

    #[test]
    fn every_byte_is_counted_and_freed() {
        let mut heap = Heap::new();
        let a = heap.allocate(100, false);
        let b = heap.allocate(50, true);
        assert_eq!(heap.meter.used(), 150 + 2 * OVERHEAD);
        // SAFETY: `a` is a live block of this heap.
        let a = unsafe { heap.reallocate(a, 1_000) };
        assert_eq!(heap.meter.used(), 1_050 + 2 * OVERHEAD);
        // SAFETY: `b` is a live block of this heap.
        unsafe { heap.release(b) };
        assert_eq!((heap.meter.used(), heap.meter.peak()), (1_000 + OVERHEAD, 1_050 + 2 * OVERHEAD));
        // SAFETY: `a` is a live block of this heap.
        unsafe { heap.release(a) };
        assert_eq!((heap.meter.used(), heap.first.is_null()), (0, true));
        heap.allocate(10, false); // Left to the heap's drop.
    }

    #[test]
    fn what_the_meter_refuses_is_null() {
        let mut heap = Heap::new();
        heap.meter.set_limit(0, 1_000, 1 << 20);
        assert!(!heap.allocate(2_000, false).is_null());
        assert!(heap.allocate(1 << 30, false).is_null());
        assert!(heap.allocate(usize::MAX, false).is_null());
    }
}
