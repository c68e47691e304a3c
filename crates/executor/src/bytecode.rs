//! The store of sealed programs behind the cache: asked with a bound on the wait, told in the background.
//!
//! ```text
//!  not in memory ─▶ breaker ─▶ load, for so long at most ─▶ unseal ─▶ program
//!                      │ rests        │ too late, failed,     │ refused
//!                      ▼              ▼ not there             ▼
//!                   compile ──────▶ queue, bounded ─▶ seal ─▶ save
//! ```
//!
//! Whatever the store does, an execution gets its program: at worst it is compiled, after the stated wait.

mod warm;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use isolet_cache::{Breaker, BytecodeStore, BytecodeStoreError, Made, ProgramKey, ProgramTarget, StoredProgram};
use isolet_core_traits::{Clock, Engine, SealError, SealKeys};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::panics::CatchPanic;

/// What the executor expects of a store of sealed programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BytecodeConfig {
    /// The longest that an execution waits for the store. 50 ms by default.
    pub load_wait_max: Duration,
    /// The longest that saving a program may take, and whatever else nobody waits for. 5 s by default.
    pub save_wait_max: Duration,
    /// The most programs that wait to be saved. 256 by default. Further ones are not saved.
    pub queue_max: usize,
    /// The most programs that the cache is filled with when the executor starts: those that executors for the same
    /// policy had in their caches last, of at most 256 KiB each, as far as there is room. 1,000 by default. 0: none, and
    /// this executor tells no other what it has.
    pub warm_max: usize,
    /// After so many failures in a row, late answers included, the store is left alone. 5 by default.
    pub failures_max: u32,
    /// For how long. 10 s by default; then it is tried with one request.
    pub rest: Duration,
}

/// No queue is longer, whatever is asked for: its programs are held in memory.
const QUEUE_MAX: u32 = 1 << 20;

impl Default for BytecodeConfig {
    fn default() -> Self {
        Self {
            load_wait_max: Duration::from_millis(50),
            save_wait_max: Duration::from_secs(5),
            queue_max: 256,
            warm_max: 1_000,
            failures_max: 5,
            rest: Duration::from_secs(10),
        }
    }
}

/// What came of a store of sealed programs so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BytecodeStats {
    /// Programs that were there and opened, when an execution needed them.
    pub loaded: u64,
    /// Programs that the cache was filled with at the start.
    pub warmed: u64,
    /// Programs that were not there.
    pub absent: u64,
    /// Programs whose seal did not open: changed bytes, another key, engine or source. They were compiled.
    pub refused: u64,
    /// Loads that failed or took too long, those at the start included.
    pub load_failures: u64,
    /// Loads that were left out because the store was left alone.
    pub skipped: u64,
    /// Programs that were saved.
    pub saved: u64,
    /// Saves that failed or took too long, and notes of what the cache holds.
    pub save_failures: u64,
    /// Programs that were not saved because too many were waiting for it, or the store was left alone.
    pub save_drops: u64,
    /// Whether the store is being left alone.
    pub is_resting: bool,
    /// Whether the cache is still being filled. Executions wait for nothing of that, but are quicker afterwards: a
    /// process may tell its load balancer only then that it is ready.
    pub is_warming: bool,
}

