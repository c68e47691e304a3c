//! What statements may take.

use std::time::Duration;

/// The limits of each statement, and of all of a tenant's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DbLimits {
    /// The most rows of a result. 10,000 by default.
    pub rows_max: usize,
    /// The most bytes of a result, as JSON with its blobs beside it. 4 MiB by default.
    pub result_bytes_max: usize,
    /// How long a statement may run. 5 s by default.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a connection or for another writer. 5 s by default.
    pub wait_max: Duration,
    /// The most bytes of a statement's text. 100,000 by default.
    pub sql_bytes_max: usize,
    /// The most connections that are in use at once. As many more may stand by. 32 by default.
    pub connections_max: usize,
    /// The most of them of one tenant. 4 by default.
    pub tenant_connections_max: usize,
    /// How long a connection stands by. 60 s by default.
    pub idle_max: Duration,
    /// SQLite: the most bytes of a tenant's file. 1 GiB by default.
    pub file_bytes_max: u64,
    /// SQLite on Linux: the most bytes that one statement may write to disk, temporary files included. 512 MiB by default.
    pub write_bytes_max: u64,
    /// SQLite: the most memory of all connections of the process together, whoever opened them. 256 MiB by default.
    pub memory_bytes_max: u64,
}

impl Default for DbLimits {
    fn default() -> Self {
        Self {
            rows_max: 10_000,
            result_bytes_max: 4 << 20,
            statement_timeout: Duration::from_secs(5),
            wait_max: Duration::from_secs(5),
            sql_bytes_max: 100_000,
            connections_max: 32,
            tenant_connections_max: 4,
            idle_max: Duration::from_secs(60),
            file_bytes_max: 1 << 30,
            write_bytes_max: 512 << 20,
            memory_bytes_max: 256 << 20,
        }
    }
}
