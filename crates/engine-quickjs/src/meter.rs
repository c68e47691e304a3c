//! What a VM uses of its memory, against the limit of its run.
//!
//! ```text
//! used ──────┬────────────────┬──────────────▶ bytes
//!         limit          limit + HEADROOM
//!            │                └─ allocations are refused from here on
//!            └─ crossing it marks the run and makes the next poll immediate; allocations still succeed
//! ```
//!
//! The limit is soft because QuickJS crashes in some of its paths behind a failed allocation. It does not hold for a
//! single allocation beyond limit and headroom, which fails inside the engine; the mark stands all the same.

use std::ptr::NonNull;

/// Bytes beyond the limit that allocations may still take until the run reaches its next poll.
pub(crate) const HEADROOM_BYTES: u64 = 32 << 20;

/// The allocation that crossed the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverLimit {
    pub(crate) asked: u64,
    pub(crate) used: u64,
}

/// Bytes that a run which is being ended may always take more: the engine makes an error object to end it with, and
/// would end in a way that scripts can catch without.
const ENDING_BYTES: u64 = 256 << 10;

/// Counts every block of a VM, its allocator's overhead included.
///
/// It may lie in an arena, whose bytes are compared: so it has no byte that is not written.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Meter {
    used: u64,
    peak: u64,
    limit: u64,
    /// From here on allocations are refused.
    end: u64,
    /// The allocation that crossed the limit, if it was crossed.
    asked: u64,
    used_then: u64,
    crossed: Crossed,
    /// QuickJS's poll counter once the context is there; storing 1 makes the next poll immediate.
    poll_counter: Option<NonNull<i32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Crossed {
    No,
    /// The allocation succeeded.
    Marked,
    /// An allocation was refused: the engine has seen it, so that nothing can make it good.
    Refused,
}

impl Meter {
    pub(crate) const fn new() -> Self {
        Self {
            used: 0,
            peak: 0,
            limit: u64::MAX,
            end: u64::MAX,
            asked: 0,
            used_then: 0,
            crossed: Crossed::No,
            poll_counter: None,
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// The most that was used at once since the limit was set.
    pub(crate) fn peak(&self) -> u64 {
        self.peak
    }

    /// Starts counting for a run: `bytes` more than what the VM holds without it. What is used now may be more than
    /// that, if a program is loaded already.
    pub(crate) fn set_limit(&mut self, base: u64, bytes: u64) {
        self.limit = base.saturating_add(bytes);
        self.end = self.limit.saturating_add(HEADROOM_BYTES);
        self.peak = self.used;
        self.forget();
        if self.used > self.limit {
            self.mark(0, true);
        }
    }

    pub(crate) fn over_limit(&self) -> Option<OverLimit> {
        let over = OverLimit { asked: self.asked, used: self.used_then };
        (self.crossed != Crossed::No).then_some(over)
    }

    fn forget(&mut self) {
        (self.asked, self.used_then, self.crossed) = (0, 0, Crossed::No);
    }

    /// Takes the mark back if a collection freed enough for the run to go on: an eighth of the limit.
    pub(crate) fn forgive(&mut self) {
        if self.crossed == Crossed::Marked && self.used <= self.limit - self.limit / 8 {
            self.forget();
        }
    }

    /// # Safety
    /// `counter` must point to the poll counter of the context that this meter's memory belongs to (L1).
    pub(crate) unsafe fn set_poll_counter(&mut self, counter: NonNull<i32>) {
        self.poll_counter = Some(counter);
    }

    /// Whether `more` bytes may be had; marks the run when they cross the limit.
    pub(crate) fn admit(&mut self, more: usize) -> bool {
        let after = self.used.saturating_add(more as u64);
        if after <= self.limit {
            return true;
        }
        let refused = after > self.end;
        self.mark(more, refused);
        !refused
    }

    /// Marks the run, for an allocation that is refused for want of room.
    pub(crate) fn refuse(&mut self, asked: usize) {
        self.mark(asked, true);
    }

    fn mark(&mut self, asked: usize, refused: bool) {
        if self.crossed == Crossed::No {
            (self.asked, self.used_then, self.crossed) = (asked as u64, self.used, Crossed::Marked);
        }
        if refused {
            self.crossed = Crossed::Refused;
        }
        self.poll_next();
    }

    /// Lets a run come to its end: the next poll is immediate, and what the engine needs for ending it is there.
    ///
    /// Some builtins swallow every exception, even those that end a run; so each poll has to say it again.
    pub(crate) fn end_run(&mut self) {
        self.end = self.end.max(self.used.saturating_add(ENDING_BYTES));
        self.poll_next();
    }

    fn poll_next(&mut self) {
        if let Some(counter) = self.poll_counter {
            // SAFETY: L1; the engine that owns the counter is the caller of this code, on this thread.
            unsafe { counter.write(1) };
        }
    }

    pub(crate) fn count(&mut self, freed: usize, taken: usize) {
        self.used = self.used - freed as u64 + taken as u64;
        self.peak = self.peak.max(self.used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_marks_first_and_refuses_later() {
        let mut meter = Meter::new();
        meter.count(0, 1_000);
        meter.set_limit(1_000, 2_000);
        assert!(meter.admit(2_000));
        assert_eq!(meter.over_limit(), None);
        assert!(meter.admit(5_000));
        let over = Some(OverLimit { asked: 5_000, used: 1_000 });
        assert_eq!(meter.over_limit(), over);
        assert!(!meter.admit(HEADROOM_BYTES as usize + 2_001));
        assert!(!meter.admit(usize::MAX));
        meter.forgive();
        assert_eq!(meter.over_limit(), over);
    }

    #[test]
    fn a_run_that_is_ended_has_what_its_end_takes() {
        let mut meter = Meter::new();
        meter.set_limit(0, 1_000);
        meter.count(0, 1_000 + HEADROOM_BYTES as usize);
        assert!(!meter.admit(100));
        meter.end_run();
        assert!(meter.admit(100));
        assert!(!meter.admit(ENDING_BYTES as usize + 1));
    }

    #[test]
    fn what_a_collection_frees_is_forgiven() {
        let mut meter = Meter::new();
        meter.set_limit(0, 10_000);
        assert!(meter.admit(11_000));
        meter.count(0, 11_000);
        meter.forgive();
        assert!(meter.over_limit().is_some());
        meter.count(11_000, 0);
        meter.forgive();
        assert_eq!((meter.over_limit(), meter.peak()), (None, 11_000));
    }
}
