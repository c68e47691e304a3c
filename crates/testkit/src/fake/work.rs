//! What statements do while compiling as well as while running: use time and memory, panic, fault.

use std::sync::Arc;

use isolet_core_traits::{Abort, Interrupt, KilledIn};

use super::Shared;
use super::language::Statement;

/// The time and memory that a compilation or a run uses.
#[derive(Debug)]
pub(crate) struct Work {
    interrupt: Arc<Interrupt>,
    memory_bytes_max: u64,
    memory_bytes: u64,
    memory_peak_bytes: u64,
    /// How far the current statement is: its polls, its preemptions.
    progress: u32,
}

/// Why work does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Halt {
    Preempted,
    Aborted { why: Abort, place: KilledIn },
    OutOfMemory { asked: u64, used: u64, max: u64 },
    Fault,
}

impl Work {
    pub(crate) fn new(interrupt: Arc<Interrupt>, memory_bytes_max: u64) -> Self {
        Self { interrupt, memory_bytes_max, memory_bytes: 0, memory_peak_bytes: 0, progress: 0 }
    }

    pub(crate) fn memory_peak_bytes(&self) -> u64 {
        self.memory_peak_bytes
    }

    /// Milliseconds since the run started.
    pub(crate) fn elapsed_ms(&self) -> f64 {
        self.interrupt.elapsed().as_micros() as f64 / 1e3
    }

    /// Ends the work if it is told to.
    pub(crate) fn poll(&self, place: KilledIn) -> Result<(), Halt> {
        self.interrupt.poll().map_or(Ok(()), |why| Err(Halt::Aborted { why, place }))
    }

    /// The next statement begins.
    pub(crate) fn next_statement(&mut self) {
        self.progress = 0;
    }

    /// Does what a statement does to time and memory; all others are not its business.
    pub(crate) fn execute(&mut self, statement: &Statement, shared: &Shared) -> Result<(), Halt> {
        match *statement {
            Statement::Spin { polls, native } => self.spin(polls, native, shared),
            Statement::Preempt(times) if self.progress < times => {
                self.progress += 1;
                Err(Halt::Preempted)
            }
            Statement::Alloc(bytes) => self.allocate(bytes),
            Statement::Free => {
                self.memory_bytes = 0;
                Ok(())
            }
            Statement::Panic => panic!("the script told the fake engine to panic"),
            Statement::Fault => Err(Halt::Fault),
            _ => Ok(()),
        }
    }

    pub(crate) fn allocate(&mut self, bytes: u64) -> Result<(), Halt> {
        let (used, max) = (self.memory_bytes, self.memory_bytes_max);
        if bytes > max.saturating_sub(used) {
            return Err(Halt::OutOfMemory { asked: bytes, used, max });
        }
        self.memory_bytes += bytes;
        self.memory_peak_bytes = self.memory_peak_bytes.max(self.memory_bytes);
        Ok(())
    }

    fn spin(&mut self, polls: Option<u32>, native: bool, shared: &Shared) -> Result<(), Halt> {
        let place = if native { KilledIn::Native } else { KilledIn::Script };
        loop {
            self.poll(place)?;
            if polls == Some(self.progress) {
                return Ok(());
            }
            self.progress = self.progress.wrapping_add(1);
            match &shared.options.spin_clock {
                Some((clock, step)) => clock.advance(*step),
                None => std::thread::yield_now(),
            }
            if shared.options.polls_per_slice.is_some_and(|slice| self.progress.is_multiple_of(slice.max(1))) {
                return Err(Halt::Preempted);
            }
        }
    }
}
