//! What a connection's hooks know of the statement that it runs.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use isolet_core_traits::{DbAccess, HostFailure};

use super::super::failure;
use super::written;

/// How often the clock is looked at, in instructions of SQLite's machine.
pub(super) const OPERATIONS: i32 = 1_000;
/// How often the bytes are looked at that the statement wrote.
const LOOK: Duration = Duration::from_millis(20);

/// Who prepares statements on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Author {
    Isolet,
    Script(DbAccess),
}

/// Shared by a connection and its hooks.
#[derive(Debug)]
pub(super) struct Guard {
    author: AtomicU8,
    cancelled: AtomicBool,
    watch: Mutex<Watch>,
    write_bytes_max: u64,
}

#[derive(Debug)]
struct Watch {
    deadline: Instant,
    timeout: Duration,
    looked: Instant,
    /// Bytes that the thread had written when the statement began, where that can be told.
    written: Option<u64>,
    /// Why the statement was refused or stopped.
    reason: Option<HostFailure>,
}

impl Guard {
    pub(super) fn new(write_bytes_max: u64) -> Self {
        let now = Instant::now();
        let watch = Watch { deadline: now, timeout: Duration::ZERO, looked: now, written: None, reason: None };
        Self { author: 0.into(), cancelled: false.into(), watch: Mutex::new(watch), write_bytes_max }
    }

    /// Work begins that may take this long.
    pub(super) fn begin(&self, timeout: Duration) {
        let now = Instant::now();
        let (deadline, written) = (now + timeout, written::by_this_thread());
        *self.watch() = Watch { deadline, timeout, looked: now, written, reason: None };
    }

    /// Says who prepares statements from now on.
    pub(super) fn author_is(&self, author: Author) {
        let number = match author {
            Author::Isolet => 0,
            Author::Script(DbAccess::Write) => 2,
            Author::Script(_) => 1,
        };
        self.author.store(number, SeqCst);
    }

    pub(super) fn author(&self) -> Author {
        match self.author.load(SeqCst) {
            0 => Author::Isolet,
            1 => Author::Script(DbAccess::Read),
            _ => Author::Script(DbAccess::Write),
        }
    }

    /// Nobody waits for the work any more.
    pub(super) fn cancel(&self) {
        self.cancelled.store(true, SeqCst);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(SeqCst)
    }

    /// Notes why the statement is refused. The first reason stays.
    pub(super) fn refuse(&self, reason: HostFailure) {
        self.watch().reason.get_or_insert(reason);
    }

    /// Why the statement was refused or stopped.
    pub(super) fn reason(&self) -> Option<HostFailure> {
        self.watch().reason.take()
    }

    /// Whether the work is to be stopped. Asked every [`OPERATIONS`].
    pub(super) fn stops(&self) -> bool {
        if self.is_cancelled() {
            return true;
        }
        let (now, mut watch) = (Instant::now(), self.watch());
        if now >= watch.deadline {
            let late = failure::timeout(watch.timeout);
            watch.reason.get_or_insert(late);
        } else if now - watch.looked >= LOOK {
            watch.looked = now;
            let written =
                watch.written.zip(written::by_this_thread()).map_or(0, |(begin, now)| now.saturating_sub(begin));
            if written > self.write_bytes_max {
                let max = self.write_bytes_max;
                let message = format!("the statement writes more than {max} bytes, temporary ones included");
                watch.reason.get_or_insert(failure::limit(message));
            }
        }
        watch.reason.is_some()
    }

    fn watch(&self) -> std::sync::MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
