//! A connection, made tame before a script's first statement.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use isolet_core_traits::HostFailure;
use rusqlite::config::DbConfig;
use rusqlite::ffi::ErrorCode;
use rusqlite::hooks::Action;
use rusqlite::limits::Limit;
use rusqlite::{Error, OpenFlags};

use super::super::failure;
use super::super::limits::DbLimits;
use super::guard::{Author, Guard, OPERATIONS};
use super::{authorizer, functions};

/// What one value or row may have. A builtin that looks at each of its characters cannot be stopped on the way.
pub(super) const VALUE_BYTES_MAX: i32 = 4 << 20;

/// What SQL may take to parse, to plan and to run.
const LIMITS: [(Limit, i32); 10] = [
    (Limit::SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX),
    (Limit::SQLITE_LIMIT_ATTACHED, 0),
    (Limit::SQLITE_LIMIT_COLUMN, 500),
    (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 500),
    (Limit::SQLITE_LIMIT_EXPR_DEPTH, 200),
    (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
    // Patterns are matched in the product of both lengths.
    (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
    (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 20),
    (Limit::SQLITE_LIMIT_VDBE_OP, 100_000),
    (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
];

const CONFIG: [(DbConfig, bool); 8] = [
    (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
    (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_WRITABLE_SCHEMA, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
    (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    // A name in double quotes is a name, or an error.
    (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
];

const PAGE_BYTES: u64 = 4_096;
/// Before temporary data goes to a file.
const CACHE_KIB: u32 = 2_048;

/// A connection to a tenant's file. Closing it rolls back what is open.
pub(super) struct Connection {
    pub(super) sqlite: rusqlite::Connection,
    pub(super) guard: Arc<Guard>,
    /// Whether a row was inserted since it was last asked.
    inserted: Arc<Mutex<bool>>,
    /// It failed in a way that leaves it in doubt.
    doubtful: std::sync::atomic::AtomicBool,
}

impl Connection {
    pub(super) fn open(path: &Path, limits: &DbLimits) -> Result<Self, HostFailure> {
        let begun = Instant::now();
        loop {
            match Self::try_open(path, limits) {
                Ok(connection) => return Ok(connection),
                // Another process makes the file, or closes it.
                Err(error) if is_busy(&error) && begun.elapsed() < limits.wait_max => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Err(error) => {
                    tracing::warn!(target: "isolet::db", %error, path = %path.display(), "a database cannot be opened");
                    return Err(failure::unavailable("the database cannot be opened"));
                }
            }
        }
    }

    fn try_open(path: &Path, limits: &DbLimits) -> rusqlite::Result<Self> {
        // Absolute, or a name that begins with `file:` would be a URI with parameters.
        let path = std::path::absolute(path).map_err(|_| Error::InvalidPath(path.into()))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let sqlite = rusqlite::Connection::open_with_flags(path, flags)?;
        sqlite.busy_timeout(limits.wait_max)?;
        for (config, on) in CONFIG {
            sqlite.set_db_config(config, on)?;
        }
        for (limit, most) in LIMITS {
            sqlite.set_limit(limit, most)?;
        }
        let pages_max = (limits.file_bytes_max / PAGE_BYTES).max(1);
        sqlite.execute_batch(&format!(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = FILE; PRAGMA mmap_size = 0;
             PRAGMA cache_size = -{CACHE_KIB}; PRAGMA cell_size_check = ON; PRAGMA max_page_count = {pages_max};
             PRAGMA hard_heap_limit = {}",
            limits.memory_bytes_max
        ))?;
        functions::replace(&sqlite)?;
        let guard = Arc::new(Guard::new(limits.write_bytes_max));
        let watch = guard.clone();
        sqlite.progress_handler(OPERATIONS, Some(move || watch.stops()))?;
        authorizer::install(&sqlite, guard.clone())?;
        let inserted = Arc::<Mutex<bool>>::default();
        let note = inserted.clone();
        sqlite.update_hook(Some(move |action, _: &str, _: &str, _| {
            if action == Action::SQLITE_INSERT {
                *note.lock().unwrap_or_else(PoisonError::into_inner) = true;
            }
        }))?;
        Ok(Self { sqlite, guard, inserted, doubtful: false.into() })
    }

    /// Begins or ends a transaction.
    pub(super) fn control(&self, sql: &str) -> Result<(), HostFailure> {
        self.guard.author_is(Author::Isolet);
        self.sqlite.execute_batch(sql).map_err(|error| self.failure(&error))
    }

    /// Whether a row was inserted since the last call of this.
    pub(super) fn has_inserted(&self) -> bool {
        std::mem::take(&mut *self.inserted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        !self.sqlite.is_autocommit()
    }

    /// Whether it may serve another run.
    pub(super) fn is_clean(&self) -> bool {
        let is_doubtful = self.doubtful.load(std::sync::atomic::Ordering::SeqCst);
        self.sqlite.is_autocommit() && !is_doubtful && !self.guard.is_cancelled()
    }

    /// What a script is told of an error.
    pub(super) fn failure(&self, error: &Error) -> HostFailure {
        if let Some(reason) = self.guard.reason() {
            return reason;
        }
        let (code, message) = match error {
            Error::SqliteFailure(error, message) => (error.code, message.clone()),
            Error::SqlInputError { error, msg, sql, offset } => (error.code, Some(with_place(msg, sql, *offset))),
            Error::MultipleStatement => return failure::sql("there is more than one statement: send one a call"),
            _ => (ErrorCode::Unknown, None),
        };
        let message = message.unwrap_or_else(|| "the statement failed".into());
        match code {
            ErrorCode::ConstraintViolation => failure::constraint(message),
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => failure::busy("others are writing"),
            ErrorCode::DiskFull => failure::limit("the database is full"),
            ErrorCode::TooBig => failure::limit(format!("a value or the SQL is too large: {message}")),
            ErrorCode::ReadOnly => failure::permission(isolet_core_traits::DbAccess::Write),
            ErrorCode::ApiMisuse => failure::sql("the SQL holds no statement"),
            ErrorCode::Unknown | ErrorCode::TypeMismatch | ErrorCode::ParameterOutOfRange => failure::sql(message),
            ErrorCode::AuthorizationForStatementDenied => failure::confined("what the statement uses"),
            code => {
                self.doubtful.store(true, std::sync::atomic::Ordering::SeqCst);
                tracing::warn!(target: "isolet::db", %error, "a database failed");
                failure::unavailable(match code {
                    ErrorCode::OutOfMemory => "the databases have no memory left: try again",
                    _ => "the database failed",
                })
            }
        }
    }
}

/// With the line, in SQL of more than one.
fn with_place(message: &str, sql: &str, offset: i32) -> String {
    let before = usize::try_from(offset).ok().and_then(|offset| sql.get(..offset));
    match before.map(|before| before.matches('\n').count()) {
        Some(lines) if sql.contains('\n') => format!("{message} (line {})", lines + 1),
        _ => message.to_owned(),
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}
