use std::time::{Duration, Instant};

use isolet_sdk::db::DbLimits;

use crate::setup::World;
use crate::{postgres, shared, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_end() {
    let world = with(DbLimits { statement_timeout: Duration::from_millis(300), ..DbLimits::default() });
    shared::table(&world).await;
    for sql in [
        "SELECT count(*) FROM generate_series(1, 1000000000000)",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c",
        "SELECT x FROM generate_series(1, 1000000000) AS x ORDER BY random()",
        "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b, generate_series(1, 1000) c",
        "INSERT INTO t (id) SELECT x FROM generate_series(1, 1000000000) AS x",
    ] {
        let begun = Instant::now();
        let told = world.run(&format!("await db.query({sql:?})")).await;
        assert!(
            told.contains("the statement took more than 300 ms") || told.contains("temp_file_limit"),
            "{sql}: {told}"
        );
        assert!(begun.elapsed() < Duration::from_secs(60), "{sql}");
        shared::check(&world, &[("return await db.query('SELECT * FROM t')", "[]")]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_bounded() {
    let world = World::new(postgres().into());
    for (sql, expected) in [
        ("SELECT x FROM generate_series(1, 10000) AS x", "10000"),
        (
            "SELECT x FROM generate_series(1, 10001) AS x",
            "runtime_error: DatabaseError: the result has more than 10000 rows: add a LIMIT",
        ),
        ("SELECT repeat('x', 4000000)", "1"),
        (
            "SELECT repeat('x', 5000000)",
            "runtime_error: DatabaseError: the result has more than 4194304 bytes: select less of it",
        ),
        // More than anybody should hold, in one row.
        ("SELECT repeat('x', 200000000)", "runtime_error: DatabaseError: the result is too large: select less of it"),
        (
            "SELECT repeat('x', 1000) FROM generate_series(1, 10000)",
            "runtime_error: DatabaseError: the result has more than 4194304 bytes: select less of it",
        ),
    ] {
        assert_eq!(world.run(&format!("return (await db.query({sql:?})).length")).await, expected, "{sql}");
        shared::check(&world, &[("return await db.query('SELECT 1 AS one')", r#"[{"one":1}]"#)]).await;
    }
}

/// A transaction that nobody ends has locks; who waits for them is told in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_has_a_bound() {
    let world = std::sync::Arc::new(with(DbLimits { wait_max: Duration::from_millis(300), ..DbLimits::default() }));
    shared::table(&world).await;
    shared::check(&world, &[("await db.execute('INSERT INTO t (id) VALUES (1)')", "undefined")]).await;
    let holder = world.clone();
    let holds = "await db.transaction(async (tx) => {
        await tx.execute('UPDATE t SET name = NULL');
        await new Promise((done) => setTimeout(done, 20000));
    })";
    let holds = tokio::spawn(async move { holder.kill("acme", holds, Duration::from_secs(20)).await });
    let busy =
        "try { await db.execute('UPDATE t SET name = NULL') } catch (error) { return [error.code, error.retryable] }";
    while world.run(busy).await != r#"["ERR_DB_BUSY",true]"# {
        assert!(!holds.is_finished(), "it never had its turn");
    }
    shared::check(&world, &[("return (await db.query('SELECT * FROM t')).length", "1")]).await;
    holds.abort();
}
