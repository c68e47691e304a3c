//! The pages of an image that a VM writes to, learned as it does: all others need no restoring, and no copy.
//!
//! ```text
//! frozen:       pages of the image are read-only
//! first write:  SIGSEGV ─▶ the page is copied, becomes writable, and hot for good ─▶ the write happens
//! restore:      copies the hot pages
//! ```
//!
//! A page that is not hot cannot have been written, so that a restore is as exact as a copy of the whole image. After
//! a few runs nothing faults any more.
//!
//! Each change of protection can split a mapping, and a process may have only so many. Near that bound no more images
//! are watched, and if the system refuses to make a page writable, all pages of its image become hot at once.

use std::ops::Range;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize};

use rustix::mm::{MprotectFlags, mprotect};

use super::{PAGE, PAGE_WORDS};
use crate::signals;

/// Images that are watched at once.
const WATCHED_MAX: usize = 1024;
/// Mappings of a process where nothing says otherwise.
const MAPPINGS_MAX: usize = 65_530;

/// The watched pages of one image.
pub(super) struct Pages {
    slot: &'static Slot,
    /// Stretches of hot pages, as far as they were looked at.
    hot: Vec<Range<usize>>,
    /// A sum of each page's words as they were, for trials: of cold pages there is nothing else to compare with.
    sums: Box<[u64]>,
}

/// What the handler knows of an image. It looks at `pages` only if the fault is in the image's range, and then the thread
/// that faulted uses the image's arena, which keeps them alive (P1).
struct Slot {
    /// The first address; 0 if the slot is free.
    start: AtomicUsize,
    /// How many pages there are.
    count: AtomicUsize,
    /// Where hot pages are copied to before they are written, each at its place.
    copies: AtomicUsize,
    /// Whether each page is hot.
    pages: AtomicPtr<AtomicBool>,
    /// Whether a page has become hot since the last look.
    has_changed: AtomicBool,
}

static SLOTS: [Slot; WATCHED_MAX] = [const {
    Slot {
        start: AtomicUsize::new(0),
        count: AtomicUsize::new(0),
        copies: AtomicUsize::new(0),
        pages: AtomicPtr::new(ptr::null_mut()),
        has_changed: AtomicBool::new(false),
    }
}; WATCHED_MAX];

/// Mappings that hot pages may have split off.
static MAPPINGS: AtomicUsize = AtomicUsize::new(0);

/// A slot that is being filled or emptied.
const RESERVED: usize = 1;

impl Pages {
    /// Makes `count` pages from `start` read-only and watches them. They are copied to `copies` as they become hot.
    /// `None` if that cannot be.
    ///
    /// # Safety
    /// Pages and copies must be mappings of the caller's, writable, used by one thread at a time, and stay until this is
    /// dropped (P1).
    pub(super) unsafe fn watch(start: usize, count: usize, copies: usize) -> Option<Self> {
        let has_room = MAPPINGS.load(Relaxed) + count < *mappings_max() / 2;
        if count == 0 || !has_room || !signals::watch_pages() {
            return None;
        }
        let is_taken = |slot: &Slot| slot.start.compare_exchange(0, RESERVED, Acquire, Relaxed).is_ok();
        let slot = SLOTS.iter().find(|slot| is_taken(slot))?;
        let pages: Box<[AtomicBool]> = (0..count).map(|_| AtomicBool::new(false)).collect();
        slot.pages.store(Box::into_raw(pages).cast(), Relaxed);
        slot.count.store(count, Relaxed);
        slot.copies.store(copies, Relaxed);
        slot.has_changed.store(false, Relaxed);
        slot.start.store(start, Release);
        // SAFETY: the caller's contract.
        let words = |page| unsafe {
            std::slice::from_raw_parts(ptr::with_exposed_provenance::<u64>(start + page * PAGE), PAGE_WORDS)
        };
        let watched = Self { slot, hot: Vec::new(), sums: (0..count).map(|page| sum(words(page))).collect() };
        // SAFETY: the caller's contract.
        unsafe { protect(start, count, MprotectFlags::READ) }.then_some(watched)
    }

