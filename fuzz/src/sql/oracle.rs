//! What must hold whatever SQL a script sends: nothing but its own file changes, no file is made beside it, it ends in time,
//! who may read changes nothing, and the next statement is served.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use isolet_core_traits::{
    CloseReason, DbAccess, ExecutionId, Grants, HostService, HostSession, Payload, Permissions, RunInfo, ScriptId,
    TenantId,
};
use isolet_sdk::db::{Db, DbLimits, Sqlite};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const QUERY: u16 = 0;
const BEGIN: u16 = 2;
const COMMIT: u16 = 3;

/// A statement may go on so long after its time.
const LATE: Duration = Duration::from_secs(5);

/// A tenant's file beside another's, which has a secret.
pub(crate) struct Oracle {
    runtime: Runtime,
    db: Db,
    directory: PathBuf,
    /// Afresh from time to time, before the file is full of what was made.
    runs: u32,
}

/// The first byte says who asks and how; then come statements, with a zero between them.
fn decoded(bytes: &[u8]) -> (DbAccess, bool, Vec<String>) {
    let (first, rest) = bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest));
    let access = if first & 1 == 0 { DbAccess::Write } else { DbAccess::Read };
    let statements = rest.split(|byte| *byte == 0).take(4).map(|sql| String::from_utf8_lossy(sql).into_owned());
    (access, first & 2 != 0, statements.collect())
}

/// An input, for a person.
pub(crate) fn shown(bytes: &[u8]) -> String {
    format!("{:?}", decoded(bytes))
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let directory = std::env::temp_dir().join(format!("isolet-fuzz-sql-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the directory can be made");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let limits = DbLimits {
            statement_timeout: Duration::from_millis(100),
            file_bytes_max: 4 << 20,
            write_bytes_max: 16 << 20,
            ..DbLimits::default()
        };
        let db = Sqlite::directory(&directory).limits(limits).into();
        let oracle = Self { runtime, db, directory, runs: 0 };
        let session = oracle.session("other", DbAccess::Write);
        for sql in ["CREATE TABLE secret (word TEXT)", "INSERT INTO secret VALUES ('xyzzy')"] {
            oracle.call(&*session, QUERY, json!([null, sql, [], false])).expect("it is a new file");
        }
        oracle
    }

    /// Whether everything holds for an input.
    pub(crate) fn check(&mut self, bytes: &[u8]) -> Result<(), String> {
        let (access, in_transaction, statements) = decoded(bytes);
        let writer = self.session("own", DbAccess::Write);
        let _ = self.call(
            &*writer,
            QUERY,
            json!([null, "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, x)", [], false]),
        );
        let before = self.call(&*writer, QUERY, json!([null, "SELECT count(*) FROM sqlite_schema", [], false]));
        let session = self.session("own", access);
        let transaction = match in_transaction {
            true => self.call(&*session, BEGIN, json!([]))?,
            false => Value::Null,
        };
        for sql in &statements {
            let begun = Instant::now();
            let told = self.call(&*session, QUERY, json!([transaction, sql, [], false]));
            if begun.elapsed() > LATE {
                return Err(format!("a statement took {:?}: {sql}", begun.elapsed()));
            }
            if told.is_ok_and(|rows| rows.to_string().contains("xyzzy") && !sql.contains("xyzzy")) {
                return Err(format!("a statement sees another tenant's secret: {sql}"));
            }
        }
        if in_transaction {
            let _ = self.call(&*session, COMMIT, json!([transaction]));
        }
        self.runtime.block_on(session.close(CloseReason::Failed));
        let after = self.call(&*writer, QUERY, json!([null, "SELECT count(*) FROM sqlite_schema", [], false]));
        if after.is_err() {
            return Err(format!("the next statement is not served: {after:?}"));
        }
        if access == DbAccess::Read && before != after {
            return Err("who may only read has changed something".into());
        }
        self.check_files()?;
        self.tidy();
        Ok(())
    }

    fn check_files(&self) -> Result<(), String> {
        let other = self.session("other", DbAccess::Read);
        let secret = self.call(&*other, QUERY, json!([null, "SELECT * FROM secret, sqlite_schema", [], false]))?;
        if secret.as_array().is_none_or(|rows| rows.len() != 1 || rows[0]["word"] != "xyzzy") {
            return Err(format!("another tenant's file has changed: {secret}"));
        }
        for entry in std::fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let stem = name.trim_end_matches("-wal").trim_end_matches("-shm").trim_end_matches("-journal");
            if !["t-own.db", "t-other.db"].contains(&stem) {
                return Err(format!("a file was made: {name}"));
            }
        }
        Ok(())
    }

    /// Takes away what statements have made, now and then.
    fn tidy(&mut self) {
        self.runs += 1;
        if !self.runs.is_multiple_of(64) {
            return;
        }
        let session = self.session("own", DbAccess::Write);
        for kind in ["trigger", "view", "index", "table"] {
            let names = format!("SELECT name FROM sqlite_schema WHERE type = '{kind}' AND name NOT LIKE 'sqlite_%'");
            let Ok(Value::Array(rows)) = self.call(&*session, QUERY, json!([null, names, [], false])) else { continue };
            for name in rows.iter().filter_map(|row| row["name"].as_str()) {
                let drop = format!("DROP {kind} IF EXISTS \"{}\"", name.replace('"', "\"\""));
                let _ = self.call(&*session, QUERY, json!([null, drop, [], false]));
            }
        }
    }

    fn session(&self, tenant: &str, access: DbAccess) -> Box<dyn HostSession> {
        let permissions = Permissions { db: access, ..Permissions::default() };
        let run = RunInfo {
            execution: ExecutionId::new("fuzz").expect("an id"),
            tenant: TenantId::new(tenant).expect("an id"),
            user: None,
            organization: None,
            script: ScriptId::new("fuzz").expect("an id"),
            traceparent: None,
            grants: Grants::new([Arc::new(permissions)]),
        };
        self.runtime.block_on(self.db.open(&run)).expect("sessions open")
    }

    fn call(&self, session: &dyn HostSession, operation: u16, arguments: Value) -> Result<Value, String> {
        let arguments = Payload { json: arguments.to_string(), buffers: Vec::new() };
        let reply = self.runtime.block_on(session.call(operation, arguments)).map_err(|failure| failure.message)?;
        serde_json::from_str(&reply.json).map_err(|error| format!("the reply is no JSON: {error}"))
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
