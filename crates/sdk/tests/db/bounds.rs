//! Statements that take what they can get.

use std::time::{Duration, Instant};

use isolet_sdk::db::{DbLimits, Sqlite};

use crate::directory::Directory;
use crate::setup::World;
use crate::shared::{check, table};

/// Endless ones, and such as would take minutes or all memory. All end, and the connection serves on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_end() {
    let directory = Directory::new();
    let limits =
        DbLimits { statement_timeout: Duration::from_millis(200), write_bytes_max: 64 << 20, ..DbLimits::default() };
    let world = World::new(Sqlite::directory(directory.path()).limits(limits).into());
    let million = "replace(hex(zeroblob(500000)), '0', 'a')";
    let recursive = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";
    let nested = |count: usize| {
        let views: String =
            (1..count).map(|at| format!(", v{at} AS (SELECT a.x FROM v{0} a, v{0} b)", at - 1)).collect();
        format!("WITH v0 AS (SELECT 1 AS x){views} SELECT count(*) FROM v{}", count - 1)
    };
    for sql in [
        format!("{recursive} SELECT count(*) FROM c"),
        format!("{recursive} SELECT x FROM c ORDER BY random()"),
        format!("{recursive} SELECT DISTINCT x % 2 FROM c"),
        format!("{recursive} SELECT zeroblob(1000000) FROM c ORDER BY random()"),
        format!("{recursive} SELECT count(DISTINCT randomblob(100000)) FROM c"),
        format!("{recursive} SELECT group_concat(x) FROM c"),
        format!("{recursive} SELECT json_group_array(x) FROM c"),
        format!("{recursive} SELECT json_group_array(hex(randomblob(100000))) FROM c"),
        format!("{recursive} SELECT length({million} || x) FROM c WHERE x < 0"),
        "SELECT count(*) FROM json_each(replace(hex(zeroblob(100000)), '0', '[')) ".into(),
        "SELECT randomblob(1000000000)".into(),
        "SELECT zeroblob(2147483647)".into(),
        "SELECT hex(zeroblob(2147483647))".into(),
        "SELECT printf('%1000000000d', 1)".into(),
        "SELECT printf('%.*c', 1000000000, 'x')".into(),
        "SELECT replace(hex(zeroblob(2000000)), '0', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxx')".into(),
        format!("SELECT instr({million}, substr({million}, 1, 500000) || 'b')"),
        format!("SELECT trim({million}, substr({million}, 1, 999999) || 'b')"),
        format!("SELECT unhex({million}, {million})"),
        format!("SELECT {million} LIKE '{}b'", "%a".repeat(45)),
        format!("SELECT {million} LIKE '{}'", "%".repeat(101)),
        format!("SELECT {million} GLOB '{}b'", "*a".repeat(45)),
        format!("SELECT 1 IN ({recursive} SELECT x FROM c WHERE x < 0)"),
        "SELECT count(*) FROM t a, t b, t c, t d, t e, t f, t g, t h, t i, t j".into(),
        nested(40),
        format!("SELECT {}1", "(".repeat(10_000)),
        format!("SELECT 1 {}", "UNION ALL SELECT 1 ".repeat(600)),
        format!("SELECT {}", vec!["1"; 600].join(",")),
    ] {
        table(&world).await;
        check(
            &world,
            &[(
                "for (let at = 0; at < 20; at += 1) await db.execute('INSERT INTO t (id) VALUES (?)', [at])",
                "undefined",
            )],
        )
        .await;
        let begun = Instant::now();
        let told = world.run(&format!("const rows = await db.query({sql:?}); return rows.length")).await;
        let (end, name) = (told.contains("DatabaseError") || told == "1" || told == "2", &sql[..sql.len().min(90)]);
        assert!(end && begun.elapsed() < Duration::from_secs(60), "{name}: {told} after {:?}", begun.elapsed());
        check(&world, &[("await db.execute('DROP TABLE t')", "undefined")]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_and_files_are_bounded() {
    let directory = Directory::new();
    let limits = DbLimits { file_bytes_max: 1 << 20, ..DbLimits::default() };
    let world = World::new(Sqlite::directory(directory.path()).limits(limits).into());
    let count = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < $1) SELECT";
    table(&world).await;
    for (body, expected) in [
        (format!("return (await db.query('{count} x FROM c', [10000])).length"), "10000"),
        (format!("await db.query('{count} x FROM c', [10001])"), "runtime_error: DatabaseError: the result has more than 10000 rows: add a LIMIT"),
        (
            format!("await db.query('{count} zeroblob(1000000) FROM c', [5])"),
            "runtime_error: DatabaseError: the result has more than 4194304 bytes: select less of it",
        ),
        ("const [{ x }] = await db.query('SELECT zeroblob(4000000) AS x'); return x.length".into(), "4000000"),
        ("await db.query('SELECT zeroblob(5000000)')".into(), "runtime_error: DatabaseError: a value or the SQL is too large: string or blob too big"),
        (
            "for (let at = 0; at < 100; at += 1) await db.execute('INSERT INTO t (name) VALUES (hex(zeroblob(20000)))')".into(),
            "runtime_error: DatabaseError: the database is full",
        ),
        ("await db.execute('DELETE FROM t'); return await db.execute('INSERT INTO t (id, name) VALUES (1, 1)')".into(), r#"{"rowsAffected":1,"lastInsertId":1}"#),
    ] {
        assert_eq!(world.run(&body).await, expected, "{body}");
    }
    let file = directory.path().join("t-acme.db");
    assert!(std::fs::metadata(file).expect("it is there").len() <= 1 << 20);
}

/// Temporary files are counted, where Linux counts them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_statement_writes_is_bounded() {
    if !std::path::Path::new("/proc/thread-self/io").exists() {
        return;
    }
    let directory = Directory::new();
    let limits =
        DbLimits { write_bytes_max: 16 << 20, statement_timeout: Duration::from_secs(120), ..DbLimits::default() };
    let world = World::new(Sqlite::directory(directory.path()).limits(limits).into());
    let sql =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT randomblob(1000) FROM c ORDER BY 1";
    let expected =
        "runtime_error: DatabaseError: the statement writes more than 16777216 bytes, temporary ones included";
    assert_eq!(world.run(&format!("await db.query({sql:?})")).await, expected);
}
