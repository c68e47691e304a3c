use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{DbAccess, Permissions, TenantId};
use isolet_sdk::db::{DbLimits, Postgres};
use isolet_testkit::Postgres as Server;

use crate::setup::World;
use crate::{SECRET, postgres, shared, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_whole() {
    shared::transactions_are_whole(&World::new(postgres().into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_runs_leave_nothing() {
    let slow = "SELECT count(*) FROM generate_series(1, 1000000000000) AS x";
    let limits = DbLimits { statement_timeout: Duration::from_secs(60), ..DbLimits::default() };
    shared::killed_runs_leave_nothing(&with(limits), slow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tenants_at_once() {
    let limits = DbLimits { wait_max: Duration::from_secs(60), ..DbLimits::default() };
    shared::tenants_are_apart(&Arc::new(with(limits)), 100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_for_each_other() {
    let limits = DbLimits {
        wait_max: Duration::from_secs(60),
        statement_timeout: Duration::from_secs(60),
        ..DbLimits::default()
    };
    shared::writers_wait_for_each_other(&Arc::new(with(limits)), "SELECT name FROM t WHERE id = 1 FOR UPDATE").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_do_what_they_may() {
    let url = Server::shared().database();
    let postgres = || Postgres::new(&url, SECRET).expect("the URL is good");
    let world = World::new(postgres().into());
    shared::table(&world).await;
    // On the connection that made the table.
    let read = Permissions { db: DbAccess::Read, ..Permissions::default() };
    let told =
        world.with_permissions(TenantId::new("acme").expect("an id"), "await db.query('DELETE FROM t')", read).await;
    assert!(told.starts_with("sandbox_violation: PermissionError"), "{told}");
    let none = World::with_access(postgres().into(), DbAccess::None).run("await db.query('SELECT 1')").await;
    assert!(none.starts_with("sandbox_violation: PermissionError: this script may not use the database"), "{none}");
    let read = World::with_access(postgres().into(), DbAccess::Read);
    for change in [
        "INSERT INTO t VALUES (2, 0)",
        "WITH x AS (INSERT INTO t VALUES (3, 0) RETURNING id) SELECT * FROM x",
        "UPDATE t SET id = 0",
        "DELETE FROM t",
        "TRUNCATE t",
        "CREATE TABLE u (x int)",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN x int",
        "SELECT * FROM t FOR UPDATE",
    ] {
        for body in
            [format!("await db.query('{change}')"), format!("await db.transaction((tx) => tx.query('{change}'))")]
        {
            let told = read.run(&body).await;
            assert!(
                told.starts_with("sandbox_violation: PermissionError: this script may not change"),
                "{body}: {told}"
            );
        }
    }
    shared::check(&read, &[("return await db.query('SELECT * FROM t')", "[]")]).await;
}

/// Processes that share a database and the secret agree on roles and passwords; a new secret makes new passwords.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_database() {
    let url = Server::shared().database();
    let world = |secret| World::new(Postgres::new(&url, secret).expect("the URL is good").into());
    let worlds = [world(SECRET), world(SECRET), world([8; 32])];
    shared::table(&worlds[0]).await;
    for world in &worlds {
        shared::check(world, &[("return await db.query('SELECT * FROM t')", "[]")]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_told_plainly() {
    let nowhere = Postgres::new("postgres://secret:secret@127.0.0.1:1/secret", SECRET).expect("the URL is good");
    let told = World::new(nowhere.into()).run("await db.query('SELECT 1')").await;
    assert_eq!(told, "host_error: DatabaseError: the database is not available");
    for (url, message) in [
        ("postgres://u@%2Ftmp/d?sslmode=require", "no TLS to a socket"),
        ("postgres://u@a%20host/d?sslmode=verify-full", "no certificate can be for its host"),
        ("postgres://u@h/d?sslmode=verify-ca", "none of disable, prefer"),
        ("postgres://h", "needs one host, a user and a database"),
        ("mysql://h", "the URL of Postgres is wrong"),
    ] {
        let error = Postgres::new(url, SECRET).expect_err(url).to_string();
        assert!(error.contains(message), "{url}: {error}");
    }
}
