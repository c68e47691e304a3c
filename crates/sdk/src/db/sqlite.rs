//! SQLite: a file for each tenant, in WAL mode.
//!
//! ```text
//! call ─▶ lease ─▶ a thread that may block: open? prepare (authorizer) ─▶ step (progress handler) ─▶ reply
//!                                        └─ it writes, and nobody said so: wait for the tenant's writer, once more
//! ```

mod authorizer;
mod connection;
mod functions;
mod guard;
mod held;
mod run;
mod written;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::{DbAccess, HostFailure, Payload, TenantId};
use tokio::time::timeout;

use self::connection::Connection;
use self::held::Held;
use self::run::Done;
use super::backend::{Backend, Transaction, Who};
use super::failure;
use super::limits::DbLimits;
use super::pool::Pool;
use super::service::Db;
use super::statement::Statement;

/// Databases of SQLite. Opened when they are first used, and made if they are not there.
#[derive(Debug, Clone)]
pub struct Sqlite {
    place: Place,
    limits: DbLimits,
}

#[derive(Debug, Clone)]
enum Place {
    Directory(Arc<Path>),
    File(Arc<Path>),
}

impl Sqlite {
    /// A file for each tenant in `directory`, which must be there: `t-` and the tenant's id, in which all but lower case
    /// ASCII letters, digits and `-` is written as `_` and the two hexadecimal digits of each byte, then `.db`; or, where
    /// that is longer than file systems take, `h-` and the BLAKE3 hash of the id.
    pub fn directory(directory: impl Into<PathBuf>) -> Self {
        Self { place: Place::Directory(directory.into().into()), limits: DbLimits::default() }
    }

    /// One file, whoever the tenant is: for a single one.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { place: Place::File(file.into().into()), limits: DbLimits::default() }
    }

    /// With these limits.
    pub fn limits(self, limits: DbLimits) -> Self {
        Self { limits, ..self }
    }

    /// The file of a tenant.
    pub fn path(&self, tenant: &TenantId) -> PathBuf {
        match &self.place {
            Place::Directory(directory) => directory.join(file_name(tenant)),
            Place::File(file) => file.to_path_buf(),
        }
    }
}

impl From<Sqlite> for Db {
    fn from(sqlite: Sqlite) -> Self {
        let pool = Pool::new(sqlite.limits);
        Self::over(SqliteBackend { sqlite, pool })
    }
}

/// The longest name that every file system takes, less what SQLite adds (`-wal`, `-shm`, `-journal`).
const NAME_BYTES_MAX: usize = 240;

fn file_name(tenant: &TenantId) -> String {
    let mut name = String::from("t-");
    for byte in tenant.as_str().bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' => name.push(char::from(byte)),
            other => write!(name, "_{other:02x}").expect("a String takes all"),
        }
    }
    if name.len() + ".db".len() > NAME_BYTES_MAX {
        name = format!("h-{}", blake3::hash(tenant.as_str().as_bytes()).to_hex());
    }
    name + ".db"
}

struct SqliteBackend {
    sqlite: Sqlite,
    pool: Pool<Connection>,
}

impl SqliteBackend {
    /// The turn to write comes before the connection: who waits for it keeps none from who has it.
    async fn hold(&self, who: &Who, writes: bool) -> Result<Held, HostFailure> {
        let (limits, tenant) = (self.sqlite.limits, self.pool.tenant(&who.tenant));
        let writer = match writes {
            true => {
                let turn = timeout(limits.wait_max, tenant.writer.clone().lock_owned()).await;
                Some(turn.map_err(|_| failure::busy("others are writing"))?)
            }
            false => None,
        };
        let (lease, connection) = self.pool.lease(&who.tenant).await?;
        Ok(Held { connection, writer, lease, path: self.sqlite.path(&who.tenant), limits })
    }
}

#[async_trait]
impl Backend for SqliteBackend {
    fn limits(&self) -> &DbLimits {
        &self.sqlite.limits
    }

