//! A run's use of its tenant's database: at most one open transaction.

use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::{CloseReason, DbAccess, HostFailure, HostSession, Payload};
use tokio::sync::Mutex;

use super::backend::{Backend, Transaction, Who};
use super::failure;
use super::statement::{Statement, Wanted};

/// The operations, by their number.
pub(super) const QUERY: u16 = 0;
pub(super) const EXECUTE: u16 = 1;
pub(super) const BEGIN: u16 = 2;
pub(super) const COMMIT: u16 = 3;

pub(super) struct DbSession {
    backend: Arc<dyn Backend>,
    who: Who,
    /// Locked while a statement of the transaction runs.
    transaction: Mutex<Place>,
}

#[derive(Default)]
struct Place {
    /// How many there were, which is the number of the last one.
    begun: u32,
    open: Option<Box<dyn Transaction>>,
}

impl DbSession {
    pub(super) fn new(backend: Arc<dyn Backend>, who: Who) -> Self {
        Self { backend, who, transaction: Mutex::default() }
    }

    async fn statement(&self, arguments: Payload, wanted: Wanted) -> Result<Payload, HostFailure> {
        let (transaction, statement) = Statement::read(arguments, wanted, self.backend.limits())?;
        match transaction {
            Some(number) => self.in_transaction(number, statement).await,
            None => {
                let holds_transaction = self.transaction.try_lock().map_or(true, |place| place.open.is_some());
                self.backend.run(&self.who, statement, holds_transaction).await
            }
        }
    }

    async fn in_transaction(&self, number: u32, statement: Statement) -> Result<Payload, HostFailure> {
        let mut place = self.transaction.lock().await;
        let is_last = place.begun == number;
        let transaction = place.open.as_mut().filter(|transaction| is_last && transaction.is_open());
        transaction.ok_or_else(over)?.run(statement).await
    }

    async fn begin(&self) -> Result<Payload, HostFailure> {
        let place = self.transaction.try_lock().ok().filter(|place| place.open.is_none());
        let mut place = place.ok_or_else(|| {
            failure::transaction("this run has a transaction open: end it first, there can be one at a time")
        })?;
        place.open = Some(self.backend.begin(&self.who).await?);
        place.begun += 1;
        Ok(Payload { json: place.begun.to_string(), buffers: Vec::new() })
    }

    async fn end(&self, arguments: &Payload, commits: bool) -> Result<Payload, HostFailure> {
        let (number,): (u32,) = arguments.to_value().map_err(|_| over())?;
        let mut place = self.transaction.lock().await;
        let transaction = if place.begun == number { place.open.take() } else { None };
        match transaction.ok_or_else(over)? {
            transaction if commits && transaction.is_open() => transaction.commit().await?,
            _ if commits => return Err(over()),
            transaction => transaction.rollback().await,
        }
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}

fn over() -> HostFailure {
    failure::transaction("the transaction is over")
}

#[async_trait]
impl HostSession for DbSession {
    async fn call(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        if self.who.access == DbAccess::None {
            return Err(failure::permission(DbAccess::Read));
        }
        match operation {
            QUERY => self.statement(arguments, Wanted::Rows).await,
            EXECUTE => self.statement(arguments, Wanted::Changes).await,
            BEGIN => self.begin().await,
            COMMIT => self.end(&arguments, true).await,
            _ => self.end(&arguments, false).await,
        }
    }

    /// A transaction that is still open was not awaited: nobody asked for its end, however the run ended.
    async fn close(&self, _reason: CloseReason) {
        let transaction = self.transaction.lock().await.open.take();
        if let Some(transaction) = transaction {
            transaction.rollback().await;
        }
    }
}
