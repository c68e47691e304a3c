//! What a VM uses of its memory, against the limit of its run.
//!
//! ```text
//! used ──────┬───────────────┬──────────────┬────────────▶ bytes
//!        collect_at        limit           end
//!            │               │              └─ allocations are refused from here on
//!            │               └─ crossing it marks the run, whose next poll ends it
//!            └─ crossing it makes the engine's next poll immediate, which collects garbage
//! ```
//!
//! In an arena, limit and end are one: a run on a fiber is left at the allocation that is refused, and the engine never
//! sees it. In the portable form allocations go on into a headroom until the run reaches its next poll, because QuickJS
//! crashes in some of its paths behind a failed allocation.

use std::ptr::NonNull;

/// What allocations may take beyond the limit of a run that cannot be left.
pub(crate) const HEADROOM_BYTES: u64 = 32 << 20;

/// Bytes that a run which is being ended may always take more where it cannot be left: the engine makes an error object
/// to end it with, and would end in a way that scripts can catch without.
const ENDING_BYTES: u64 = 256 << 10;

/// Runs collect garbage when this part of their limit is left, and again whenever half of what was left then is used.
const COLLECT_PART: u64 = 8;

/// The allocation that crossed the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OverLimit {
    pub(crate) asked: u64,
    pub(crate) used: u64,
}

/// Counts every block of a VM, its allocator's overhead included.
///
/// It may lie in an arena, whose bytes are compared: so it has no byte that is not written.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub(crate) struct Meter {
    used: u64,
    peak: u64,
    /// What the run may use at most.
    limit: u64,
    /// From here on allocations are refused.
    end: u64,
    /// From here on garbage is collected at the next poll. Never beyond the limit.
    collect_at: u64,
    /// The allocation that crossed the limit.
    asked: u64,
    used_then: u64,
    crossed: Crossed,
    /// Allocations until one is refused for a test; 0 if none is to be.
    #[cfg(test)]
    countdown: u64,
    /// QuickJS's poll counter once the context is there; storing 1 makes the next poll immediate.
    poll_counter: Option<NonNull<i32>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
enum Crossed {
    Nothing,
    Collect,
    Limit,
}

