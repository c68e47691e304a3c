//! The failures that scripts see: `DatabaseError` with a code for programs.
//!
//! | code | what | whose fault |
//! |---|---|---|
//! | `ERR_DB_SQL` | the statement or a parameter is wrong | author |
//! | `ERR_DB_CONSTRAINT` | a constraint is violated | author |
//! | `ERR_DB_CONFINED` | the statement reaches for what scripts may not have | author |
//! | `ERR_DB_LIMIT` | rows, bytes or size | author |
//! | `ERR_DB_TIMEOUT` | the statement took too long | author |
//! | `ERR_DB_TRANSACTION` | a transaction that is over, or one too many | author |
//! | `ERR_DB_BUSY` | others held connection or lock for too long; retryable | host |
//! | `ERR_DB_UNAVAILABLE` | the database is not there, or broken; retryable | host |

use std::time::Duration;

use isolet_core_traits::{DbAccess, HostFailure, HostFailureKind};

fn failure(kind: HostFailureKind, code: &str, message: impl Into<String>) -> HostFailure {
    HostFailure { code: Some(code.into()), ..HostFailure::new(kind, "DatabaseError", message) }
}

pub(super) fn sql(message: impl Into<String>) -> HostFailure {
    failure(HostFailureKind::BadArguments, "ERR_DB_SQL", message)
}

pub(super) fn constraint(message: impl Into<String>) -> HostFailure {
    failure(HostFailureKind::BadArguments, "ERR_DB_CONSTRAINT", message)
}

/// `what` is the subject of a sentence: `ATTACH`, `the function load_extension`.
pub(super) fn confined(what: impl std::fmt::Display) -> HostFailure {
    failure(HostFailureKind::Denied, "ERR_DB_CONFINED", format!("{what} is not available to scripts"))
}

pub(super) fn limit(message: impl Into<String>) -> HostFailure {
    failure(HostFailureKind::BadArguments, "ERR_DB_LIMIT", message)
}

pub(super) fn timeout(after: Duration) -> HostFailure {
    let message = format!("the statement took more than {} ms", after.as_millis());
    failure(HostFailureKind::BadArguments, "ERR_DB_TIMEOUT", message)
}

pub(super) fn transaction(message: impl Into<String>) -> HostFailure {
    failure(HostFailureKind::BadArguments, "ERR_DB_TRANSACTION", message)
}

pub(super) fn busy(what: &str) -> HostFailure {
    let busy = failure(HostFailureKind::Failed, "ERR_DB_BUSY", format!("the database is busy: {what}"));
    HostFailure { retryable: true, ..busy }
}

pub(super) fn unavailable(what: &str) -> HostFailure {
    let unavailable = failure(HostFailureKind::Failed, "ERR_DB_UNAVAILABLE", what);
    HostFailure { retryable: true, ..unavailable }
}

/// What needs `needed`, and was not granted it.
pub(super) fn permission(needed: DbAccess) -> HostFailure {
    let (what, grant) = match needed {
        DbAccess::Write => ("this script may not change the database", "\"db\": \"write\" to its permissions"),
        _ => ("this script may not use the database", "\"db\": \"read\" (or \"write\") to its permissions"),
    };
    HostFailure::permission(what, grant)
}
