//! What scripts try to get out of their file, or to change what watches them.

use isolet_sdk::db::Sqlite;

use crate::directory::Directory;
use crate::setup::World;
use crate::shared::{check, table};

/// Statements, and a part of what is said of each.
const ESCAPES: &[(&str, &str)] = &[
    ("ATTACH 'other.db' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("ATTACH DATABASE ':memory:' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("ATTACH $1 AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("ATTACH 'file:other.db?mode=rwc' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("attach/**/'other.db'as other", "ATTACH (VACUUM needs it, too) is not available"),
    ("/* */ -- \n ATTACH 'other.db' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("EXPLAIN ATTACH 'other.db' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("DETACH main", "DETACH is not available"),
    ("VACUUM", "ATTACH (VACUUM needs it, too) is not available"),
    ("VACUUM INTO 'copy.db'", "ATTACH (VACUUM needs it, too) is not available"),
    ("VACUUM main INTO '/tmp/copy.db'", "ATTACH (VACUUM needs it, too) is not available"),
    ("PRAGMA database_list", "PRAGMA is not available"),
    ("PRAGMA journal_mode = DELETE", "PRAGMA is not available"),
    ("PRAGMA writable_schema = ON", "PRAGMA is not available"),
    ("PRAGMA query_only = OFF", "PRAGMA is not available"),
    ("PRAGMA max_page_count = 4294967294", "PRAGMA is not available"),
    ("PRAGMA hard_heap_limit = 0", "PRAGMA is not available"),
    ("PRAGMA temp_store_directory = '/tmp'", "PRAGMA is not available"),
    ("PRAGMA main.wal_checkpoint(TRUNCATE)", "PRAGMA is not available"),
    ("pragma/**/user_version=1", "PRAGMA is not available"),
    ("SELECT * FROM pragma_database_list", "the table pragma_database_list is not available"),
    ("SELECT count(*) FROM pragma_function_list()", "the table pragma_function_list is not available"),
    ("SELECT (SELECT 1 FROM pragma_compile_options)", "the table pragma_compile_options is not available"),
    ("CREATE VIEW v AS SELECT * FROM pragma_database_list", ""),
    ("SELECT load_extension('x')", "the function load_extension is not available"),
    ("SELECT load_extension('x', 'y')", "the function load_extension is not available"),
    ("SELECT readfile('/etc/passwd')", "no such function: readfile"),
    ("SELECT writefile('x', 'y')", "no such function: writefile"),
    ("SELECT edit('x')", "no such function: edit"),
    ("SELECT fts3_tokenizer('simple')", "the function fts3_tokenizer is not available"),
    ("SELECT sqlite_compileoption_get(0)", "the function sqlite_compileoption_get is not available"),
    ("SELECT sqlite_log(1, 'x')", "the function sqlite_log is not available"),
    ("SELECT json_pretty('[]')", "the function json_pretty is not available"),
    ("SELECT sqlite_rename_table('main', 't', 'x', 'y', 'z', 0, 0)", "no such function: sqlite_rename_table"),
    ("CREATE TABLE c (x CHECK (load_extension(x)))", "the function load_extension is not available"),
    ("CREATE TABLE c (x DEFAULT (load_extension('x')))", ""),
    ("CREATE INDEX i ON t (load_extension(name))", "the function load_extension is not available"),
    ("CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT load_extension('x'); END", ""),
    ("CREATE VIRTUAL TABLE f USING fts5(x)", "a virtual table is not available"),
    ("CREATE VIRTUAL TABLE f USING fts3(x)", "a virtual table is not available"),
    ("CREATE VIRTUAL TABLE f USING rtree(a, b, c)", "a virtual table is not available"),
    ("CREATE VIRTUAL TABLE f USING dbstat(main)", "a virtual table is not available"),
    ("SELECT * FROM dbstat", "the table dbstat is not available"),
    ("SELECT count(*) FROM sqlite_stmt", "no such table: sqlite_stmt"),
    ("SELECT * FROM fts3tokenize('simple', 'x')", "the table fts3tokenize is not available"),
    ("CREATE TEMP TABLE x (y)", "a temporary table, view or trigger is not available"),
    ("CREATE TEMPORARY VIEW x AS SELECT 1", "a temporary table, view or trigger is not available"),
    ("CREATE TABLE temp.x (y)", "a temporary table, view or trigger is not available"),
    (
        "CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END",
        "a temporary table, view or trigger is not available",
    ),
    ("CREATE TABLE other.x (y)", "unknown database other"),
    ("SELECT * FROM other.t", "no such table: other.t"),
    ("BEGIN", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("BEGIN EXCLUSIVE", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("COMMIT", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("END", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("ROLLBACK", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("SAVEPOINT s", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("RELEASE s", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("ROLLBACK TO s", "a statement that begins or ends a transaction (use db.transaction) is not available"),
    ("INSERT INTO sqlite_master VALUES ('table', 'x', 'x', 2, 'y')", "table sqlite_master may not be modified"),
    ("UPDATE sqlite_schema SET sql = 'x'", "table sqlite_master may not be modified"),
    ("DELETE FROM sqlite_master", "table sqlite_master may not be modified"),
    ("DROP TABLE sqlite_master", "table sqlite_master may not be dropped"),
    ("CREATE TABLE sqlite_x (y)", "object name reserved for internal use: sqlite_x"),
    ("SELECT 1; ATTACH 'other.db' AS other", "ATTACH (VACUUM needs it, too) is not available"),
    ("SELECT 1; SELECT 2", "there is more than one statement"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_stay_in_their_file() {
    let directory = Directory::new();
    let sqlite = Sqlite::directory(directory.path());
    let world = World::new(sqlite.clone().into());
    table(&world).await;
    for (sql, expected) in ESCAPES {
        let parameters = if sql.contains("$1") { "['other.db']" } else { "[]" };
        let told = world.run(&format!("return await db.query({sql:?}, {parameters})")).await;
        match expected.is_empty() {
            true => assert_eq!(told, "[]", "{sql}"),
            false => assert!(told.contains(expected), "{sql}: {told}"),
        }
        check(&world, &[("return (await db.query('SELECT 1 AS one')).length", "1")]).await;
    }
    // What a view, a default or a trigger holds is refused when it is used.
    for (sql, expected) in [
        ("SELECT * FROM v", "unsafe use of virtual table \"pragma_database_list\""),
        ("INSERT INTO c DEFAULT VALUES", "unsafe use of load_extension()"),
        ("INSERT INTO t (name) VALUES (1)", "the function load_extension is not available"),
    ] {
        let told = world.run(&format!("return await db.query({sql:?})")).await;
        assert!(told.contains(expected), "{sql}: {told}");
    }
    // Nothing was made beside the file itself.
    let mut names: Vec<_> = std::fs::read_dir(directory.path())
        .expect("it is there")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("ASCII"))
        .filter(|name| !name.ends_with("-wal") && !name.ends_with("-shm"))
        .collect();
    names.sort();
    assert_eq!(names, ["t-acme.db"]);
    assert!(!std::path::Path::new("other.db").exists() && !std::path::Path::new("copy.db").exists());
    assert_eq!(
        sqlite.path(&isolet_core_traits::TenantId::new("acme").expect("an id")),
        directory.path().join("t-acme.db")
    );
}

/// What an author needs is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_sql_works() {
    let directory = Directory::new();
    let world = World::new(Sqlite::directory(directory.path()).into());
    for sql in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL DEFAULT '', x GENERATED ALWAYS AS (length(name)))",
        "CREATE UNIQUE INDEX i ON t (lower(name)) WHERE name <> ''",
        "CREATE TABLE log (at TEXT DEFAULT CURRENT_TIMESTAMP, line TEXT)",
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO log (line) VALUES (new.name); END",
        "CREATE VIEW v AS SELECT name, count(*) OVER () AS n FROM t",
        "INSERT INTO t (name) VALUES ('a'), ('b')",
        "INSERT INTO t (id, name) VALUES (1, 'c') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "ALTER TABLE t ADD COLUMN y INTEGER",
        "ALTER TABLE t RENAME COLUMN y TO z",
        "ALTER TABLE t DROP COLUMN z",
        "ALTER TABLE log RENAME TO journal",
        "SELECT * FROM v ORDER BY name LIMIT 1 OFFSET 1",
        "SELECT json_extract('{\"a\":[1]}', '$.a[0]'), '{\"a\":1}' -> 'a', value FROM json_each('[1,2]')",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5) SELECT sum(x) FROM c",
        "SELECT instr('abc', 'c'), replace('aa', 'a', 'b'), trim(' x '), trim('axa', 'a'), like('a%', 'abc'), glob('a*', 'ab')",
        "SELECT date('now', '+1 day'), strftime('%Y', 'now'), unixepoch('now'), typeof(random()), hex(randomblob(4))",
        "SELECT group_concat(name, ','), string_agg(name, '-'), total(id), rank() OVER (ORDER BY 1) FROM t",
        "SELECT * FROM sqlite_schema",
        "EXPLAIN QUERY PLAN SELECT * FROM t WHERE id = 1",
        "ANALYZE",
        "REINDEX",
        "SELECT * FROM t LEFT JOIN journal ON name = line UNION SELECT 1, 2, 3, 4, 5",
        "DELETE FROM t WHERE id IN (SELECT id FROM t)",
        "DROP VIEW v",
        "DROP TABLE t",
    ] {
        let told = world.run(&format!("await db.query({sql:?})")).await;
        assert_eq!(told, "undefined", "{sql}");
    }
}
