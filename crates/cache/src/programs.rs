//! The programs that are kept: an LRU whose lookups take no common lock.
//!
//! ```text
//!  lookup ──▶ by_key (sharded) ──▶ entry: program, last use
//!                                    ▲
//!  insert ──▶ order (one lock) ──────┘  the least recently used goes; one that was used since it was put in its place
//!                                       gets a new place instead
//! ```
//!
//! A lookup only notes when it was, and time passes with each insertion. So of the programs that were used between the
//! same two insertions it is not known which came last; everything else is as in an exact LRU.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use lru::LruCache;

use crate::key::ProgramKey;

pub(crate) struct Programs<P> {
    entries_max: usize,
    bytes_max: usize,
    by_key: DashMap<ProgramKey, Arc<Entry<P>>>,
    /// Insertions so far, and one: what lookups tell the time by. 0 was before all uses.
    time: AtomicU64,
    order: Mutex<Order<P>>,
    evictions: AtomicU64,
}

struct Entry<P> {
    program: P,
    bytes: usize,
    compile_time: Duration,
    last_use: AtomicU64,
}

struct Order<P> {
    places: LruCache<ProgramKey, Place<P>>,
    bytes: usize,
}

struct Place<P> {
    entry: Arc<Entry<P>>,
    /// The entry's last use when it got this place.
    since: u64,
}

impl<P: Clone> Programs<P> {
    pub(crate) fn new(entries_max: usize, bytes_max: usize) -> Self {
        let order = Mutex::new(Order { places: LruCache::unbounded(), bytes: 0 });
        Self {
            entries_max,
            bytes_max,
            by_key: DashMap::new(),
            time: AtomicU64::new(1),
            order,
            evictions: AtomicU64::new(0),
        }
    }

    /// The program, and what it took to compile it.
    pub(crate) fn get(&self, key: &ProgramKey) -> Option<(P, Duration)> {
        let entry = self.by_key.get(key)?;
        let now = self.time.load(Relaxed);
        // Most lookups find it noted already, and write nothing that others read.
        if entry.last_use.load(Relaxed) != now {
            entry.last_use.store(now, Relaxed);
        }
        Some((entry.program.clone(), entry.compile_time))
    }

    pub(crate) fn contains(&self, key: &ProgramKey) -> bool {
        self.by_key.contains_key(key)
    }

    /// Programs that give way are dropped after the lock is free: what that costs is the engine's affair.
    pub(crate) fn insert(&self, key: ProgramKey, program: P, bytes: usize, compile_time: Duration) {
        let mut gone = Vec::new();
        let mut order = self.order();
        gone.extend(order.take(&key));
        if self.entries_max == 0 || bytes > self.bytes_max {
            self.by_key.remove(&key);
        } else {
            let now = self.time.fetch_add(1, Relaxed) + 1;
            while !self.has_room(&order, bytes) {
                let Some((key, entry)) = order.give_up_oldest() else { break };
                self.by_key.remove(&key);
                self.evictions.fetch_add(1, Relaxed);
                gone.push(entry);
            }
            let entry = Arc::new(Entry { program, bytes, compile_time, last_use: AtomicU64::new(now) });
            self.place(&mut order, key, entry, now);
        }
        drop(order);
        drop(gone);
    }

    /// Makes it the first to go, if nothing has to go for it. Tells whether there was room.
    pub(crate) fn insert_if_room(&self, key: ProgramKey, program: P, bytes: usize, compile_time: Duration) -> bool {
        let mut order = self.order();
        let is_new = !order.places.contains(&key);
        if is_new && self.has_room(&order, bytes) {
            let entry = Arc::new(Entry { program, bytes, compile_time, last_use: AtomicU64::new(0) });
            self.place(&mut order, key, entry, 0);
            order.places.demote(&key);
            return true;
        }
        !is_new
    }

    fn has_room(&self, order: &Order<P>, bytes: usize) -> bool {
        order.places.len() < self.entries_max && order.bytes + bytes <= self.bytes_max
    }

    fn place(&self, order: &mut Order<P>, key: ProgramKey, entry: Arc<Entry<P>>, since: u64) {
        order.bytes += entry.bytes;
        order.places.put(key, Place { entry: entry.clone(), since });
        self.by_key.insert(key, entry);
    }

    /// Up to `max` keys of what was used, those used last first.
    pub(crate) fn used_last(&self, max: usize) -> Vec<ProgramKey> {
        let uses = self.by_key.iter().map(|entry| (Reverse(entry.last_use.load(Relaxed)), *entry.key()));
        let mut uses: Vec<_> = uses.filter(|(Reverse(last_use), _)| *last_use > 0).collect();
        uses.sort_unstable();
        uses.into_iter().take(max).map(|(_, key)| key).collect()
    }

    pub(crate) fn remove(&self, key: &ProgramKey) -> Option<P> {
        let mut order = self.order();
        let entry = order.take(key)?;
        self.by_key.remove(key);
        drop(order);
        Some(entry.program.clone())
    }

    pub(crate) fn clear(&self) {
        let mut order = self.order();
        let places = std::mem::replace(&mut order.places, LruCache::unbounded());
        order.bytes = 0;
        self.by_key.clear();
        drop(order);
        drop(places);
    }

    /// How many there are, and their bytes.
    pub(crate) fn size(&self) -> (usize, usize) {
        let order = self.order();
        (order.places.len(), order.bytes)
    }

    pub(crate) fn evictions(&self) -> u64 {
        self.evictions.load(Relaxed)
    }

    /// A poisoned lock is used all the same: nothing of the engine's runs under it.
    fn order(&self) -> MutexGuard<'_, Order<P>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Order<P> {
    fn take(&mut self, key: &ProgramKey) -> Option<Arc<Entry<P>>> {
        let place = self.places.pop(key)?;
        self.bytes -= place.entry.bytes;
        Some(place.entry)
    }

    /// Ends: time stands still under the lock, so each entry gets at most one new place.
    fn give_up_oldest(&mut self) -> Option<(ProgramKey, Arc<Entry<P>>)> {
        loop {
            let (key, place) = self.places.pop_lru()?;
            let last_use = place.entry.last_use.load(Relaxed);
            if last_use <= place.since {
                self.bytes -= place.entry.bytes;
                return Some((key, place.entry));
            }
            self.places.put(key, Place { since: last_use, ..place });
        }
    }
}
