//! Connections to SQLite for lookups by key, which are over in microseconds.
//!
//! The pool has each connection that is given back answer a ping. That wakes a task and two threads, and takes more than
//! the lookup did. Here only a connection whose lookup was given up answers one: its thread may still be at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{Connection, Sqlite, SqliteConnection};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Each has a thread. Further lookups wait for their turn.
const CONNECTIONS_MAX: u32 = 4;

/// Connections that are opened when they are first needed. A cheap handle.
#[derive(Debug, Clone)]
pub(crate) struct Lookups(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: SqliteConnectOptions,
    /// Each connection that is in use holds one.
    permits: Arc<Semaphore>,
    idle: Mutex<Idle>,
}

#[derive(Debug, Default)]
struct Idle {
    connections: Vec<SqliteConnection>,
    is_closed: bool,
}

/// A connection in use.
struct Lent {
    shared: Arc<Shared>,
    connection: Option<SqliteConnection>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lookups {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX as usize));
        Self(Arc::new(Shared { options, permits, idle: Mutex::default() }))
    }

    /// The first row that a query gives.
    pub(crate) async fn first(
        &self,
        query: Query<'_, Sqlite, SqliteArguments>,
    ) -> Result<Option<SqliteRow>, sqlx::Error> {
        let permit = self.0.permits.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let connection = match self.0.take()? {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.0.options).await?,
        };
        let mut lent = Lent { shared: self.0.clone(), connection: None, permit: Some(permit) };
        let row = query.fetch_optional(lent.connection.insert(connection)).await;
        // One that failed is closed.
        let connection = lent.connection.take();
        if row.is_ok() {
            connection.into_iter().for_each(|connection| self.0.put(connection));
        }
        row
    }

    /// Waits for what is going on, and closes all connections. Later lookups fail.
    pub(super) async fn close(&self) {
        self.0.idle().is_closed = true;
        let _all = self.0.permits.acquire_many(CONNECTIONS_MAX).await;
        let connections = std::mem::take(&mut self.0.idle().connections);
        for connection in connections {
            // Nothing can be done about one that does not close.
            let _ = connection.close().await;
        }
    }
}

impl Shared {
    fn take(&self) -> Result<Option<SqliteConnection>, sqlx::Error> {
        let mut idle = self.idle();
        if idle.is_closed { Err(sqlx::Error::PoolClosed) } else { Ok(idle.connections.pop()) }
    }

    fn put(&self, connection: SqliteConnection) {
        self.idle().connections.push(connection);
    }

    /// A poisoned lock is used all the same: nothing can fail under it.
    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lent {
    /// The lookup was given up: the connection is free when its thread has done with it.
    fn drop(&mut self) {
        let (Some(mut connection), Ok(runtime)) = (self.connection.take(), Handle::try_current()) else { return };
        let (shared, permit) = (self.shared.clone(), self.permit.take());
        runtime.spawn(async move {
            if connection.ping().await.is_ok() {
                shared.put(connection);
            }
            drop(permit);
        });
    }
}
