//! The cache as its users see it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use isolet_core_traits::{ProgramOrigin, ScriptFailure};

use crate::flight::Flights;
use crate::hits::Hits;
use crate::key::ProgramKey;
use crate::programs::Programs;
use crate::refusals::Refusals;

/// How much a cache keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// The most programs that are kept. 1,000 by default. 0: none is, but callers of one source still share its flight.
    pub entries_max: usize,
    /// The most bytes of all of them together, as the engine counts them. 256 MiB by default. A larger one is not kept.
    pub bytes_max: usize,
    /// The most syntax failures that are kept, each of at most some 4 KiB. 1,000 by default.
    pub failures_max: usize,
    /// How long a syntax failure is kept. 10 s by default.
    pub failures_kept_for: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        let failures_kept_for = Duration::from_secs(10);
        Self { entries_max: 1_000, bytes_max: 256 << 20, failures_max: 1_000, failures_kept_for }
    }
}

/// A program for the cache, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<P> {
    /// The program.
    pub program: P,
    /// Bytes that it holds.
    pub bytes: usize,
    /// CPU time that compiling it took: what each later use saves.
    pub compile_time: Duration,
    /// Whether it came out of a store and was not compiled.
    pub is_stored: bool,
}

/// Why there is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError<E> {
    /// The source is not valid: the same for whoever asks, and shared with those who wait.
    #[error("{}: {}", .0.name, .0.message)]
    Syntax(Box<ScriptFailure>),
    /// Anything else. It concerns the caller that compiled, and nobody else learns of it.
    #[error(transparent)]
    Own(E),
}

/// What a cache did so far, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Requests that found their program, or why there is none.
    pub hits: u64,
    /// Requests that compiled, successfully or not.
    pub misses: u64,
    /// Requests whose program came out of the store behind the cache.
    pub stored: u64,
    /// Requests that got what another one had made while they waited.
    pub shared: u64,
    /// Programs that gave way to others.
    pub evictions: u64,
    /// Programs that are kept.
    pub entries: usize,
    /// Bytes that they hold, as the engine counts them.
    pub bytes: usize,
    /// Syntax failures that are kept, those included whose time is over.
    pub failures: usize,
    /// Sources that are being compiled.
    pub in_flight: usize,
    /// CPU time that compiling would have taken where a program was kept or stored.
    pub compile_time_saved: Duration,
}

/// Compiled programs, by key. Share it in an [`Arc`](std::sync::Arc).
pub struct ProgramCache<P> {
    programs: Programs<P>,
    refusals: Refusals,
    flights: Flights<P>,
    hits: Hits,
    misses: AtomicU64,
    stored: AtomicU64,
    shared: AtomicU64,
    stored_saved_ns: AtomicU64,
}

