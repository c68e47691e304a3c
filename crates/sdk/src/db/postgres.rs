//! Postgres: a schema and a role for each tenant, in one database.
//!
//! ```text
//! admin's connection ─▶ once: what PUBLIC may do in the database is taken back
//!                    ─▶ for each tenant: role, schema, limits of the role
//! tenant's connections log in as the role; on return: ROLLBACK, DISCARD ALL
//! ```

mod admin;
mod connection;
mod dates;
mod decode;
mod encode;
mod filter;
mod run;
mod security;
mod stream;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{DbAccess, HostFailure, Payload};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::time::timeout;
use tokio_postgres::config::{Host, SslMode};

use self::admin::Admin;
use self::connection::Connection;
use self::security::Security;
use super::backend::{Backend, Transaction, Who};
use super::failure;
use super::limits::DbLimits;
use super::pool::{Lease, Pool};
use super::service::Db;
use super::statement::Statement;
use crate::tls::certificates;

/// A database of Postgres that holds a schema for each tenant.
///
/// It should be a database for nothing else: what all roles may do in it (`PUBLIC`) is taken back, catalogues included.
#[derive(Clone)]
pub struct Postgres {
    admin: tokio_postgres::Config,
    /// What the server's certificate is for, if connections are to be secure.
    tls_name: Option<ServerName<'static>>,
    /// Trusted besides the system's.
    roots: Vec<CertificateDer<'static>>,
    secret: [u8; 32],
    limits: DbLimits,
}

/// Why there can be no database.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostgresError {
    /// The URL is none.
    #[error("the URL of Postgres is wrong: {message}")]
    Url {
        /// What is wrong with it.
        message: String,
    },
    /// The text has no certificates, or broken ones.
    #[error("no certificates: they are PEM, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----")]
    Certificate,
}

impl Postgres {
    /// The database of `url`, whose user makes roles and schemas: a superuser.
    ///
    /// The passwords of the tenants' roles come from `secret`: processes that share a database need the same one. If it
    /// is replaced, the roles get new passwords as they are used.
    ///
    /// With `sslmode=require` or `sslmode=verify-full` in the URL, connections are secure, and the server's certificate is
    /// checked for the URL's host in both cases. Without, they are in plain text.
    ///
    /// # Errors
    /// [`PostgresError`] if the URL is not one that this can connect to. Nothing is connected to yet.
    pub fn new(url: &str, secret: [u8; 32]) -> Result<Self, PostgresError> {
        let wrong = |message: String| PostgresError::Url { message };
        let (server, options) = url.split_once('?').unwrap_or((url, ""));
        let mut modes = options.split('&').filter_map(|option| option.strip_prefix("sslmode="));
        if modes.clone().any(|mode| !["disable", "prefer", "require", "verify-full"].contains(&mode)) {
            return Err(wrong("its sslmode is none of disable, prefer, require and verify-full".into()));
        }
        // The driver has one name for both.
        let url = match modes.next_back() {
            Some("verify-full") => &format!("{server}?{}", options.replace("sslmode=verify-full", "sslmode=require")),
            _ => url,
        };
        let mut admin = tokio_postgres::Config::from_str(url).map_err(|error| wrong(error.to_string()))?;
        let ([host], Some(_), Some(_)) = (admin.get_hosts(), admin.get_user(), admin.get_dbname()) else {
            return Err(wrong("it needs one host, a user and a database".into()));
        };
        let tls_name = match (admin.get_ssl_mode(), host) {
            (SslMode::Require, Host::Tcp(name)) => {
                let name = ServerName::try_from(name.clone());
                Some(name.map_err(|_| wrong("no certificate can be for its host: write a name or an address".into()))?)
            }
            #[cfg(unix)]
            (SslMode::Require, Host::Unix(_)) => {
                return Err(wrong("there is no TLS to a socket of this machine: leave sslmode out".into()));
            }
            // Where it is optional, whoever is in between may take it away.
            _ => None,
        };
        if tls_name.is_none() {
            admin.ssl_mode(SslMode::Disable);
        }
        Ok(Self { admin, tls_name, roots: Vec::new(), secret, limits: DbLimits::default() })
    }

    /// Trusts servers with these certificates, too, as PEM; besides those that the system trusts. Providers of databases
    /// often have roots of their own.
    ///
    /// # Errors
    /// [`PostgresError::Certificate`]
    pub fn root_certificates(mut self, pem: &str) -> Result<Self, PostgresError> {
        self.roots.extend(certificates(pem.as_bytes()).ok_or(PostgresError::Certificate)?);
        Ok(self)
    }

