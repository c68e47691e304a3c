//! A connection as a tenant's role.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use isolet_core_traits::{DbAccess, HostFailure};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_postgres::{CancelToken, Client, Error};

use super::super::failure;
use super::super::limits::DbLimits;
use super::Access;
use super::stream::{Counted, Received, connect};

/// How long the server may take for what is not a script's statement.
const CONTROL: Duration = Duration::from_secs(5);

/// Dropped, it is closed; if it is at something, that is cancelled.
pub(super) struct Connection {
    pub(super) client: Client,
    pub(super) received: Arc<Received>,
    access: Access,
    cancel: CancelToken,
    /// Set while the server works for us: whoever drops the future of that leaves it set.
    is_at_work: AtomicBool,
}

impl Connection {
    pub(super) async fn open(access: Access, limits: &DbLimits) -> Result<Self, HostFailure> {
        let received = Received::new(limits.result_bytes_max as u64 * 2 + (64 << 10));
        let connector = access.security.connector().await.map_err(|error| lost(&error))?;
        let socket = connect(&access.config).await.map_err(|error| lost(&error))?;
        let stream = Counted::new(socket, received.clone());
        let (client, connection) =
            access.config.connect_raw(stream, connector).await.map_err(|error| match error.as_db_error() {
                Some(refused) if refused.code().code() == "53300" => failure::busy("it takes no more connections"),
                _ => lost(&error),
            })?;
        tokio::spawn(async move {
            // What goes wrong, who waits for an answer is told.
            let _ = connection.await;
        });
        let cancel = client.cancel_token();
        Ok(Self { client, received, access, cancel, is_at_work: false.into() })
    }

    /// Whether it can be asked for something.
    pub(super) fn is_alive(&self) -> bool {
        !self.client.is_closed() && !self.is_at_work.load(SeqCst)
    }

    /// Waits for what the server does. If the future is dropped, or ends with `None`, the connection is good for nothing
    /// more.
    pub(super) async fn at_work<T>(&self, work: impl Future<Output = Option<T>>) -> Option<T> {
        self.is_at_work.store(true, SeqCst);
        self.received.begin();
        let done = work.await?;
        self.is_at_work.store(false, SeqCst);
        Some(done)
    }

    /// Sends statements of isolet's own.
    pub(super) async fn control(&self, sql: &str) -> Result<(), HostFailure> {
        let done = self.at_work(async { timeout(CONTROL, self.client.batch_execute(sql)).await.ok() }).await;
        let done = done.ok_or_else(|| failure::unavailable("the database does not answer"))?;
        done.map_err(|error| self.failure(&error))
    }

    /// Without anything of the run that had it.
    pub(super) async fn cleaned(self) -> Option<Self> {
        self.control("ROLLBACK").await.ok()?;
        self.control("DISCARD ALL").await.ok()?;
        self.client.clear_type_cache();
        Some(self)
    }

    /// What a script is told of an error.
    pub(super) fn failure(&self, error: &Error) -> HostFailure {
        let Some(refused) = error.as_db_error() else {
            if self.received.is_over() {
                return failure::limit("the result is too large: select less of it");
            }
            // Not the connection's, but ours: a parameter that has no form for its type.
            return match std::error::Error::source(error) {
                Some(source) if !self.client.is_closed() => failure::sql(source.to_string()),
                _ => lost(error),
            };
        };
        let (code, message) = (refused.code().code(), refused.message());
        match (code, &code[..2]) {
            ("25006", _) => failure::permission(DbAccess::Write),
            ("25P02", _) => failure::transaction("a statement of the transaction failed: it can only end"),
            ("42501", _) => failure::confined(message.strip_prefix("permission denied for ").unwrap_or(message)),
            ("55P03" | "40001" | "40P01", _) => failure::busy(message),
            ("57014", _) => failure::limit(message),
            (_, "23") => match refused.detail() {
                Some(detail) => failure::constraint(format!("{message}: {detail}")),
                None => failure::constraint(message),
            },
            (_, "53" | "54") => failure::limit(message),
            (_, "08" | "57" | "58" | "XX") => lost(error),
            _ => failure::sql(message),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (true, Ok(runtime)) = (*self.is_at_work.get_mut() && !self.client.is_closed(), Handle::try_current())
        else {
            return;
        };
        let (access, cancel) = (self.access.clone(), self.cancel.clone());
        runtime.spawn(timeout(CONTROL, async move {
            let connector = access.security.connector().await.ok()?;
            let socket = connect(&access.config).await.ok()?;
            cancel.cancel_query_raw(socket, connector).await.ok()
        }));
    }
}

/// Nothing that the server or the system said goes to scripts: it may tell where the database is.
pub(super) fn lost(error: &dyn std::error::Error) -> HostFailure {
    tracing::warn!(target: "isolet::db", %error, "the database failed");
    failure::unavailable("the database is not available")
}
