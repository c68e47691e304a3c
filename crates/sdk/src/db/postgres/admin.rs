//! The admin's connection: makes the database safe to share, and roles and schemas in it.

use std::collections::HashSet;
use std::sync::Arc;

use isolet_core_traits::{HostFailure, TenantId};
use tokio::sync::Mutex;
use tokio_postgres::Client;

use super::connection::lost;
use super::security::Security;
use super::stream::connect;
use super::{Access, Postgres};

/// What every role may do in the database is taken back. Changes nothing where that was done.
const SET_UP: &str = include_str!("set_up.sql");

/// The most roles that are remembered as made. Then all are looked at once more.
const ROLES_MAX: usize = 10_000;

pub(super) struct Admin {
    postgres: Postgres,
    security: Security,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    is_set_up: bool,
    made: HashSet<String>,
}

/// A tenant's role, which has a schema of the same name.
pub(super) struct Role {
    pub(super) name: String,
    password: String,
    tenant: String,
}

impl Admin {
    pub(super) fn new(postgres: Postgres) -> Self {
        let security = match &postgres.tls_name {
            Some(name) => Security::tls(name.clone(), postgres.roots.clone()),
            None => Security::None,
        };
        Self { postgres, security, state: Mutex::default() }
    }

    /// The role of a tenant in this database. Names of roles are those of the whole server, and have 63 bytes at most.
    pub(super) fn role(&self, tenant: &TenantId) -> Role {
        let database = self.postgres.admin.get_dbname().unwrap_or_default();
        let of = format!("{database}\0{}", tenant.as_str());
        let name = format!("isolet_{}", &blake3::hash(of.as_bytes()).to_hex()[..40]);
        let password = blake3::keyed_hash(&self.postgres.secret, of.as_bytes()).to_hex().to_string();
        Role { name, password, tenant: tenant.as_str().to_owned() }
    }

    /// How to log in as a role.
    pub(super) fn access_of(&self, role: &Role) -> Access {
        let mut config = self.postgres.admin.clone();
        config.user(&role.name).password(&role.password).application_name("isolet");
        Access { config: Arc::new(config), security: self.security.clone() }
    }

    /// Has role and schema made, if they are not there.
    pub(super) async fn provide(&self, role: &Role) -> Result<(), HostFailure> {
        let mut state = self.state.lock().await;
        if state.made.contains(&role.name) {
            return Ok(());
        }
        let client = match state.client.take_if(|client| !client.is_closed()) {
            Some(client) => client,
            None => self.connected().await?,
        };
        // If this is not awaited to its end, the connection goes, and what it began.
        if !state.is_set_up {
            client.batch_execute(SET_UP).await.map_err(|error| lost(&error))?;
            state.is_set_up = true;
        }
        client.batch_execute(&self.provision(role)).await.map_err(|error| lost(&error))?;
        state.client = Some(client);
        if state.made.len() >= ROLES_MAX {
            state.made.clear();
        }
        state.made.insert(role.name.clone());
        Ok(())
    }

    async fn connected(&self) -> Result<Client, HostFailure> {
        let connector = self.security.connector().await.map_err(|error| lost(&error))?;
        let socket = connect(&self.postgres.admin).await.map_err(|error| lost(&error))?;
        let (client, connection) =
            self.postgres.admin.connect_raw(socket, connector).await.map_err(|error| lost(&error))?;
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(client)
    }

    /// One transaction, which waits for those of other processes.
    fn provision(&self, role: &Role) -> String {
        let (name, limits) = (&role.name, &self.postgres.limits);
        // Not the password itself: servers may log statements.
        let verifier = postgres_protocol::password::scram_sha_256(role.password.as_bytes());
        let database = identifier(self.postgres.admin.get_dbname().unwrap_or_default());
        // The server's own deadlines are a net below ours.
        let statement_ms = limits.statement_timeout.as_millis() + 1_000;
        let lock_ms = limits.wait_max.as_millis().max(1);
        let connections = limits.tenant_connections_max * 4;
        let temporary_kib = limits.write_bytes_max >> 10;
        let tenant = literal(&format!("isolet: the tenant {}", role.tenant));
        format!(
            "BEGIN;
             SELECT pg_advisory_xact_lock(7525196);
             DO $do$ BEGIN
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN CREATE ROLE {name}; END IF;
             END $do$;
             ALTER ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS
                 CONNECTION LIMIT {connections} PASSWORD '{verifier}';
             ALTER ROLE {name} SET search_path = {name};
             ALTER ROLE {name} SET statement_timeout = {statement_ms};
             ALTER ROLE {name} SET lock_timeout = {lock_ms};
             ALTER ROLE {name} SET idle_in_transaction_session_timeout = '10min';
             ALTER ROLE {name} SET temp_file_limit = '{temporary_kib}kB';
             ALTER ROLE {name} SET max_parallel_workers_per_gather = 0;
             ALTER ROLE {name} SET timezone = 'UTC';
             CREATE SCHEMA IF NOT EXISTS {name};
             COMMENT ON SCHEMA {name} IS {tenant};
             GRANT USAGE, CREATE ON SCHEMA {name} TO {name};
             GRANT CONNECT ON DATABASE {database} TO {name};
             COMMIT"
        )
    }
}

fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
