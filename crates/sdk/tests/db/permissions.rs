use isolet_core_traits::DbAccess;
use isolet_sdk::db::Sqlite;

use crate::directory::Directory;
use crate::setup::World;
use crate::shared::{check, table};

const NO_WRITE: &str = "sandbox_violation: PermissionError: this script may not change the database: to permit it, add \
                        \"db\": \"write\" to its permissions";
const NOTHING: &str = "sandbox_violation: PermissionError: this script may not use the database: to permit it, add \
                       \"db\": \"read\" (or \"write\") to its permissions";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scripts_do_what_they_may() {
    let directory = Directory::new();
    let sqlite = || Sqlite::directory(directory.path()).into();
    let world = World::new(sqlite());
    table(&world).await;
    let filled = [
        ("await db.execute('INSERT INTO t VALUES (1, $1)', ['a'])", "undefined"),
        ("await db.execute('CREATE INDEX first ON t (name)')", "undefined"),
    ];
    check(&world, &filled).await;

    let none = World::with_access(sqlite(), DbAccess::None);
    check(&none, &[("await db.query('SELECT 1')", NOTHING), ("await db.transaction(() => 1)", NOTHING)]).await;

    let read = World::with_access(sqlite(), DbAccess::Read);
    for change in [
        "INSERT INTO t VALUES (2, 0)",
        "WITH x AS (SELECT 2 AS y) INSERT INTO t SELECT y, 0 FROM x",
        "UPDATE t SET name = 0",
        "DELETE FROM t",
        "REPLACE INTO t VALUES (1, 0)",
        "CREATE TABLE u (x)",
        "CREATE INDEX i ON t (name)",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
        "DROP TABLE t",
        "ALTER TABLE t ADD COLUMN x",
        "REINDEX",
        "ANALYZE",
    ] {
        for body in [
            format!("await db.query('{change}')"),
            format!("await db.execute('{change}')"),
            format!("await db.transaction((tx) => tx.execute('{change}'))"),
        ] {
            assert_eq!(read.run(&body).await, NO_WRITE, "{body}");
        }
    }
    let reads = [
        ("return await db.query('SELECT * FROM t')", r#"[{"id":1,"name":"a"}]"#),
        ("return await db.transaction((tx) => tx.query('SELECT * FROM t'))", r#"[{"id":1,"name":"a"}]"#),
    ];
    check(&read, &reads).await;
}

/// A connection that wrote for one run, and has its statement prepared, does not write for one that may not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_forget_what_they_might() {
    use isolet_core_traits::{Permissions, TenantId};
    let directory = Directory::new();
    let world = World::new(Sqlite::directory(directory.path()).into());
    table(&world).await;
    let insert = "await db.execute('INSERT INTO t (name) VALUES (1)')";
    check(&world, &[(insert, "undefined")]).await;
    let read = Permissions { db: DbAccess::Read, ..Permissions::default() };
    let tenant = TenantId::new("acme").expect("an id");
    assert_eq!(world.with_permissions(tenant, insert, read).await, NO_WRITE);
    check(&world, &[(insert, "undefined"), ("return await db.query('SELECT id FROM t')", r#"[{"id":1},{"id":2}]"#)])
        .await;
}