impl BytecodeStats {
    /// Loads by what came of them.
    pub(crate) fn loads(&self) -> [(&'static str, u64); 6] {
        [
            ("loaded", self.loaded),
            ("warmed", self.warmed),
            ("absent", self.absent),
            ("refused", self.refused),
            ("failed", self.load_failures),
            ("skipped", self.skipped),
        ]
    }

    /// Programs to be saved by what came of it.
    pub(crate) fn saves(&self) -> [(&'static str, u64); 3] {
        [("saved", self.saved), ("failed", self.save_failures), ("dropped", self.save_drops)]
    }
}

#[derive(Debug, Default)]
struct Counters {
    loaded: AtomicU64,
    warmed: AtomicU64,
    absent: AtomicU64,
    refused: AtomicU64,
    load_failures: AtomicU64,
    skipped: AtomicU64,
    saved: AtomicU64,
    save_failures: AtomicU64,
    save_drops: AtomicU64,
}

/// A store and the keys for it, as the builder is told of them.
pub(crate) struct Shelf {
    pub(crate) store: Arc<dyn BytecodeStore>,
    pub(crate) keys: SealKeys,
    pub(crate) config: BytecodeConfig,
}

/// The store behind the cache.
pub(crate) struct Bytecode<E: Engine> {
    common: Arc<Common<E>>,
    queue: mpsc::Sender<Fresh<E::Program>>,
    /// Each program that is not saved yet holds one.
    places: Arc<Semaphore>,
    places_max: u32,
}

/// What loads and the tasks in the background share.
struct Common<E: Engine> {
    engine: Arc<E>,
    target: ProgramTarget,
    clock: Arc<dyn Clock>,
    shelf: Shelf,
    breaker: Mutex<Breaker>,
    counters: Counters,
    is_warming: AtomicBool,
    /// What the cache held when it was noted last, and how many programs had been saved: those that were not yet were not
    /// noted.
    noted: Mutex<(Vec<ProgramKey>, u64)>,
}

/// A program that was just compiled.
struct Fresh<P> {
    key: ProgramKey,
    program: P,
    compile_time: Duration,
    /// Its place among those that are not saved yet.
    _place: OwnedSemaphorePermit,
}

impl<E: Engine> Bytecode<E> {
    pub(crate) fn new(
        engine: Arc<E>,
        target: ProgramTarget,
        clock: Arc<dyn Clock>,
        shelf: Shelf,
        runtime: &Handle,
    ) -> Self {
        let BytecodeConfig { queue_max, warm_max, failures_max, rest, .. } = shelf.config;
        let queue_max = u32::try_from(queue_max).unwrap_or(u32::MAX).clamp(1, QUEUE_MAX);
        let (queue, waiting) = mpsc::channel(queue_max as usize);
        let breaker = Mutex::new(Breaker::new(failures_max, rest));
        let (counters, is_warming, noted) = (Counters::default(), AtomicBool::new(warm_max > 0), Mutex::default());
        let common = Arc::new(Common { engine, target, clock, shelf, breaker, counters, is_warming, noted });
        runtime.spawn(common.clone().save_all(waiting));
        Self { common, queue, places: Arc::new(Semaphore::new(queue_max as usize)), places_max: queue_max }
    }

    /// The program of `key`, if the store has it in time and it opens.
    pub(crate) async fn load(&self, key: &ProgramKey) -> Option<Made<E::Program>> {
        let common = &*self.common;
        let counters = &common.counters;
        if !common.breaker().permits(common.clock.now()) {
            counters.skipped.fetch_add(1, Relaxed);
            return None;
        }
        let loaded =
            timeout(common.shelf.config.load_wait_max, guarded(async { common.shelf.store.load(key).await })).await;
        let Some(stored) = common.heard(loaded, &counters.load_failures, "load")? else {
            counters.absent.fetch_add(1, Relaxed);
            return None;
        };
        let made = common.open(key, stored)?;
        counters.loaded.fetch_add(1, Relaxed);
        Some(made)
    }

    /// Has a program saved when there is time for it.
    pub(crate) fn save(&self, key: ProgramKey, program: E::Program, compile_time: Duration) {
        let place = self.places.clone().try_acquire_owned();
        let fresh = place.map(|place| Fresh { key, program, compile_time, _place: place });
        let sent = fresh.is_ok_and(|fresh| self.queue.try_send(fresh).is_ok());
        if !sent {
            self.common.counters.save_drops.fetch_add(1, Relaxed);
        }
    }

    /// Waits until what is to be saved is, or could not be.
    pub(crate) async fn flush(&self) {
        let _ = self.places.acquire_many(self.places_max).await;
    }

    pub(crate) fn stats(&self) -> BytecodeStats {
        let Common { counters, .. } = &*self.common;
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        BytecodeStats {
            loaded: read(&counters.loaded),
            warmed: read(&counters.warmed),
            absent: read(&counters.absent),
            refused: read(&counters.refused),
            load_failures: read(&counters.load_failures),
            skipped: read(&counters.skipped),
            saved: read(&counters.saved),
            save_failures: read(&counters.save_failures),
            save_drops: read(&counters.save_drops),
            is_resting: self.common.breaker().rests(),
            is_warming: self.common.is_warming.load(Relaxed),
        }
    }
}

impl<E: Engine> Common<E> {
    /// Saves what comes, one after another, for as long as there is an executor.
    async fn save_all(self: Arc<Self>, mut waiting: mpsc::Receiver<Fresh<E::Program>>) {
        while let Some(fresh) = waiting.recv().await {
            if !self.breaker().permits(self.clock.now()) {
                self.counters.save_drops.fetch_add(1, Relaxed);
                continue;
            }
            let sealed = self.engine.seal(&fresh.program, fresh.key.hash(), &self.shelf.keys);
            let stored = StoredProgram { sealed, compile_time: fresh.compile_time };
            let save = async { self.shelf.store.save(&fresh.key, &stored).await };
            if self.in_background(save, &self.counters.save_failures, "save").await.is_some() {
                self.counters.saved.fetch_add(1, Relaxed);
            }
        }
    }

    /// What the store answers to a request that no execution waits for.
    async fn in_background<T>(
        &self,
        work: impl Future<Output = Result<T, BytecodeStoreError>>,
        failures: &AtomicU64,
        what: &'static str,
    ) -> Option<T> {
        let answer = timeout(self.shelf.config.save_wait_max, guarded(work)).await;
        self.heard(answer, failures, what)
    }

    /// The program of a row, if that is what was sealed for this key.
    fn open(&self, key: &ProgramKey, stored: StoredProgram) -> Option<Made<E::Program>> {
        let (sealed_bytes, compile_time) = (stored.sealed.0.len(), stored.compile_time);
        match self.engine.unseal(stored.sealed, key.hash(), &self.shelf.keys) {
            Ok(program) => {
                let bytes = self.engine.program_bytes(&program);
                Some(Made { program, bytes, compile_time, is_stored: true })
            }
            Err(error) => {
                self.counters.refused.fetch_add(1, Relaxed);
                refused(key, sealed_bytes, error);
                None
            }
        }
    }

    /// Tells the breaker, and the log of what went wrong.
    fn heard<T>(
        &self,
        answer: Result<Result<T, BytecodeStoreError>, tokio::time::error::Elapsed>,
        failures: &AtomicU64,
        what: &'static str,
    ) -> Option<T> {
        let message = match answer {
            Ok(Ok(value)) => {
                self.breaker().succeeded();
                return Some(value);
            }
            Ok(Err(error)) => error.message,
            Err(_) => "it took too long".to_owned(),
        };
        self.breaker().failed(self.clock.now());
        failures.fetch_add(1, Relaxed);
        tracing::warn!(target: "isolet", what, "the store of compiled programs does not serve: {message}");
        None
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A store that panics is one that failed.
async fn guarded<T>(work: impl Future<Output = Result<T, BytecodeStoreError>>) -> Result<T, BytecodeStoreError> {
    let panicked = |_| Err(BytecodeStoreError { message: "it panicked".to_owned() });
    CatchPanic::new(work).await.unwrap_or_else(panicked)
}

fn refused(key: &ProgramKey, bytes: usize, error: SealError) {
    tracing::warn!(target: "isolet", %key, bytes, "a stored program was not opened, and is compiled again: {error}");
}
