//! The cache as its users see it.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isolet_core_traits::{ProgramOrigin, ScriptFailure};

use crate::flight::Flights;
use crate::key::ProgramKey;
use crate::programs::Programs;

/// How much a cache keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheConfig {
    /// The most programs that are kept. 1,000 by default. 0: none is, but callers of one source still share its flight.
    /// Does not bound their bytes.
    pub entries_max: usize,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { entries_max: 1_000 }
    }
}

/// Why there is no program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError<E> {
    /// The source is not valid: the same for whoever asks, and shared with those who wait.
    #[error("{}: {}", .0.name, .0.message)]
    Syntax(ScriptFailure),
    /// Anything else. It concerns the caller that compiled, and nobody else learns of it.
    #[error(transparent)]
    Own(E),
}

/// What a cache did so far, and what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Requests that found their program.
    pub hits: u64,
    /// Requests that compiled, successfully or not.
    pub misses: u64,
    /// Requests that got what another one had compiled while they waited.
    pub shared: u64,
    /// Programs that gave way to others.
    pub evictions: u64,
    /// Programs that are kept.
    pub entries: usize,
    /// Sources that are being compiled.
    pub in_flight: usize,
}

/// Compiled programs, by key. Share it in an [`Arc`](std::sync::Arc).
pub struct ProgramCache<P> {
    programs: Programs<P>,
    flights: Flights<P>,
    hits: AtomicU64,
    misses: AtomicU64,
    shared: AtomicU64,
}

impl<P: Clone> ProgramCache<P> {
    /// An empty cache.
    pub fn new(config: CacheConfig) -> Self {
        Self {
            programs: Programs::new(config.entries_max),
            flights: Flights::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            shared: AtomicU64::new(0),
        }
    }

    /// The program of `key`: kept, shared with whoever compiles it now, or else from `compile`.
    ///
    /// `compile` runs within this future, at most once. If the future is dropped or `compile` panics, one of those who
    /// wait takes over. `compile` must not ask for the same key: it would wait for itself.
    ///
    /// The origin tells where the answer came from, failures included: [`ProgramOrigin::Miss`] means that `compile` ran.
    pub async fn get_or_compile<E, F, Fut>(
        &self,
        key: &ProgramKey,
        compile: F,
    ) -> (Result<P, CompileError<E>>, ProgramOrigin)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<P, CompileError<E>>>,
    {
        let answer = match self.programs.get(key) {
            Some(program) => (Ok(program), ProgramOrigin::Hit),
            None => self.fly(key, compile).await,
        };
        self.count(answer.1);
        answer
    }

    async fn fly<E, F, Fut>(&self, key: &ProgramKey, compile: F) -> (Result<P, CompileError<E>>, ProgramOrigin)
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<P, CompileError<E>>>,
    {
        let passenger = self.flights.join(*key);
        let mut origin = ProgramOrigin::Shared;
        let landed = passenger.landing.get_or_try_init(|| async {
            // An earlier flight may have ended between the look at the programs and the start of this one.
            if let Some(program) = self.programs.get(key) {
                origin = ProgramOrigin::Hit;
                return Ok(Ok(program));
            }
            origin = ProgramOrigin::Miss;
            match compile().await {
                Ok(program) => {
                    self.programs.insert(*key, program.clone());
                    Ok(Ok(program))
                }
                Err(CompileError::Syntax(failure)) => Ok(Err(failure)),
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
        (answer, origin)
    }

    fn count(&self, origin: ProgramOrigin) {
        let counter = match origin {
            ProgramOrigin::Hit => &self.hits,
            ProgramOrigin::Miss => &self.misses,
            ProgramOrigin::Shared => &self.shared,
        };
        counter.fetch_add(1, Relaxed);
    }

    /// The program of `key`, if it is kept. Counts as its latest use, but not in the [`stats`](Self::stats).
    pub fn get(&self, key: &ProgramKey) -> Option<P> {
        self.programs.get(key)
    }

    /// Keeps a program that came from elsewhere, in place of the one that was there.
    pub fn insert(&self, key: &ProgramKey, program: P) {
        self.programs.insert(*key, program);
    }

    /// Gives up the program of `key`. One that is being compiled is kept when it is done.
    pub fn remove(&self, key: &ProgramKey) -> Option<P> {
        self.programs.remove(key)
    }

    /// Gives up all programs, but not those that are being compiled.
    pub fn clear(&self) {
        self.programs.clear();
    }

    /// The figures as they are now, each read on its own.
    pub fn stats(&self) -> CacheStats {
        CacheStats {
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            shared: self.shared.load(Relaxed),
            evictions: self.programs.evictions(),
            entries: self.programs.len(),
            in_flight: self.flights.len(),
        }
    }
}

impl<P: Clone> fmt::Debug for ProgramCache<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProgramCache").field(&self.stats()).finish()
    }
}
