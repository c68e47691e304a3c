//! Why an operation fails, as its author says it.

use std::error::Error;
use std::time::Duration;

use isolet_core_traits::{HostFailure, HostFailureKind};

/// Why an operation of a [`HostApi`](crate::HostApi) failed. Scripts see it as an `Error` with the stack of their own call,
/// and can catch it.
///
/// `?` makes one of any error: then scripts are told that the operation failed and nothing else, and the log has the
/// error. What scripts may know is said with [`new`](Self::new).
///
/// ```
/// use isolet_sdk::ApiError;
///
/// let error = ApiError::new("no customer has the id 7").name("NotFoundError").code("ERR_NOT_FOUND");
/// # let _ = error;
/// ```
#[derive(Debug)]
pub struct ApiError {
    failure: HostFailure,
    /// What only the log is told.
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ApiError {
    /// A failure of the operation, which the script's author is told. Uncaught, it ends the run as `host_error`.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of_kind(HostFailureKind::Failed, "ApiError", message)
    }

    /// The script passed something wrong. Uncaught, it ends the run as `runtime_error`.
    pub fn bad_arguments(message: impl Into<String>) -> Self {
        Self::of_kind(HostFailureKind::BadArguments, "TypeError", message)
    }

    /// The script may not do this. Uncaught, it ends the run as `sandbox_violation`.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::of_kind(HostFailureKind::Denied, "PermissionError", message).code("ERR_PERMISSION")
    }

    /// Too much at once; it may be tried again after so long. Uncaught, it ends the run as `rate_limited`.
    pub fn rate_limited(message: impl Into<String>, retry_after: Duration) -> Self {
        let mut error = Self::of_kind(HostFailureKind::RateLimited, "RateLimitError", message).retryable();
        error.failure.retry_after_ms = u64::try_from(retry_after.as_millis()).ok();
        error
    }

    fn of_kind(kind: HostFailureKind, name: &str, message: impl Into<String>) -> Self {
        Self { failure: HostFailure::new(kind, name, message), source: None }
    }

    /// The error's `name` in JavaScript.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.failure.name = name.into();
        self
    }

    /// The error's `code`: for programs.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.failure.code = Some(code.into());
        self
    }

    /// The same call may succeed later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.failure.retryable = true;
        self
    }

    /// Adds what only the log is told.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(super) fn unknown_operation() -> Self {
        Self::new("the host does not implement this operation").name("HostError")
    }

    /// As the executor takes it. The log is told the rest.
    pub(super) fn of(self, api: &str, operation: &str) -> HostFailure {
        if let Some(source) = self.source {
            tracing::warn!(target: "isolet", api, operation, error = %source, "an operation of a host's API failed");
        }
        self.failure
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for ApiError {
    fn from(error: E) -> Self {
        Self::new("the operation failed").name("HostError").because(error)
    }
}