impl<P: Clone> ProgramCache<P> {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            programs: Programs::new(config.entries_max, config.bytes_max),
            refusals: Refusals::new(config.failures_max, config.failures_kept_for),
            flights: Flights::new(),
            hits: Hits::default(),
            misses: AtomicU64::new(0),
            stored: AtomicU64::new(0),
            shared: AtomicU64::new(0),
            stored_saved_ns: AtomicU64::new(0),
        }
    }

    /// The program of `key`: kept, shared with whoever makes it now, or else from `make`. `now` is the time on any clock,
    /// always the same one.
    ///
    /// `make` runs within this future, at most once. If the future is dropped or `make` panics, one of those who
    /// wait takes over. `make` must not ask for the same key: it would wait for itself.
    ///
    /// The origin tells where the answer came from, failures included: [`ProgramOrigin::Miss`] and
    /// [`ProgramOrigin::Stored`] mean that `make` ran.
    pub async fn get_or_make<E, F, Fut>(
        &self,
        key: &ProgramKey,
        now: Duration,
        make: F,
    ) -> (Result<P, CompileError<E>>, ProgramOrigin)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Made<P>, CompileError<E>>>,
    {
        match self.kept(key, now) {
            Some(kept) => (kept.map_err(CompileError::Syntax), ProgramOrigin::Hit),
            None => self.fly(key, now, make).await,
        }
    }

    async fn fly<E, F, Fut>(
        &self,
        key: &ProgramKey,
        now: Duration,
        make: F,
    ) -> (Result<P, CompileError<E>>, ProgramOrigin)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<Made<P>, CompileError<E>>>,
    {
        let passenger = self.flights.join(*key);
        let mut origin = ProgramOrigin::Shared;
        let landed = passenger.landing.get_or_try_init(|| async {
            // An earlier flight may have ended between the look at what is kept and the start of this one.
            if let Some(kept) = self.kept(key, now) {
                origin = ProgramOrigin::Hit;
                return Ok(kept);
            }
            origin = ProgramOrigin::Miss;
            match make().await {
                Ok(made) => {
                    if made.is_stored {
                        origin = ProgramOrigin::Stored;
                        self.stored_saved_ns.fetch_add(nanoseconds(made.compile_time), Relaxed);
                    }
                    self.programs.insert(*key, made.program.clone(), made.bytes, made.compile_time);
                    Ok(Ok(made.program))
                }
                Err(CompileError::Syntax(failure)) => {
                    self.refusals.insert(*key, failure.clone(), now);
                    Ok(Err(failure))
                }
                Err(CompileError::Own(error)) => Err(error),
            }
        });
        let answer = match landed.await {
            Ok(landed) => {
                passenger.close();
                landed.clone().map_err(CompileError::Syntax)
            }
            Err(error) => Err(CompileError::Own(error)),
        };
        match origin {
            // Counted where it was found.
            ProgramOrigin::Hit => {}
            ProgramOrigin::Miss => _ = self.misses.fetch_add(1, Relaxed),
            ProgramOrigin::Stored => _ = self.stored.fetch_add(1, Relaxed),
            ProgramOrigin::Shared => _ = self.shared.fetch_add(1, Relaxed),
        }
        (answer, origin)
    }

    /// A program that is kept, or why there is none. Counts it.
    fn kept(&self, key: &ProgramKey, now: Duration) -> Option<Result<P, Box<ScriptFailure>>> {
        if let Some((program, compile_time)) = self.programs.get(key) {
            self.hits.count(key, compile_time);
            return Some(Ok(program));
        }
        let failure = self.refusals.get(key, now)?;
        self.hits.count(key, Duration::ZERO);
        Some(Err(failure))
    }

    /// The program of `key`, if it is kept. Counts as its latest use, but not in the [`stats`](Self::stats).
    pub fn get(&self, key: &ProgramKey) -> Option<P> {
        self.programs.get(key).map(|(program, _)| program)
    }

    /// Keeps a program that came from elsewhere, in place of the one that was there.
    pub fn insert(&self, key: &ProgramKey, made: Made<P>) {
        self.refusals.remove(key);
        self.programs.insert(*key, made.program, made.bytes, made.compile_time);
    }

    /// Whether there is a program of `key`. Counts as no use.
    pub fn contains(&self, key: &ProgramKey) -> bool {
        self.programs.contains(key)
    }

    /// Keeps a program that may be asked for, if there is room: as the first to go, and in place of no other. Tells
    /// whether there was.
    pub fn insert_if_room(&self, key: &ProgramKey, made: Made<P>) -> bool {
        self.programs.insert_if_room(*key, made.program, made.bytes, made.compile_time)
    }

    /// Up to `max` keys of programs that are kept, those used last first, without those that were put in ahead and not
    /// used yet.
    pub fn used_last(&self, max: usize) -> Vec<ProgramKey> {
        self.programs.used_last(max)
    }

    /// Gives up the program of `key`. One that is being compiled is kept when it is done.
    pub fn remove(&self, key: &ProgramKey) -> Option<P> {
        self.refusals.remove(key);
        self.programs.remove(key)
    }

    /// Gives up all programs, but not those that are being compiled.
    pub fn clear(&self) {
        self.refusals.clear();
        self.programs.clear();
    }

    /// The figures as they are now, each read on its own.
    pub fn stats(&self) -> CacheStats {
        let (entries, bytes) = self.programs.size();
        let (hits, saved) = self.hits.total();
        CacheStats {
            hits,
            misses: self.misses.load(Relaxed),
            stored: self.stored.load(Relaxed),
            shared: self.shared.load(Relaxed),
            evictions: self.programs.evictions(),
            entries,
            bytes,
            failures: self.refusals.len(),
            in_flight: self.flights.len(),
            compile_time_saved: saved + Duration::from_nanos(self.stored_saved_ns.load(Relaxed)),
        }
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl<P: Clone> fmt::Debug for ProgramCache<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProgramCache").field(&self.stats()).finish()
    }
}
