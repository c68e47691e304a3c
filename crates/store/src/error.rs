//! What can go wrong with a store.

use isolet_core_traits::ErrorReport;

/// Why a store did not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The place of a store is no file and no URL of a database that is known. The caller's mistake.
    #[error("not a store: {message}")]
    Location {
        /// What is wrong with it.
        message: String,
    },
    /// The database cannot be opened, or is not in the form that this version needs.
    #[error("the store cannot be opened: {message}")]
    Open {
        /// Why.
        message: String,
    },
    /// The database does not answer, is locked, full or read-only. The same may succeed later.
    #[error("the store does not serve: {message}")]
    Unavailable {
        /// Why.
        message: String,
    },
    /// What was read is not what was written.
    #[error("the store is damaged: {message}")]
    Damaged {
        /// What is wrong.
        message: String,
    },
    /// The script is not what the caller believes. Look at it again.
    #[error("the script has changed: {}", found.as_deref().map_or("there is none".into(), |found| format!("its revision is {found}")))]
    Conflict {
        /// The revision that there is.
        found: Option<String>,
    },
    /// There is no such script of the tenant, or no such revision of the script.
    #[error("there is no such {what}")]
    Absent {
        /// `script`, `revision` or `record`.
        what: &'static str,
    },
    /// The script does not compile, or could not be checked: with the place.
    #[error("the script is refused: {0}")]
    Refused(Box<ErrorReport>),
    /// Something that the caller gave is out of its bounds.
    #[error("{what} has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// The text is no cursor of a page.
    #[error("not a cursor: {text:?}")]
    Cursor {
        /// The text.
        text: String,
    },
}

impl StoreError {
    pub(crate) fn unavailable(error: &sqlx::Error) -> Self {
        Self::Unavailable { message: message(error) }
    }

    pub(crate) fn damaged(message: impl Into<String>) -> Self {
        Self::Damaged { message: message.into() }
    }
}

/// What an error of the driver says, without its statement and without any value.
pub(crate) fn message(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::PoolTimedOut => "no connection was free, or could be made, in time".to_owned(),
        other => other.to_string(),
    }
}
