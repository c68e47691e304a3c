//! Script images: what loading a program changes in a VM, kept so that the next run of it starts with a copy.
//!
//! ```text
//! base image ──restore──▶ pristine VM ──load the program──▶ loaded VM
//!                              │                                ▲
//!                              └── apply the lines that differ ─┘
//! ```
//!
//! An image is made when a VM loads a program for the second time: what runs once does not pay for runs that may never
//! come.
//!
//! Lines hold absolute addresses, so that an image belongs to the VM that made it: each VM has a store of its own. What
//! all stores of a process hold together is bounded, and each may hold an equal share of it; a store that has no room
//! left evicts what it used longest ago.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use lru::LruCache;

use crate::arena::Lines;
use crate::js::Value;
use crate::program::QuickJsProgram;

/// What the script images of all VMs of a process may hold together.
const BYTES_MAX: usize = 64 << 20;
/// What each VM may hold, however many there are, while there is room.
const SHARE_BYTES_MIN: usize = 256 << 10;
/// The programs without an image of which a VM remembers that it loaded them: the last ones.
const LOADED_MAX: usize = 1_024;

/// What stores that share it hold together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    stores: AtomicUsize,
}

/// A loaded program as bytes.
pub(crate) struct ScriptImage {
    pub(crate) lines: Lines,
    /// What loading gave: a constant of the loaded VM.
    pub(crate) compiled: Value,
    /// What it takes of a run's limit.
    pub(crate) used: u64,
}

impl ScriptImage {
    fn bytes(&self) -> usize {
        self.lines.bytes() + size_of::<Self>()
    }
}

/// The script images of one VM.
pub(crate) struct Images {
    budget: Budget,
    bytes: usize,
    /// By the program's number.
    images: LruCache<u64, ScriptImage>,
    /// Numbers of programs that were loaded once, the last one at the back.
    loaded: VecDeque<u64>,
}

impl Images {
    pub(crate) fn new(budget: Budget) -> Self {
        budget.0.stores.fetch_add(1, Relaxed);
        Self { budget, bytes: 0, images: LruCache::unbounded(), loaded: VecDeque::new() }
    }

    /// What they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn get(&mut self, program: &QuickJsProgram) -> Option<&ScriptImage> {
        self.images.get(&program.number())
    }

    /// Takes note that the engine loaded a program that has no image, and tells whether it should get one now.
    pub(crate) fn loaded(&mut self, program: &QuickJsProgram) -> bool {
        if let Some(at) = self.loaded.iter().position(|&number| number == program.number()) {
            self.loaded.remove(at);
            return true;
        }
        if self.loaded.len() >= LOADED_MAX {
            self.loaded.pop_front();
        }
        self.loaded.push_back(program.number());
        false
    }

    /// Keeps an image, if that is possible within the budget.
    pub(crate) fn keep(&mut self, program: &QuickJsProgram, lines: Lines, compiled: Value, used: u64) {
        let image = ScriptImage { lines, compiled, used };
        let (bytes, share) = (image.bytes(), self.budget.share());
        if bytes > share {
            return;
        }
        while self.bytes + bytes > share || !self.budget.take(bytes) {
            match self.images.pop_lru() {
                Some((_, evicted)) => self.give_back(evicted.bytes()),
                None => return,
            }
        }
        self.bytes += bytes;
        if let Some(replaced) = self.images.put(program.number(), image) {
            self.give_back(replaced.bytes());
        }
    }

    fn give_back(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.budget.0.bytes.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        self.give_back(self.bytes);
        self.budget.0.stores.fetch_sub(1, Relaxed);
    }
}

impl Budget {
    /// The one that all engines of the process share.
    pub(crate) fn of_process() -> Self {
        static PROCESS: LazyLock<Budget> = LazyLock::new(Budget::default);
        PROCESS.clone()
    }

    fn take(&self, bytes: usize) -> bool {
        let taken = |held: usize| held.checked_add(bytes).filter(|held| *held <= BYTES_MAX);
        self.0.bytes.fetch_update(Relaxed, Relaxed, taken).is_ok()
    }

    fn share(&self) -> usize {
        (BYTES_MAX / self.0.stores.load(Relaxed).max(1)).max(SHARE_BYTES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Form;

    fn keep(images: &mut Images, bytes: usize) -> QuickJsProgram {
        let program = program();
        images.keep(&program, Lines::of_size(bytes), Value::UNDEFINED, 0);
        program
    }

    fn program() -> QuickJsProgram {
        QuickJsProgram::new(Form::Script, vec![], None)
    }

    #[test]
    fn images_are_for_programs_that_are_loaded_again() {
        let mut images = Images::new(Budget::default());
        let programs: Vec<_> = (0..=LOADED_MAX).map(|_| program()).collect();
        let mut load = |number: usize| images.loaded(&programs[number]);
        assert_eq!([load(0), load(1), load(0)], [false, false, true]);
        assert!(!load(0), "its image is gone: it begins anew");
        assert!((2..=LOADED_MAX).all(|number| !load(number)), "as many as are remembered, and one more");
        assert_eq!([load(LOADED_MAX), load(0), load(1)], [true, true, false]);
    }

    #[test]
    fn stores_share_a_budget_and_evict_by_use() {
        let mebibytes = |count: usize| count << 20;
        let budget = Budget::default();
        let mut one = Images::new(budget.clone());
        let first = keep(&mut one, mebibytes(20));
        let second = keep(&mut one, mebibytes(20));
        assert!(one.get(&first).is_some() && one.get(&second).is_some());
        let too_large = keep(&mut one, mebibytes(65));
        assert!(one.get(&too_large).is_none());

        let mut other = Images::new(budget.clone());
        let third = keep(&mut other, mebibytes(20));
        assert!(other.get(&third).is_some());
        assert!(other.get(&first).is_none(), "an image belongs to one VM");
        let fourth = keep(&mut one, mebibytes(10));
        assert!(one.get(&first).is_none(), "the one used longest ago makes room for the other store's share");
        assert!(one.get(&second).is_some() && one.get(&fourth).is_some());
        assert_eq!((one.bytes() >> 20, other.bytes() >> 20), (30, 20));
        drop((one, other));
        assert_eq!((budget.0.bytes.load(Relaxed), budget.0.stores.load(Relaxed)), (0, 0));
    }
}
