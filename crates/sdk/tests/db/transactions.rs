use isolet_sdk::db::{DbLimits, Sqlite};

use crate::directory::Directory;
use crate::setup::World;
use crate::shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transactions_are_whole() {
    let directory = Directory::new();
    shared::transactions_are_whole(&World::new(Sqlite::directory(directory.path()).into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_runs_leave_nothing() {
    let directory = Directory::new();
    let limits = DbLimits { statement_timeout: std::time::Duration::from_secs(60), ..DbLimits::default() };
    let world = World::new(Sqlite::directory(directory.path()).limits(limits).into());
    let slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c";
    shared::killed_runs_leave_nothing(&world, slow).await;
}

/// What a statement can do to the transaction that it is in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_that_end_a_transaction_end_it() {
    let directory = Directory::new();
    let world = World::new(Sqlite::directory(directory.path()).into());
    shared::table(&world).await;
    shared::check(
        &world,
        &[
            (
                "await db.transaction(async (tx) => {
                    await tx.execute('INSERT INTO t (id) VALUES (1)');
                    await tx.execute('INSERT OR ROLLBACK INTO t (id) VALUES (1)').catch(() => {});
                    await tx.execute('INSERT INTO t (id) VALUES (2)');
                 })",
                "runtime_error: DatabaseError: the transaction is over",
            ),
            ("return await db.query('SELECT * FROM t')", "[]"),
            // A transaction that writes has the tenant's only turn to write.
            (
                "await db.transaction(async () => { await db.execute('DELETE FROM t') })",
                "runtime_error: DatabaseError: a transaction of this run is open, which writes: use its tx, or await its end",
            ),
            ("return await db.transaction(async () => await db.query('SELECT 1 AS one'))", r#"[{"one":1}]"#),
            // Constraints that wait for the end fail it.
            (
                "await db.execute('CREATE TABLE child (parent INTEGER REFERENCES t(id) DEFERRABLE INITIALLY DEFERRED)');
                 await db.transaction((tx) => tx.execute('INSERT INTO child VALUES (77)'))",
                "runtime_error: DatabaseError: FOREIGN KEY constraint failed",
            ),
            ("return await db.query('SELECT * FROM child')", "[]"),
        ],
    )
    .await;
}
