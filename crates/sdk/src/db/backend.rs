//! What a database does for sessions.

use async_trait::async_trait;
use isolet_core_traits::{DbAccess, HostFailure, Payload, TenantId};

use super::limits::DbLimits;
use super::statement::Statement;

/// A database of many tenants. Dropping a future of its ends the statement, and whatever was open.
#[async_trait]
pub(super) trait Backend: Send + Sync + 'static {
    fn limits(&self) -> &DbLimits;

    /// Runs a statement by itself. If the run holds a transaction, nothing that would wait for its end is begun.
    async fn run(&self, who: &Who, statement: Statement, holds_transaction: bool) -> Result<Payload, HostFailure>;

    /// Begins a transaction.
    async fn begin(&self, who: &Who) -> Result<Box<dyn Transaction>, HostFailure>;
}

/// Whose statement it is, and what it may do.
#[derive(Debug, Clone)]
pub(super) struct Who {
    pub(super) tenant: TenantId,
    pub(super) access: DbAccess,
}

/// An open transaction. Dropped, it is rolled back.
#[async_trait]
pub(super) trait Transaction: Send {
    /// Runs a statement. The future may be dropped: then the transaction is over.
    async fn run(&mut self, statement: Statement) -> Result<Payload, HostFailure>;

    /// Whether it can go on. A statement can end it.
    fn is_open(&self) -> bool;

    async fn commit(self: Box<Self>) -> Result<(), HostFailure>;

    async fn rollback(self: Box<Self>);
}
