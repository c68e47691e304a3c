use isolet_sdk::db::Sqlite;

use crate::directory::Directory;
use crate::setup::World;
use crate::shared;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_checked() {
    let directory = Directory::new();
    let world = World::new(Sqlite::directory(directory.path()).into());
    shared::calls_are_checked(&world).await;
    shared::check(
        &world,
        &[
            ("await db.query('')", "runtime_error: DatabaseError: the SQL holds no statement"),
            ("await db.query(' -- nothing')", "runtime_error: DatabaseError: the SQL holds no statement"),
            ("await db.query('SELECT 1; SELECT 2')", "runtime_error: DatabaseError: there is more than one statement: send one a call"),
            ("return await db.query('SELECT 1 AS a; -- and no more')", r#"[{"a":1}]"#),
            ("await db.query('SELECT\\n1\\n+ +')", "runtime_error: DatabaseError: incomplete input"),
            ("await db.query('SELECT\\nx')", "runtime_error: DatabaseError: no such column: x (line 2)"),
            ("await db.query('SELECT \"x\"')", "runtime_error: DatabaseError: no such column: \"x\" - should this be a string literal in single-quotes?"),
            ("await db.query('SELECT ?')", "runtime_error: DatabaseError: the SQL has placeholders up to 1, and 0 parameters are given"),
            ("await db.query('SELECT ?', [1, 2])", "runtime_error: DatabaseError: the SQL has placeholders up to 1, and 2 parameters are given"),
            ("await db.query('SELECT $2, ?', [1, 2])", "runtime_error: DatabaseError: the placeholders have numbers only in part, or leave numbers out"),
            ("await db.query('SELECT :name', [1])", "runtime_error: DatabaseError: the placeholder :name is no number: write ?, ?1 or $1"),
            ("await db.query('SELECT ?', [{}])", "runtime_error: DatabaseError: parameter 1 is an object or an array: pass JSON.stringify of it"),
            ("await db.query('SELECT ?', [2n ** 63n])", "runtime_error: DatabaseError: parameter 1 does not fit into an integer of 64 bits"),
            ("return await db.query('SELECT $2 AS a, $1 AS b, $2 AS c', [1, 2])", r#"[{"a":2,"b":1,"c":2}]"#),
            ("return await db.query('SELECT ?2 AS a, ?1 AS b', [1, 2])", r#"[{"a":2,"b":1}]"#),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_come_back_as_they_went() {
    let directory = Directory::new();
    let world = World::new(Sqlite::directory(directory.path()).into());
    let told = "const tell = (value) => typeof value === 'bigint' ? value + 'n' : value instanceof Uint8Array ? 'bytes ' + value : value;";
    for (value, expected) in [
        ("null", "[null,\"null\"]"),
        ("true", "[1,\"integer\"]"),
        ("-7", "[-7,\"integer\"]"),
        ("1.5", "[1.5,\"real\"]"),
        ("1e300", "[1e+300,\"real\"]"),
        ("2 ** 53 - 1", "[9007199254740991,\"integer\"]"),
        ("2n ** 53n", "[\"9007199254740992n\",\"integer\"]"),
        ("-(2n ** 63n)", "[\"-9223372036854775808n\",\"integer\"]"),
        ("7n", "[7,\"integer\"]"),
        ("'é\\u0000\\u{1F600}'", "[\"é\\u0000😀\",\"text\"]"),
        ("new Uint8Array([0, 255])", "[\"bytes 0,255\",\"blob\"]"),
        ("new Uint8Array([1, 2, 3]).buffer", "[\"bytes 1,2,3\",\"blob\"]"),
        ("new Uint8Array(0)", "[\"bytes \",\"blob\"]"),
        ("new Date(0)", "[\"1970-01-01T00:00:00.000Z\",\"text\"]"),
    ] {
        let body = format!(
            "{told} const [row] = await db.query('SELECT ?1 AS value, typeof(?1) AS type', [{value}]); return [tell(row.value), row.type]"
        );
        assert_eq!(world.run(&body).await, expected, "{value}");
    }
    shared::check(
        &world,
        &[
            ("return await db.query('SELECT 9007199254740993 AS a, 1 AS b', [], {integers: 'string'})", r#"[{"a":"9007199254740993","b":1}]"#),
            ("return await db.query('SELECT 9e999 AS a, -9e999 AS b, CAST(x\\'ff\\' AS TEXT) AS c')", "[{\"a\":\"Infinity\",\"b\":\"-Infinity\",\"c\":\"\u{FFFD}\"}]"),
            ("return await db.query('SELECT 1 AS \"$bigint\"')", r#"[{"$bigint":1}]"#),
            ("return await db.query('SELECT 1 AS \"__proto__\", 2 AS \"$$x\", 3 AS \"\"')", r#"[{"__proto__":1,"$$x":2,"":3}]"#),
            ("return await db.query('SELECT 1 AS a, 2 AS a')", r#"[{"a":2}]"#),
            ("return await db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, x)')", r#"{"rowsAffected":0,"lastInsertId":null}"#),
            ("return await db.execute('INSERT INTO t (x) VALUES (1), (2), (3)')", r#"{"rowsAffected":3,"lastInsertId":3}"#),
            ("return await db.execute('UPDATE t SET x = x + 1 WHERE id > 1')", r#"{"rowsAffected":2,"lastInsertId":null}"#),
            ("return await db.query('DELETE FROM t WHERE id > 1 RETURNING id')", r#"[{"id":2},{"id":3}]"#),
            ("return await db.execute('SELECT * FROM t')", r#"{"rowsAffected":0,"lastInsertId":null}"#),
            ("await db.execute('INSERT INTO t (id) VALUES (1)')", "runtime_error: DatabaseError: UNIQUE constraint failed: t.id"),
            ("return (await db.execute('INSERT INTO t (id) VALUES (9007199254740993)')).lastInsertId === 9007199254740993n", "true"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_never_sql() {
    let directory = Directory::new();
    shared::parameters_are_never_sql(&World::new(Sqlite::directory(directory.path()).into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patched_intrinsics_are_not_used() {
    let directory = Directory::new();
    shared::patched_intrinsics_are_not_used(&World::new(Sqlite::directory(directory.path()).into())).await;
}
