//! How often programs are found, compared with an exact LRU on the same trace.

use isolet_cache::{CacheConfig, Made, ProgramCache, ProgramKey};
use lru::LruCache;

use super::key;

const SCRIPTS: u64 = 5_000;
const ENTRIES: usize = 1_000;
const LOOKUPS: usize = 60_000;

/// Numbers of scripts, drawn by a generator with a fixed seed (Knuth's MMIX constants).
struct Trace(u64);

impl Trace {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// Nine in ten are of one script in ten.
    fn skewed(&mut self) -> u64 {
        if self.draw(10) < 9 { self.draw(SCRIPTS / 10) } else { self.draw(SCRIPTS) }
    }

    /// As skewed, but who is popular changes as time goes by.
    fn drifting(&mut self, at: usize) -> u64 {
        (self.skewed() + at as u64 / 100) % SCRIPTS
    }
}

/// Hits of the cache and of an exact LRU.
fn hits(mut script: impl FnMut(usize) -> u64) -> (usize, usize) {
    let keys: Vec<ProgramKey> = (0..SCRIPTS).map(|number| key(&format!("script {number}"))).collect();
    let cache = ProgramCache::new(CacheConfig { entries_max: ENTRIES, ..CacheConfig::default() });
    let mut exact = LruCache::new(ENTRIES.try_into().expect("not zero"));
    let (mut hits, mut exact_hits) = (0, 0);
    for at in 0..LOOKUPS {
        let key = &keys[script(at) as usize];
        match cache.get(key) {
            Some(()) => hits += 1,
            None => {
                let made = Made { program: (), bytes: 1, compile_time: Default::default(), is_stored: false };
                cache.insert(key, made);
            }
        }
        match exact.get(key) {
            Some(()) => exact_hits += 1,
            None => _ = exact.put(*key, ()),
        }
    }
    (hits, exact_hits)
}

#[test]
fn nearly_as_often_as_in_an_exact_lru() {
    let mut trace = Trace(1);
    let (skewed, exact) = hits(|_| trace.skewed());
    assert!(skewed * 100 >= LOOKUPS * 90, "{skewed} of {LOOKUPS}");
    assert!(skewed * 100 >= exact * 98, "{skewed}, an exact LRU {exact}");
    let (drifting, exact) = hits(|at| trace.drifting(at));
    assert!(drifting * 100 >= exact * 98, "{drifting}, an exact LRU {exact}");
    let (uniform, exact) = hits(|_| trace.draw(SCRIPTS));
    assert!(uniform * 100 >= exact * 98, "{uniform}, an exact LRU {exact}");
}

#[test]
fn as_many_scripts_as_there_is_room_for_are_all_kept() {
    let (hits, exact) = hits(|at| at as u64 % ENTRIES as u64);
    assert_eq!((hits, exact), (LOOKUPS - ENTRIES, LOOKUPS - ENTRIES));
}