    /// With these limits.
    pub fn limits(self, limits: DbLimits) -> Self {
        Self { limits, ..self }
    }
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl From<Postgres> for Db {
    fn from(postgres: Postgres) -> Self {
        let (pool, limits) = (Pool::new(postgres.limits), postgres.limits);
        Self::over(PostgresBackend { admin: Admin::new(postgres), pool, limits })
    }
}

/// How long a connection may take to come about. The first one of all has the database made ready.
const OPENING: Duration = Duration::from_secs(30);

struct PostgresBackend {
    admin: Admin,
    pool: Pool<Connection>,
    limits: DbLimits,
}

impl PostgresBackend {
    async fn hold(&self, who: &Who) -> Result<Held, HostFailure> {
        let (lease, connection) = self.pool.lease(&who.tenant).await?;
        let connection = match connection.filter(Connection::is_alive) {
            Some(connection) => connection,
            None => {
                let opened = timeout(OPENING, self.open(who)).await;
                opened.map_err(|_| failure::unavailable("the database does not answer"))??
            }
        };
        let held = Held { connection: Some(connection), lease };
        if who.access != DbAccess::Write {
            held.connection().control("SET default_transaction_read_only = on").await?;
        }
        Ok(held)
    }

    async fn open(&self, who: &Who) -> Result<Connection, HostFailure> {
        let role = self.admin.role(&who.tenant);
        self.admin.provide(&role).await?;
        Connection::open(self.admin.access_of(&role), &self.limits).await
    }
}

#[async_trait]
impl Backend for PostgresBackend {
    fn limits(&self) -> &DbLimits {
        &self.limits
    }

    async fn run(&self, who: &Who, statement: Statement, _holds_transaction: bool) -> Result<Payload, HostFailure> {
        filter::check(&statement.sql)?;
        let held = self.hold(who).await?;
        let done = run::run(held.connection(), &statement, &self.limits).await;
        held.give_back();
        done
    }

    async fn begin(&self, who: &Who) -> Result<Box<dyn Transaction>, HostFailure> {
        let held = self.hold(who).await?;
        held.connection().control("BEGIN").await?;
        Ok(Box::new(PostgresTransaction { held: Some(held), limits: self.limits, has_failed: false }))
    }
}

/// A connection with the right to it. Dropped, the connection is closed, and what it does is cancelled.
struct Held {
    connection: Option<Connection>,
    lease: Lease<Connection>,
}

impl Held {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("it is given back with all else")
    }

    /// Lets the connection stand by for others once it is clean.
    fn give_back(mut self) {
        if let Some(connection) = self.connection.take_if(|connection| connection.is_alive()) {
            tokio::spawn(async move {
                if let Some(connection) = connection.cleaned().await {
                    self.lease.give_back(connection);
                }
            });
        }
    }
}

/// What it holds is out of its hands while a statement runs: if that is not awaited, the transaction is gone with it.
struct PostgresTransaction {
    held: Option<Held>,
    limits: DbLimits,
    /// Postgres takes nothing more but its end.
    has_failed: bool,
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn run(&mut self, statement: Statement) -> Result<Payload, HostFailure> {
        filter::check(&statement.sql)?;
        let held = self.held.take().ok_or_else(|| failure::transaction("the transaction is over"))?;
        let done = run::run(held.connection(), &statement, &self.limits).await;
        self.has_failed |= done.is_err();
        self.held = Some(held);
        done
    }

    fn is_open(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.connection().is_alive())
    }

    async fn commit(mut self: Box<Self>) -> Result<(), HostFailure> {
        if self.has_failed {
            self.rollback().await;
            return Err(failure::transaction("a statement of the transaction failed, so nothing of it is kept"));
        }
        let held = self.held.take().ok_or_else(|| failure::transaction("the transaction is over"))?;
        let committed = held.connection().control("COMMIT").await;
        held.give_back();
        committed
    }

    async fn rollback(mut self: Box<Self>) {
        if let Some(held) = self.held.take() {
            held.give_back();
        }
    }
}

/// How connections of a role come about.
#[derive(Clone)]
struct Access {
    config: Arc<tokio_postgres::Config>,
    security: Security,
}
