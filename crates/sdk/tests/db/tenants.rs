use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::TenantId;
use isolet_sdk::db::{DbLimits, Sqlite};

use crate::directory::Directory;
use crate::setup::World;
use crate::shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_tenants_at_once() {
    let directory = Directory::new();
    let limits = DbLimits { wait_max: Duration::from_secs(60), ..DbLimits::default() };
    let sqlite = Sqlite::directory(directory.path()).limits(limits);
    shared::tenants_are_apart(&Arc::new(World::new(sqlite.into())), 100).await;
    let files = std::fs::read_dir(directory.path()).expect("it is there").flatten();
    assert_eq!(files.filter(|file| file.path().extension().is_some_and(|end| end == "db")).count(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_wait_for_each_other() {
    let directory = Directory::new();
    let limits = DbLimits { wait_max: Duration::from_secs(60), ..DbLimits::default() };
    let sqlite = || Sqlite::directory(directory.path()).limits(limits).into();
    shared::writers_wait_for_each_other(&Arc::new(World::new(sqlite())), "SELECT name FROM t WHERE id = 1").await;
}

/// A writer that does not end keeps the others waiting for as long as they may, and readers not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_has_a_bound() {
    let directory = Directory::new();
    let limits = DbLimits { wait_max: Duration::from_millis(100), ..DbLimits::default() };
    let world = Arc::new(World::new(Sqlite::directory(directory.path()).limits(limits).into()));
    shared::table(&world).await;
    let holder = world.clone();
    let holds = "await db.transaction(async (tx) => {
        await tx.execute('INSERT INTO t (id) VALUES (1)');
        await db.query('SELECT 1');
        await new Promise((done) => setTimeout(done, 20000));
    })";
    let holds = tokio::spawn(async move { holder.kill("acme", holds, Duration::from_secs(20)).await });
    // Until it has its turn.
    let busy = "try { await db.execute('DELETE FROM t') } catch (error) { return [error.code, error.retryable] }";
    while world.run(busy).await != r#"["ERR_DB_BUSY",true]"# {
        assert!(!holds.is_finished(), "it never had its turn");
    }
    assert_eq!(world.run("return await db.query('SELECT * FROM t')").await, "[]");
    assert_eq!(world.told("other", "return await db.query('SELECT 1 AS one')").await, r#"[{"one":1}]"#);
    holds.abort();
}

/// Two processes, as two services: SQLite's own locks are between them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_file() {
    let directory = Directory::new();
    let limits = DbLimits { wait_max: Duration::from_secs(60), ..DbLimits::default() };
    let file = directory.path().join("shared.db");
    let world = || Arc::new(World::new(Sqlite::file(&file).limits(limits).into()));
    let worlds = [world(), world()];
    shared::table(&worlds[0]).await;
    let body = "for (let at = 0; at < 20; at += 1) await db.execute('INSERT INTO t (name) VALUES (1)')";
    let runs = [0, 1, 0, 1].map(|at| {
        let world = worlds[at].clone();
        tokio::spawn(async move { world.run(body).await })
    });
    for run in runs {
        assert_eq!(run.await.expect("it does not panic"), "undefined");
    }
    shared::check(&worlds[1], &[("return await db.query('SELECT count(*) AS n FROM t')", r#"[{"n":80}]"#)]).await;
}

/// A directory that is not there, and a file that is no database: the run is told, and no more than that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_broken_is_told_plainly() {
    let directory = Directory::new();
    let lost = World::new(Sqlite::directory(directory.path().join("nowhere")).into());
    let told = lost.run("await db.query('SELECT 1')").await;
    assert_eq!(told, "host_error: DatabaseError: the database cannot be opened");
    let sqlite = Sqlite::directory(directory.path());
    std::fs::write(sqlite.path(&TenantId::new("acme").expect("an id")), [b'x'; 8192]).expect("it is written");
    let told = World::new(sqlite.into()).run("await db.query('SELECT 1')").await;
    assert_eq!(told, "host_error: DatabaseError: the database cannot be opened");
}
