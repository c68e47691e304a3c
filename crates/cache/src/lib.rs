//! Compiled programs of isolet: an LRU in memory with single flight, and the seam to a store behind it.
//!
//! A program is found by its [`ProgramKey`], a hash over everything that it depends on. Whoever asks for one that is not
//! there compiles it, and whoever asks for the same one meanwhile waits for that: a thousand callers of a new source
//! compile it once.
//!
//! - A program is kept, up to [`CacheConfig::entries_max`] of them and [`CacheConfig::bytes_max`]; the least recently
//!   used one goes.
//! - A syntax failure is the same for everyone: those who wait share it, and it is kept for some seconds.
//! - Any other failure (a timeout, a lack of memory, a full queue) came from the limits of the caller that compiled. It
//!   is that caller's alone: the next one that waits compiles on its own account.
//! - If the caller that compiles goes away, the next one that waits takes over.
//! - Lookups of programs that are kept wait for no common lock.
//!
//! Behind it there may be a [`BytecodeStore`] of sealed programs, whose part is played by whoever knows the engine.
//!
//! The cache does *not* compile, seal or open, and does not know what a program is: its bytes are what the engine says.
//! It knows no tenants: two of them that run the same text share a program, and can learn of it from the time that it
//! takes.
//!
//! ```
//! use std::time::Duration;
//! use isolet_cache::{CacheConfig, CompileError, Made, ProgramCache, ProgramKey};
//! use isolet_core_traits::{EngineId, ProgramOrigin, Source, SourceKind};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let cache = ProgramCache::new(CacheConfig::default());
//! let source = Source::new("total.js", "input.price * 2", SourceKind::Auto)?;
//! let key = ProgramKey::new(&EngineId::new("example/1"), "no-eval", &source);
//! for origin in [ProgramOrigin::Miss, ProgramOrigin::Hit] {
//!     let made = Made { program: "compiled", bytes: 8, compile_time: Duration::from_micros(90), is_stored: false };
//!     let make = || async { Ok::<_, CompileError<()>>(made) };
//!     assert_eq!(cache.get_or_make(&key, Duration::ZERO, make).await, (Ok("compiled"), origin));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bytecode;
mod cache;
mod flight;
mod hits;
mod key;
mod programs;
mod refusals;

pub use bytecode::{Breaker, BytecodeStore, BytecodeStoreError, StoredProgram};
pub use cache::{CacheConfig, CacheStats, CompileError, Made, ProgramCache};
pub use key::{ProgramKey, ProgramTarget};
