//! Executions go on whatever the file of SQLite does: locked, slow, full, read-only, closed.

use std::time::Duration;

use isolet_core_traits::{ReportSink, Status};
use isolet_store::{Expected, StoreError};
use sqlx::{AssertSqlSafe, Connection, Executor as _, SqliteConnection};
use tokio::sync::oneshot;

use crate::contract::stage::{Fault, Stage};
use crate::contract::{full, script, tenant, until};
use crate::directory::location;

/// Readers need no lock, and what they need is there.
const NOBODY_WRITES: Fault = Fault { reads: true, messages: &[] };

async fn connection(location: &str) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{location}")).await.expect("a connection")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_store_delays_nobody() {
    for lock in ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"] {
        let (location, _directory) = location();
        let stage = Stage::new(&location).await;
        let mut other = connection(&location).await;
        other.execute(lock).await.expect("nobody else writes");
        stage
            .bears(Fault {
                messages: &["database is locked", "no answer within 1000 ms", "no connection"],
                ..NOBODY_WRITES
            })
            .await;
        other.execute("ROLLBACK").await.expect("it gives way");
        stage.recovers().await;
    }
}

/// Another process holds the lock, gives it up for a moment, and holds it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_store_is_waited_for_by_those_who_write() {
    let (location, _directory) = location();
    let held_for = Duration::from_millis(if full() { 2_000 } else { 400 });
    let stage = Stage::with(&location, |config| config.wait_max = Duration::from_secs(60)).await;
    let mut other = connection(&location).await;
    let (end, mut is_over) = oneshot::channel::<()>();
    let holder = tokio::spawn(async move {
        while is_over.try_recv().is_err() {
            other.execute("BEGIN IMMEDIATE").await.expect("the store writes no longer than that");
            tokio::time::sleep(held_for).await;
            other.execute("ROLLBACK").await.expect("it gives way");
            // As long as others who wait for the lock may sleep.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    });
    stage.executions_go_on().await;
    assert_eq!(stage.stored("cold").await, Status::Ok);
    stage.put("slow", "output 1").await.expect("it has its turn");
    assert_eq!(stage.stored("slow").await, Status::Ok);
    stage.records.flush().await;
    assert_eq!(stage.records.stats().waiting, 0);
    end.send(()).expect("it holds the lock to the end");
    holder.await.expect("it had its turns");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_ends_nothing_but_writing() {
    let (location, _directory) = location();
    let stage = Stage::with(&location, |config| config.bytes_max = 400 << 10).await;
    let mut other = connection(&location).await;
    other.execute("CREATE TABLE ballast (bytes BLOB)").await.expect("there is room");
    let mut revisions = Vec::new();
    let failed = loop {
        other.execute("INSERT INTO ballast VALUES (zeroblob(30000))").await.expect("for others there is no bound");
        match stage.put("large", &format!("{} {}", revisions.len(), "x".repeat(8 << 10))).await {
            Ok(put) => revisions.push(put.revision),
            Err(error) => break error,
        }
        assert!(revisions.len() < 30, "there is a bound");
    };
    assert!(matches!(failed, StoreError::Unavailable { .. }), "{failed}");
    assert_eq!(failed.to_string(), "the store does not serve: database or disk is full");
    // What is short finds room in the last page of the history, until that is full, too.
    let (scripts, acme, large) = (stage.store.scripts(), tenant("acme"), script("large"));
    for number in 0.. {
        let revision = &revisions[number % 2];
        if scripts.rollback(&acme, &large, revision, &Expected::Anything).await.is_err() {
            break;
        }
        assert!(number < 1_000, "a page has an end");
    }
    stage.bears(Fault { messages: &["database or disk is full"], ..NOBODY_WRITES }).await;
    other.execute("DROP TABLE ballast").await.expect("nobody else writes");
    stage.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_writes_ends_nothing_but_writing() {
    let (location, _directory) = location();
    let stage = Stage::new(&location).await;
    let mut other = connection(&location).await;
    let tables = ["isolet_records", "isolet_bytecode", "isolet_history"];
    for table in tables {
        let trigger = format!(
            "CREATE TRIGGER refuse_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END"
        );
        other.execute(AssertSqlSafe(trigger)).await.expect("a trigger");
    }
    stage.bears(Fault { messages: &["disk I/O error"], ..NOBODY_WRITES }).await;
    until("it is tried", async || stage.bytecode().save_failures > 0).await;
    for table in tables {
        other.execute(AssertSqlSafe(format!("DROP TRIGGER refuse_{table}"))).await.expect("it is there");
    }
    stage.recovers().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_closed_fails_only_what_nobody_knows() {
    let (location, _directory) = location();
    let stage = Stage::new(&location).await;
    stage.store.close().await;
    stage.bears(Fault { reads: false, messages: &["closed"] }).await;
    assert!(stage.bytecode().skipped > 0, "it is left alone: {:?}", stage.bytecode());
}
