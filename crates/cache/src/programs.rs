//! The programs that are kept: an LRU behind a lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lru::LruCache;

use crate::key::ProgramKey;

pub(crate) struct Programs<P> {
    entries_max: usize,
    entries: Mutex<LruCache<ProgramKey, P>>,
    evictions: AtomicU64,
}

impl<P: Clone> Programs<P> {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries_max, entries: Mutex::new(LruCache::unbounded()), evictions: AtomicU64::new(0) }
    }

    pub(crate) fn get(&self, key: &ProgramKey) -> Option<P> {
        self.lock().get(key).cloned()
    }

    /// Programs that give way are dropped after the lock is free: what that costs is the engine's affair.
    pub(crate) fn insert(&self, key: ProgramKey, program: P) {
        if self.entries_max == 0 {
            return;
        }
        let mut entries = self.lock();
        let replaced = entries.put(key, program);
        let evicted = if entries.len() > self.entries_max { entries.pop_lru() } else { None };
        drop(entries);
        self.evictions.fetch_add(u64::from(evicted.is_some()), Relaxed);
        drop((replaced, evicted));
    }

    pub(crate) fn remove(&self, key: &ProgramKey) -> Option<P> {
        self.lock().pop(key)
    }

    pub(crate) fn clear(&self) {
        let entries = std::mem::replace(&mut *self.lock(), LruCache::unbounded());
        drop(entries);
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }

    /// A poisoned lock is used all the same: only a program's `clone` could have panicked under it, and that changes
    /// nothing in the list.
    fn lock(&self) -> MutexGuard<'_, LruCache<ProgramKey, P>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