    async fn run(&self, who: &Who, statement: Statement, holds_transaction: bool) -> Result<Payload, HostFailure> {
        let (access, limits) = (who.access, self.sqlite.limits);
        let own_transaction =
            || failure::transaction("a transaction of this run is open, which writes: use its tx, or await its end");
        let writes = access == DbAccess::Write && !run::looks_read_only(&statement.sql);
        if writes && holds_transaction {
            return Err(own_transaction());
        }
        let mut held = self.hold(who, writes).await?;
        let statement = Arc::new(statement);
        loop {
            let (statement, has_turn) = (statement.clone(), held.writer.is_some());
            let (back, done) =
                held.blocking(move |connection| run::run(connection, &statement, access, has_turn, &limits)).await?;
            held = back;
            match done {
                Ok(Done::MustWait) if holds_transaction => return Err(own_transaction()),
                Ok(Done::MustWait) => {
                    held.give_back();
                    held = self.hold(who, true).await?;
                }
                Ok(Done::Reply(reply)) => {
                    held.give_back();
                    return Ok(reply);
                }
                Err(failure) => {
                    held.give_back();
                    return Err(failure);
                }
            }
        }
    }

    async fn begin(&self, who: &Who) -> Result<Box<dyn Transaction>, HostFailure> {
        let writes = who.access == DbAccess::Write;
        let begin = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        let (held, begun) = self.hold(who, writes).await?.blocking(move |connection| connection.control(begin)).await?;
        begun?;
        Ok(Box::new(SqliteTransaction { held: Some(held), access: who.access, limits: self.sqlite.limits }))
    }
}

/// What it holds is out of its hands while a statement runs: if that is not awaited, the transaction is gone with it.
struct SqliteTransaction {
    held: Option<Held>,
    access: DbAccess,
    limits: DbLimits,
}

impl SqliteTransaction {
    async fn with<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> Result<T, HostFailure> + Send + 'static,
    ) -> Result<T, HostFailure> {
        let held = self.held.take().filter(Held::is_in_transaction);
        let (held, done) = held.ok_or_else(|| failure::transaction("the transaction is over"))?.blocking(work).await?;
        self.held = Some(held);
        done
    }
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn run(&mut self, statement: Statement) -> Result<Payload, HostFailure> {
        let (access, limits) = (self.access, self.limits);
        let done = self.with(move |connection| run::run(connection, &statement, access, true, &limits)).await?;
        match done {
            Done::Reply(reply) => Ok(reply),
            Done::MustWait => Err(failure::busy("others are writing")),
        }
    }

    fn is_open(&self) -> bool {
        self.held.as_ref().is_some_and(Held::is_in_transaction)
    }

    async fn commit(mut self: Box<Self>) -> Result<(), HostFailure> {
        let committed = self.with(|connection| connection.control("COMMIT")).await;
        if committed.is_err() {
            self.rollback().await;
        } else if let Some(held) = self.held {
            held.give_back();
        }
        committed
    }

    async fn rollback(mut self: Box<Self>) {
        // If it fails, or if a statement did it already, the connection is given back only as far as it is clean.
        let _ = self.with(|connection| connection.control("ROLLBACK")).await;
        if let Some(held) = self.held {
            held.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_files_are_tame() {
        for (tenant, expected) in [
            ("acme", "t-acme.db"),
            ("Acme", "t-_41cme.db"),
            ("a_61", "t-a_5f61.db"),
            ("../../etc/passwd", "t-_2e_2e_2f_2e_2e_2fetc_2fpasswd.db"),
            ("é", "t-_c3_a9.db"),
            ("file:x?mode=memory", "t-file_3ax_3fmode_3dmemory.db"),
        ] {
            assert_eq!(file_name(&TenantId::new(tenant).expect("an id")), expected);
        }
        let long = file_name(&TenantId::new("Ü".repeat(64)).expect("an id"));
        assert!(long.starts_with("h-") && long.len() < NAME_BYTES_MAX, "{long}");
    }

    proptest! {
        /// Even where a file system does not tell upper from lower case.
        #[test]
        fn names_of_files_differ(ids in proptest::collection::hash_set("[a-cA-C_.0-9/é-]{1,9}", 2..20)) {
            let names: HashSet<_> = ids.iter().map(|id| {
                let name = file_name(&TenantId::new(id).expect("an id"));
                assert!(!name.contains('/') && name.is_ascii());
                name.to_ascii_lowercase()
            }).collect();
            prop_assert_eq!(names.len(), ids.len());
        }
    }
}