impl Meter {
    pub(crate) const fn new() -> Self {
        Self {
            used: 0,
            peak: 0,
            limit: u64::MAX,
            end: u64::MAX,
            collect_at: u64::MAX,
            asked: 0,
            used_then: 0,
            crossed: Crossed::Nothing,
            #[cfg(test)]
            countdown: 0,
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

    /// Starts counting for a run: `bytes` more than what the VM holds without it, and `headroom` beyond.
    pub(crate) fn set_limit(&mut self, base: u64, bytes: u64, headroom: u64) {
        self.limit = base.saturating_add(bytes);
        self.end = self.limit.saturating_add(headroom);
        self.peak = self.used;
        self.crossed = Crossed::Nothing;
        self.collect_at = self.limit - bytes / COLLECT_PART;
    }

    pub(crate) fn over_limit(&self) -> Option<OverLimit> {
        let over = OverLimit { asked: self.asked, used: self.used_then };
        (self.crossed == Crossed::Limit).then_some(over)
    }

    /// Whether garbage is to be collected before the run takes more.
    pub(crate) fn wants_collection(&self) -> bool {
        self.crossed == Crossed::Collect
    }

    /// Garbage was collected. The next time is when half of what is left now is used; not at all if that is little.
    pub(crate) fn collected(&mut self) {
        if self.crossed != Crossed::Collect {
            return; // The collection itself has crossed the limit.
        }
        let left = self.limit.saturating_sub(self.used);
        self.collect_at = if left > self.limit / 64 { self.limit - left / 2 } else { self.limit };
        self.crossed = Crossed::Nothing;
    }

    /// # Safety
    /// `counter` must point to the poll counter of the context that this meter's memory belongs to (L1).
    pub(crate) unsafe fn set_poll_counter(&mut self, counter: NonNull<i32>) {
        self.poll_counter = Some(counter);
    }

    /// Whether `more` bytes may be had.
    pub(crate) fn admit(&mut self, more: usize) -> bool {
        let after = self.used.saturating_add(more as u64);
        #[cfg(test)]
        if self.is_to_refuse() {
            self.refuse(more);
            return false;
        }
        after <= self.collect_at || self.admit_near_limit(more, after)
    }

    #[cold]
    fn admit_near_limit(&mut self, more: usize, after: u64) -> bool {
        if after > self.limit {
            self.refuse(more);
        } else if after > self.collect_at && self.crossed == Crossed::Nothing {
            self.crossed = Crossed::Collect;
            self.poll_next();
        }
        after <= self.end
    }

    /// Marks the run, for an allocation that crosses the limit or is refused for want of room.
    pub(crate) fn refuse(&mut self, asked: usize) {
        if self.crossed != Crossed::Limit {
            (self.asked, self.used_then, self.crossed) = (asked as u64, self.used, Crossed::Limit);
        }
        self.poll_next();
    }

    /// Lets a run that cannot be left come to its end: the next poll is immediate, and what the engine needs for ending
    /// it is there.
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
impl Meter {
    /// Refuses the allocation after so many more.
    pub(crate) fn refuse_after(&mut self, allocations: u64) {
        self.countdown = allocations + 1;
    }

    /// How many are left of them.
    pub(crate) fn refused_after(&self) -> u64 {
        self.countdown.saturating_sub(1)
    }

    fn is_to_refuse(&mut self) -> bool {
        let is_last = self.countdown == 1;
        self.countdown = self.countdown.saturating_sub(1);
        is_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: u64 = 80_000;

    fn meter(used: u64, headroom: u64) -> Meter {
        let mut meter = Meter::new();
        meter.count(0, 1_000);
        meter.set_limit(1_000, LIMIT, headroom);
        meter.count(0, used as usize);
        meter
    }

    #[test]
    fn what_crosses_the_limit_is_refused_and_noted() {
        let mut meter = meter(0, 0);
        assert!(meter.admit(LIMIT as usize));
        assert_eq!(meter.over_limit(), None);
        assert!(!meter.admit(LIMIT as usize + 1));
        assert!(!meter.admit(usize::MAX));
        assert_eq!(meter.over_limit(), Some(OverLimit { asked: LIMIT + 1, used: 1_000 }), "the first one counts");
    }

    #[test]
    fn a_headroom_is_for_what_cannot_be_left() {
        let mut meter = meter(0, 500);
        assert!(meter.admit(LIMIT as usize + 500));
        assert!(meter.over_limit().is_some());
        assert!(!meter.admit(LIMIT as usize + 501));
        meter.count(0, LIMIT as usize + 500);
        assert!(!meter.admit(100));
        meter.end_run();
        assert!(meter.admit(100));
        assert!(!meter.admit(ENDING_BYTES as usize + 1));
    }

    #[test]
    fn garbage_is_collected_before_the_limit() {
        let mut meter = meter(0, 0);
        assert!(meter.admit(70_000) && !meter.wants_collection());
        meter.count(0, 70_000);
        assert!(meter.admit(1) && meter.wants_collection());
        meter.collected();
        assert!(meter.admit(4_999) && !meter.wants_collection(), "half of what is left may be used");
        assert!(meter.admit(5_001) && meter.wants_collection());
        meter.count(0, 10_000);
        meter.collected();
        assert!(meter.admit(0) && !meter.wants_collection(), "with nothing left, there is nothing to wait for");
        assert!(!meter.admit(1));
    }

    #[test]
    fn the_peak_is_what_was_used_at_once() {
        let mut meter = meter(50_000, 0);
        meter.count(50_000, 10);
        assert_eq!((meter.used(), meter.peak()), (1_010, 51_000));
    }
}
