//! Script images: what loading a program changes in a VM, kept so that the next run of it starts with a copy.
//!
//! ```text
//! base image ──restore──▶ pristine VM ──load the program──▶ loaded VM
//!                              │                                ▲
//!                              └── apply the lines that differ ─┘
//! ```
//!
//! Lines hold absolute addresses, so that an image belongs to the VM that made it: each VM has a store of its own. What
//! all stores of an engine hold together is bounded; a store that has no room left evicts what it used longest ago.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use lru::LruCache;

use crate::arena::Lines;
use crate::js::Value;
use crate::program::QuickJsProgram;

/// What the script images of all VMs of an engine may hold together.
const BYTES_MAX: usize = 64 << 20;

/// The bytes that the stores of an engine hold together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budget(Arc<AtomicUsize>);

/// A loaded program as bytes.
pub(crate) struct ScriptImage {
    /// Keeps the program alive, whose address is the image's key.
    program: QuickJsProgram,
    pub(crate) lines: Lines,
    /// What loading gave: a constant of the loaded VM.
    pub(crate) compiled: Value,
}

impl ScriptImage {
    fn bytes(&self) -> usize {
        self.lines.bytes() + size_of::<Self>() + self.program.bytes()
    }
}

/// The script images of one VM.
pub(crate) struct Images {
    budget: Budget,
    images: LruCache<usize, ScriptImage>,
}

impl Images {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, images: LruCache::unbounded() }
    }

    /// What they hold.
    pub(crate) fn bytes(&self) -> usize {
        self.images.iter().map(|(_, image)| image.bytes()).sum()
    }

    pub(crate) fn get(&mut self, program: &QuickJsProgram) -> Option<&ScriptImage> {
        self.images.get(&program.address())
    }

    /// Keeps an image, if that is possible within the budget.
    pub(crate) fn keep(&mut self, program: &QuickJsProgram, lines: Lines, compiled: Value) {
        let image = ScriptImage { program: program.clone(), lines, compiled };
        let bytes = image.bytes();
        if bytes > BYTES_MAX {
            return;
        }
        while !self.budget.take(bytes) {
            match self.images.pop_lru() {
                Some((_, evicted)) => self.budget.give_back(evicted.bytes()),
                None => return,
            }
        }
        if let Some(replaced) = self.images.put(program.address(), image) {
            self.budget.give_back(replaced.bytes());
        }
    }
}

impl Drop for Images {
    fn drop(&mut self) {
        self.images.iter().for_each(|(_, image)| self.budget.give_back(image.bytes()));
    }
}

impl Budget {
    fn take(&self, bytes: usize) -> bool {
        let taken = |held: usize| held.checked_add(bytes).filter(|held| *held <= BYTES_MAX);
        self.0.fetch_update(Relaxed, Relaxed, taken).is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.0.fetch_sub(bytes, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Form;

    fn keep(images: &mut Images, bytes: usize) -> QuickJsProgram {
        let program = QuickJsProgram::new(Form::Script, vec![0; bytes], None);
        images.keep(&program, Lines::default(), Value::UNDEFINED);
        program
    }

    #[test]
    fn stores_share_a_budget_and_evict_by_use() {
        let budget = Budget::default();
        let (mut one, mut other) = (Images::new(budget.clone()), Images::new(budget.clone()));
        let mebibytes = |count: usize| count << 20;
        let first = keep(&mut one, mebibytes(20));
        let second = keep(&mut one, mebibytes(20));
        let third = keep(&mut other, mebibytes(20));
        assert!(one.get(&first).is_some() && other.get(&third).is_some());
        assert!(other.get(&first).is_none(), "an image belongs to one VM");
        let fourth = keep(&mut one, mebibytes(20));
        assert!(one.get(&second).is_none(), "the one used longest ago makes room");
        assert!(one.get(&first).is_some() && one.get(&fourth).is_some());
        let too_large = keep(&mut one, mebibytes(65));
        assert!(one.get(&too_large).is_none());
        drop((one, other));
        assert_eq!(budget.0.load(Relaxed), 0);
    }
}
