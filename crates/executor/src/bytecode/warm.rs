//! A cache that is warm after a restart: what it holds is noted in the store, and read ahead by whoever starts next.
//!
//! ```text
//!   at the start ─▶ used_last ─▶ load_all, some at a time ─▶ unseal ─▶ cache, while there is room
//!   every minute, and at a shutdown ─▶ note_used
//! ```
//!
//! Loaded when it is needed, a program costs the wakes of several threads; read ahead, little more than its bytes.
//! Nobody waits for this: a program that is needed earlier is loaded for whoever needs it.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use isolet_cache::{Made, ProgramKey, StoredProgram};
use isolet_core_traits::Engine;
use tokio::task::yield_now;

use super::Common;
use crate::core::Core;

/// How often it is noted what the cache holds.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// Programs that are asked for at once.
const BATCH: usize = 64;
/// Programs that are opened without a break.
const OPENED_AT_ONCE: usize = 16;
/// The largest that is read ahead, sealed, in bytes: so a batch has at most 16 MiB.
const PROGRAM_BYTES_MAX: usize = 256 << 10;

impl<E: Engine> Core<E> {
    /// Fills the cache, then notes from time to time what is in it, for as long as there is an executor.
    pub(crate) async fn keep_warm(core: Weak<Self>) {
        let Some((common, _)) = Self::upgrade(&core).and_then(|core| core.kept_warm()) else { return };
        Self::warm(&core, &common).await;
        common.is_warming.store(false, Relaxed);
        drop(common);
        loop {
            tokio::time::sleep(NOTE_EVERY).await;
            let Some((common, used_last)) = Self::upgrade(&core).and_then(|core| core.kept_warm()) else { return };
            common.note_used(used_last).await;
        }
    }

    /// Opens some programs while the store reads the next ones. It holds no handle meanwhile: the executor may end.
    async fn warm(core: &Weak<Self>, common: &Common<E>) {
        let (keys, mut read) = (common.used_last().await, Vec::new());
        for batch in keys.chunks(BATCH).chain([&[][..]]) {
            let Some(missing) = Self::upgrade(core).map(|core| core.missing(batch)) else { return };
            let (next, programs) = tokio::join!(common.load_all(&missing), common.open_all(read));
            read = next;
            for (key, made) in programs {
                let is_kept = Self::upgrade(core).is_some_and(|core| core.cache.insert_if_room(&key, made));
                if !is_kept {
                    return;
                }
                common.counters.warmed.fetch_add(1, Relaxed);
            }
        }
    }

    /// Those that are not in the cache.
    fn missing(&self, keys: &[ProgramKey]) -> Vec<ProgramKey> {
        keys.iter().filter(|key| !self.cache.contains(key)).copied().collect()
    }

    /// Notes what the cache holds.
    pub(crate) async fn note_used(&self) {
        if let Some((common, used_last)) = self.kept_warm() {
            common.note_used(used_last).await;
        }
    }

    /// What is to be noted, and where, if the cache is to be warm after a restart.
    fn kept_warm(&self) -> Option<(Arc<Common<E>>, Vec<ProgramKey>)> {
        let common = &self.bytecode.as_ref()?.common;
        let warm_max = common.shelf.config.warm_max;
        (warm_max > 0).then(|| (common.clone(), self.cache.used_last(warm_max)))
    }

    /// The executor, if it takes executions.
    fn upgrade(core: &Weak<Self>) -> Option<Arc<Self>> {
        core.upgrade().filter(|core| !core.gate.is_closed())
    }
}

impl<E: Engine> Common<E> {
    async fn note_used(&self, keys: Vec<ProgramKey>) {
        let now = (keys, self.counters.saved.load(Relaxed));
        let is_known = *self.noted() == now;
        if is_known || !self.breaker().permits(self.clock.now()) {
            return;
        }
        let note_used = async { self.shelf.store.note_used(&self.target, &now.0).await };
        if self.in_background(note_used, &self.counters.save_failures, "note what is used").await.is_some() {
            *self.noted() = now;
        }
    }

    async fn used_last(&self) -> Vec<ProgramKey> {
        let warm_max = self.shelf.config.warm_max;
        let used_last = async { self.shelf.store.used_last(&self.target, warm_max).await };
        let used_last = self.in_background(used_last, &self.counters.load_failures, "read ahead").await;
        let mut keys = used_last.unwrap_or_default();
        keys.truncate(warm_max);
        keys
    }

    /// Those of several programs that are there.
    async fn load_all(&self, keys: &[ProgramKey]) -> Vec<(ProgramKey, StoredProgram)> {
        if keys.is_empty() || !self.breaker().permits(self.clock.now()) {
            return Vec::new();
        }
        let load_all = async { self.shelf.store.load_all(keys, PROGRAM_BYTES_MAX).await };
        let found = self.in_background(load_all, &self.counters.load_failures, "read ahead").await;
        let mut found = found.unwrap_or_default();
        found.truncate(keys.len());
        found
    }

    async fn open_all(&self, found: Vec<(ProgramKey, StoredProgram)>) -> Vec<(ProgramKey, Made<E::Program>)> {
        let mut programs = Vec::new();
        for (number, (key, stored)) in found.into_iter().enumerate() {
            // Others have their turn after a fraction of a millisecond.
            if number % OPENED_AT_ONCE == 0 {
                yield_now().await;
            }
            programs.extend(self.open(&key, stored).map(|made| (key, made)));
        }
        programs
    }

    fn noted(&self) -> MutexGuard<'_, (Vec<ProgramKey>, u64)> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
