//! Syntax failures that are kept for a while: whoever sends the same broken source again and again compiles it once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolet_core_traits::ScriptFailure;
use lru::LruCache;

use crate::key::ProgramKey;

pub(crate) struct Refusals {
    entries_max: usize,
    kept_for: Duration,
    entries: Mutex<LruCache<ProgramKey, Refusal>>,
    /// Spares those the lock who compile what is valid, as long as nothing is kept.
    is_used: AtomicBool,
}

struct Refusal {
    failure: Box<ScriptFailure>,
    until: Duration,
}

impl Refusals {
    pub(crate) fn new(entries_max: usize, kept_for: Duration) -> Self {
        Self { entries_max, kept_for, entries: Mutex::new(LruCache::unbounded()), is_used: AtomicBool::new(false) }
    }

    pub(crate) fn get(&self, key: &ProgramKey, now: Duration) -> Option<Box<ScriptFailure>> {
        if !self.is_used.load(Relaxed) {
            return None;
        }
        let mut entries = self.lock();
        let refusal = entries.get(key)?;
        if refusal.until > now {
            return Some(refusal.failure.clone());
        }
        entries.pop(key);
        None
    }

    pub(crate) fn insert(&self, key: ProgramKey, failure: Box<ScriptFailure>, now: Duration) {
        if self.entries_max == 0 || self.kept_for.is_zero() {
            return;
        }
        let mut entries = self.lock();
        entries.put(key, Refusal { failure, until: now + self.kept_for });
        if entries.len() > self.entries_max {
            entries.pop_lru();
        }
        self.is_used.store(true, Relaxed);
    }

    pub(crate) fn remove(&self, key: &ProgramKey) {
        self.lock().pop(key);
    }

    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// A poisoned lock is used all the same: the list is whole after each call.
    fn lock(&self) -> MutexGuard<'_, LruCache<ProgramKey, Refusal>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
