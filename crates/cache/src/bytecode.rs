//! The seam to a store of sealed programs, and the breaker that keeps a bad store from delaying anyone.

use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::SealedProgram;

use crate::key::{ProgramKey, ProgramTarget};

/// Keeps sealed programs over restarts and for several processes.
///
/// It sees opaque bytes, and need not be trusted: what it gives back is opened only if it is what was sealed for that
/// key. A program lost costs a compilation, so it may forget what it likes.
#[async_trait]
pub trait BytecodeStore: Send + Sync + 'static {
    /// What was saved last under `key`, if it is still there. The future is dropped if it takes too long.
    ///
    /// # Errors
    /// [`BytecodeStoreError`]: the source is compiled.
    async fn load(&self, key: &ProgramKey) -> Result<Option<StoredProgram>, BytecodeStoreError>;

    /// Keeps a program, in place of the one that was there.
    ///
    /// # Errors
    /// [`BytecodeStoreError`]: it is counted, and the program is not kept.
    async fn save(&self, key: &ProgramKey, program: &StoredProgram) -> Result<(), BytecodeStoreError>;

    /// Notes what a cache holds: distinct keys, those used last first. Of programs that are not saved nothing is; by
    /// default, of none.
    ///
    /// # Errors
    /// [`BytecodeStoreError`]: it is counted, and noted again later.
    async fn note_used(&self, _target: &ProgramTarget, _keys: &[ProgramKey]) -> Result<(), BytecodeStoreError> {
        Ok(())
    }

    /// Up to `max` programs that caches were noted to hold, those noted last first: what to have in memory after a
    /// restart. By default none.
    ///
    /// # Errors
    /// [`BytecodeStoreError`]: nothing is read ahead.
    async fn used_last(&self, _target: &ProgramTarget, _max: usize) -> Result<Vec<ProgramKey>, BytecodeStoreError> {
        Ok(Vec::new())
    }

    /// Those of several programs that are there and have no more than `bytes_max` bytes, in any order.
    ///
    /// # Errors
    /// [`BytecodeStoreError`]: no more is read ahead.
    async fn load_all(
        &self,
        keys: &[ProgramKey],
        bytes_max: usize,
    ) -> Result<Vec<(ProgramKey, StoredProgram)>, BytecodeStoreError> {
        let mut found = Vec::new();
        for key in keys {
            let program = self.load(key).await?.filter(|program| program.sealed.0.len() <= bytes_max);
            found.extend(program.map(|program| (*key, program)));
        }
        Ok(found)
    }
}

/// A sealed program and what it took to compile it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProgram {
    /// The program, as the engine sealed it.
    pub sealed: SealedProgram,
    /// CPU time that compiling it took: a figure for statistics, and not sealed.
    pub compile_time: Duration,
}

/// Why a store did not do its part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the store of compiled programs does not serve: {message}")]
pub struct BytecodeStoreError {
    /// Why, for the log.
    pub message: String,
}

/// Leaves something alone for a while that has failed several times in a row, then tries it with one request.
///
/// A pure state machine: time is passed in.
#[derive(Debug, Clone)]
pub struct Breaker {
    failures_max: u32,
    rest: Duration,
    failures: u32,
    rests_until: Option<Duration>,
}

impl Breaker {
    /// Opens after `failures_max` failures in a row, for `rest` at a time.
    pub fn new(failures_max: u32, rest: Duration) -> Self {
        Self { failures_max, rest, failures: 0, rests_until: None }
    }

    /// Whether to ask now. After a rest one request is let through; another one if nothing is heard of it for as long.
    pub fn permits(&mut self, now: Duration) -> bool {
        match self.rests_until {
            Some(until) if now < until => false,
            Some(_) => {
                self.rests_until = Some(now + self.rest);
                true
            }
            None => true,
        }
    }

    /// It answered.
    pub fn succeeded(&mut self) {
        (self.failures, self.rests_until) = (0, None);
    }

    /// It failed, or took too long.
    pub fn failed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= self.failures_max {
            self.rests_until = Some(now + self.rest);
        }
    }

    /// Whether it is being left alone.
    pub fn rests(&self) -> bool {
        self.rests_until.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_after_failures_in_a_row_and_tries_one_request_after_that() {
        let at = Duration::from_secs;
        let mut breaker = Breaker::new(3, at(10));
        for now in [0, 1] {
            breaker.failed(at(now));
        }
        breaker.succeeded();
        for now in [2, 3] {
            breaker.failed(at(now));
            assert!(breaker.permits(at(now)), "two in a row are not three");
        }
        breaker.failed(at(4));
        assert!(breaker.rests() && !breaker.permits(at(13)));
        assert!(breaker.permits(at(14)), "one request after the rest");
        assert!(!breaker.permits(at(15)), "but not a second one");
        breaker.failed(at(16));
        assert!(!breaker.permits(at(25)) && breaker.permits(at(26)));
        assert!(!breaker.permits(at(35)) && breaker.permits(at(36)), "the request before was never heard of again");
        breaker.succeeded();
        assert!(breaker.permits(at(36)) && breaker.permits(at(36)) && !breaker.rests());
    }
}
