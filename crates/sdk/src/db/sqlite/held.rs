//! What a statement or a transaction holds, and its way to a thread that may block and back.

use std::path::PathBuf;
use std::sync::Arc;

use isolet_core_traits::HostFailure;
use tokio::runtime::Handle;
use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::super::failure;
use super::super::limits::DbLimits;
use super::super::pool::Lease;
use super::connection::Connection;
use super::guard::Guard;

/// Dropped, its connection is closed, which rolls back what is open; only then others have their turn.
pub(super) struct Held {
    /// Or it is opened when it is needed.
    pub(super) connection: Option<Connection>,
    /// The tenant's turn to write.
    pub(super) writer: Option<OwnedMutexGuard<()>>,
    pub(super) lease: Lease<Connection>,
    pub(super) path: PathBuf,
    pub(super) limits: DbLimits,
}

impl Held {
    pub(super) async fn wait_to_write(&mut self) -> Result<(), HostFailure> {
        let turn = timeout(self.limits.wait_max, self.lease.tenant.writer.clone().lock_owned()).await;
        self.writer = Some(turn.map_err(|_| failure::busy("others are writing"))?);
        Ok(())
    }

    pub(super) fn is_in_transaction(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_in_transaction)
    }

    /// Lets the connection stand by for others, if it is clean.
    pub(super) fn give_back(mut self) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_clean()) {
            self.lease.give_back(connection);
        }
    }

    /// Has `work` done on a thread that may block. If the future is dropped, the work is stopped, and this is dropped there.
    pub(super) async fn blocking<T: Send + 'static>(
        self,
        work: impl FnOnce(&Connection) -> Result<T, HostFailure> + Send + 'static,
    ) -> Result<(Self, Result<T, HostFailure>), HostFailure> {
        let held = match self.connection {
            Some(_) => self,
            None => on_thread(move || self.opened()).await??,
        };
        let cancel = Cancel(held.connection.as_ref().map(|connection| connection.guard.clone()));
        let done = on_thread(move || {
            let connection = held.connection.as_ref().expect("it is opened");
            connection.guard.begin(held.limits.statement_timeout);
            let done = match connection.guard.is_cancelled() {
                true => Err(failure::unavailable("nobody waits for the statement")),
                false => work(connection),
            };
            (held, done)
        });
        let done = done.await;
        cancel.disarm();
        done
    }

    fn opened(mut self) -> Result<Self, HostFailure> {
        self.connection = Some(Connection::open(&self.path, &self.limits)?);
        Ok(self)
    }
}

async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, HostFailure> {
    tokio::task::spawn_blocking(work).await.map_err(|_| failure::unavailable("the database failed"))
}

/// Stops the work when it is dropped.
struct Cancel(Option<Arc<Guard>>);

impl Cancel {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        if let Some(guard) = &self.0 {
            guard.cancel();
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // Closing may write: not on a thread of the runtime.
        if let (Some(connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) {
            let writer = self.writer.take();
            runtime.spawn_blocking(move || {
                drop(connection);
                drop(writer);
            });
        }
    }
}