    /// The stretches of pages that may have been written, by number.
    pub(super) fn hot(&mut self) -> &[Range<usize>] {
        if self.slot.has_changed.swap(false, Acquire) {
            self.hot.clear();
            for page in 0..self.slot.count.load(Relaxed) {
                if !self.slot.page(page).load(Relaxed) {
                    continue;
                }
                match self.hot.last_mut() {
                    Some(last) if last.end == page => last.end += 1,
                    _ => self.hot.push(page..page + 1),
                }
            }
        }
        &self.hot
    }

    /// Whether the page was never written.
    pub(super) fn is_cold(&self, page: usize) -> bool {
        page < self.slot.count.load(Relaxed) && !self.slot.page(page).load(Relaxed)
    }

    /// What was never written.
    pub(super) fn cold_bytes(&self) -> usize {
        (0..self.slot.count.load(Relaxed)).filter(|page| self.is_cold(*page)).count() * PAGE
    }

    /// Whether a page that has these words is what it was.
    pub(super) fn is_as_it_was(&self, page: usize, words: &[u64]) -> bool {
        self.sums.get(page) == Some(&sum(words))
    }
}

fn sum(words: &[u64]) -> u64 {
    words.iter().fold(words.len() as u64, |sum, word| (sum ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29))
}

impl Drop for Pages {
    fn drop(&mut self) {
        let count = self.slot.count.load(Relaxed);
        let is_hot = |page: &usize| self.slot.page(*page).load(Relaxed);
        MAPPINGS.fetch_sub(2 * (0..count).filter(is_hot).count(), Relaxed);
        let start = self.slot.start.swap(RESERVED, Acquire);
        // SAFETY: P1: the mapping is still there. Writable again, it is one mapping, which is never refused.
        unsafe { protect(start, count, MprotectFlags::READ | MprotectFlags::WRITE) };
        let pages = ptr::slice_from_raw_parts_mut(self.slot.pages.swap(ptr::null_mut(), Relaxed), count);
        // SAFETY: boxed by `watch` with this length; no fault in the range looks at it any more (P1).
        drop(unsafe { Box::from_raw(pages) });
        self.slot.start.store(0, Release);
    }
}

impl Slot {
    fn page(&self, number: usize) -> &AtomicBool {
        debug_assert!(number < self.count.load(Relaxed));
        // SAFETY: P1: there are `count` of them for as long as the slot is in use.
        unsafe { &*self.pages.load(Relaxed).add(number) }
    }

    /// Makes the page of a first write writable. `false` if the fault was none. Safe in a signal handler.
    fn take_fault(&self, address: usize) -> bool {
        let (start, count) = (self.start.load(Acquire), self.count.load(Relaxed));
        let number = address.wrapping_sub(start) / PAGE;
        if start <= RESERVED || address < start || number >= count || self.page(number).swap(true, Relaxed) {
            return false;
        }
        let writable = MprotectFlags::READ | MprotectFlags::WRITE;
        MAPPINGS.fetch_add(2, Relaxed);
        // SAFETY: P1: nobody has written to it.
        unsafe { self.copy(number) };
        // SAFETY: P1.
        let is_done = unsafe { protect(start + number * PAGE, 1, writable) } || {
            let newly = (0..count).filter(|page| !self.page(*page).swap(true, Relaxed));
            // SAFETY: P1: nobody has written to them.
            let copied = newly.map(|page| unsafe { self.copy(page) }).count();
            MAPPINGS.fetch_add(2 * copied, Relaxed);
            // SAFETY: P1.
            unsafe { protect(start, count, writable) }
        };
        self.has_changed.store(true, Release);
        is_done
    }

    /// # Safety
    /// The page must be one that is watched, and is not written meanwhile.
    unsafe fn copy(&self, number: usize) {
        let (start, copies) = (self.start.load(Relaxed), self.copies.load(Relaxed));
        let from = ptr::with_exposed_provenance::<u8>(start + number * PAGE);
        let to = ptr::with_exposed_provenance_mut::<u8>(copies + number * PAGE);
        // SAFETY: P1: both mappings have the page.
        unsafe { ptr::copy_nonoverlapping(from, to, PAGE) };
    }
}

