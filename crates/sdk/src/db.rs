//! `db` for scripts: a database for each tenant, confined to it.
//!
//! ```text
//! script:   db.query(sql, params) ─▶ db.js: checks, order ─▶ $db.query(transaction, sql, params, …)
//! session:  one for each run; holds the run's open transaction, rolls it back when the run is over
//! backend:  leases a connection of the tenant, has the statement checked, run, bounded and cancelled
//! ```
//!
//! `Sqlite` keeps a file for each tenant, `Postgres` a schema and a role. Either is made a service by [`Db`].
//!
//! A connection serves one run at a time, and others of the same tenant only if it came back clean: who drops a call's
//! future drops its connection, too.

mod backend;
mod failure;
mod limits;
mod pool;
#[cfg(feature = "db-postgres")]
mod postgres;
mod rows;
mod service;
mod session;
#[cfg(feature = "db-sqlite")]
mod sqlite;
mod statement;

pub use self::limits::DbLimits;
#[cfg(feature = "db-postgres")]
pub use self::postgres::{Postgres, PostgresError};
pub use self::service::Db;
#[cfg(feature = "db-sqlite")]
pub use self::sqlite::Sqlite;
