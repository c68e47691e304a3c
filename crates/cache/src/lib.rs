//! Compiled programs of isolet: an LRU in memory with single flight.
//!
//! A program is found by its [`ProgramKey`], a hash over everything that it depends on. Whoever asks for one that is not
//! there compiles it, and whoever asks for the same one meanwhile waits for that: a thousand callers of a new source
//! compile it once.
//!
//! - A program is kept, up to [`CacheConfig::entries_max`] of them; the least recently used one goes.
//! - A syntax failure is the same for everyone: those who wait share it. It is not kept.
//! - Any other failure (a timeout, a lack of memory, a full queue) came from the limits of the caller that compiled. It
//!   is that caller's alone: the next one that waits compiles on its own account.
//! - If the caller that compiles goes away, the next one that waits takes over.
//!
//! The cache does *not* compile, does not know what a program is and does not look at its size: the number of programs
//! is bounded, their bytes are bounded only by the limit on a source's. It stores nothing outside of memory. It knows no
//! tenants: two of them that run the same text share a program, and can learn of it from the time that it takes.
//!
//! ```
//! use isolet_cache::{CacheConfig, CompileError, ProgramCache, ProgramKey};
//! use isolet_core_traits::{EngineId, ProgramOrigin, Source, SourceKind};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let cache = ProgramCache::new(CacheConfig::default());
//! let source = Source::new("total.js", "input.price * 2", SourceKind::Auto)?;
//! let key = ProgramKey::new(&EngineId::new("example/1"), "no-eval", &source);
//! for origin in [ProgramOrigin::Miss, ProgramOrigin::Hit] {
//!     let compile = || async { Ok::<_, CompileError<()>>("compiled") };
//!     assert_eq!(cache.get_or_compile(&key, compile).await, (Ok("compiled"), origin));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod flight;
mod key;
mod programs;

pub use cache::{CacheConfig, CacheStats, CompileError, ProgramCache};
pub use key::ProgramKey;