/// # Safety
/// The pages must be a mapping of the caller's.
unsafe fn protect(start: usize, count: usize, access: MprotectFlags) -> bool {
    // SAFETY: the caller's contract.
    unsafe { mprotect(ptr::with_exposed_provenance_mut(start), count * PAGE, access).is_ok() }
}

fn mappings_max() -> &'static usize {
    static MAX: OnceLock<usize> = OnceLock::new();
    MAX.get_or_init(|| {
        let told = std::fs::read_to_string("/proc/sys/vm/max_map_count");
        told.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(MAPPINGS_MAX)
    })
}

/// For the handler of faults: whether this one was a first write to a watched page, which may be written now.
pub(crate) fn take_fault(address: usize) -> bool {
    SLOTS.iter().any(|slot| slot.take_fault(address))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous, munmap};

    use super::*;

    const COUNT: usize = 8;

    /// Pages and, behind them, room for their copies.
    fn mapped(test: impl FnOnce(*mut u8)) {
        let (access, flags) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE);
        // SAFETY: a mapping of this test's.
        let start = unsafe { mmap_anonymous(ptr::null_mut(), 2 * COUNT * PAGE, access, flags) }.expect("memory");
        start.expose_provenance();
        test(start.cast());
        // SAFETY: mapped above, and not used any more.
        unsafe { munmap(start, 2 * COUNT * PAGE) }.expect("unmapped");
    }

    /// # Safety
    /// As for `Pages::watch`.
    unsafe fn watch(start: *mut u8, count: usize) -> Option<Pages> {
        // SAFETY: the caller's contract.
        unsafe { Pages::watch(start.addr(), count, start.addr() + COUNT * PAGE) }
    }

    #[test]
    fn what_is_written_is_hot_for_good() {
        mapped(|start| {
            // SAFETY: the mapping outlives what watches it; the writes are to pages of it.
            unsafe {
                start.add(2 * PAGE + 7).write(9);
                let mut pages = watch(start, COUNT).expect("room");
                assert!(pages.hot().is_empty());
                assert_eq!(pages.cold_bytes(), COUNT * PAGE);
                let write = |page: usize, value: u8| start.add(page * PAGE + 7).write_volatile(value);
                write(2, 1);
                write(3, 2);
                write(6, 3);
                assert_eq!(pages.hot(), [2..4, 6..7]);
                write(2, 4);
                let copied = |page: usize| start.add((COUNT + page) * PAGE + 7).read_volatile();
                assert_eq!([2, 3, 6].map(copied), [9, 0, 0], "as they were before");
                assert_eq!(pages.cold_bytes(), (COUNT - 3) * PAGE);
                assert!(pages.is_cold(0) && !pages.is_cold(2) && !pages.is_cold(COUNT));
                assert!(pages.is_as_it_was(0, &[0; PAGE_WORDS]) && !pages.is_as_it_was(2, &[0; PAGE_WORDS]));
                assert_eq!((start.add(2 * PAGE + 7).read_volatile(), pages.hot().len()), (4, 2));
                let other = watch(start, 0);
                assert!(other.is_none(), "nothing to watch");
                drop(pages);
                write(0, 5); // No fault any more: nobody watches.
            }
        });
    }

    /// In a process of its own, which it ends: a fault that is none of ours goes where it went before.
    #[test]
    fn other_faults_are_passed_on() {
        const CRASH: &str = "ISOLET_TEST_CRASH";
        if std::env::var_os(CRASH).is_some() {
            mapped(|start| {
                // SAFETY: the mapping outlives what watches it; the write to the guard below ends the process.
                unsafe {
                    let _pages = watch(start, COUNT).expect("room");
                    protect(start.addr(), 1, MprotectFlags::empty());
                    start.write_volatile(1);
                    start.write_volatile(1);
                    protect(start.addr(), 1, MprotectFlags::empty());
                    start.write_volatile(1);
                }
            });
            return;
        }
        let test = "arena::pages::tests::other_faults_are_passed_on";
        let binary = std::env::current_exe().expect("a path");
        let output = Command::new(binary).args(["--exact", test]).env(CRASH, "1").output().expect("runs");
        let signal = std::os::unix::process::ExitStatusExt::signal(&output.status);
        assert_eq!(signal, Some(libc::SIGSEGV), "{output:?}");
    }
}
