use crate::setup::World;
use crate::{postgres, shared};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_checked() {
    let world = World::new(postgres().into());
    shared::calls_are_checked(&world).await;
    shared::check(
        &world,
        &[
            ("await db.query('')", "runtime_error: DatabaseError: the SQL holds no statement"),
            (
                "await db.query('SELECT 1; SELECT 2')",
                "runtime_error: DatabaseError: cannot insert multiple commands into a prepared statement",
            ),
            ("await db.query('SELECT x')", "runtime_error: DatabaseError: column \"x\" does not exist"),
            (
                "await db.query('SELECT $1::int', [])",
                "runtime_error: DatabaseError: the SQL has placeholders up to 1, and 0 parameters are given",
            ),
            (
                "await db.query('SELECT $1::int', ['a'])",
                "runtime_error: DatabaseError: invalid input syntax for type integer: \"a\"",
            ),
            (
                "await db.query('SELECT $1::int', [{}])",
                "runtime_error: DatabaseError: parameter 1 is an object or an array where int4 is wanted",
            ),
            (
                "await db.query('SELECT $1::text', ['a\\u0000'])",
                "runtime_error: DatabaseError: parameter 1 has a character U+0000, which Postgres cannot keep",
            ),
            (
                "await db.query('SELECT point(1, 2) AS p')",
                "runtime_error: DatabaseError: the column p has the type point, which scripts cannot read: cast it, as in p::text",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_come_back_as_they_went() {
    let world = World::new(postgres().into());
    let tell = "const tell = (value) => typeof value === 'bigint' ? value + 'n' : value instanceof Uint8Array ? 'bytes ' + value : value;";
    for (ty, value, expected) in [
        ("text", "null", "null"),
        ("boolean", "true", "true"),
        ("smallint", "-7", "-7"),
        ("int", "7n", "7"),
        ("bigint", "2 ** 53 - 1", "9007199254740991"),
        ("bigint", "2n ** 53n", "\"9007199254740992n\""),
        ("bigint", "-(2n ** 63n)", "\"-9223372036854775808n\""),
        ("real", "0.1", "0.1"),
        ("float8", "1e300", "1e+300"),
        ("float8", "'NaN'", "\"NaN\""),
        ("numeric", "2n ** 80n", "\"1208925819614629174706176\""),
        ("numeric(10,2)", "-1234.5", "\"-1234.50\""),
        ("numeric", "'0.00012'", "\"0.00012\""),
        ("numeric", "'10000.0001'", "\"10000.0001\""),
        ("numeric", "'100000000'", "\"100000000\""),
        ("numeric", "'NaN'", "\"NaN\""),
        ("numeric", "0", "\"0\""),
        ("text", "'é\\u{1F600}'", "\"é😀\""),
        ("varchar(3)", "'abc'", "\"abc\""),
        ("bytea", "new Uint8Array([0, 255])", "\"bytes 0,255\""),
        ("bytea", "new Uint8Array(0)", "\"bytes \""),
        ("timestamptz", "new Date(1234)", "\"1970-01-01T00:00:01.234Z\""),
        ("timestamptz", "'2026-03-02 12:00:00.000001+02'", "\"2026-03-02T10:00:00.000001Z\""),
        ("timestamptz", "'infinity'", "\"infinity\""),
        ("timestamp", "'2026-03-02 12:00'", "\"2026-03-02T12:00:00\""),
        ("date", "'0044-03-15 BC'", "\"-000043-03-15\""),
        ("date", "'2026-12-31'", "\"2026-12-31\""),
        ("time", "'12:34:56.5'", "\"12:34:56.500\""),
        ("interval", "'1 year 2 days 3 hours'", "\"P1Y2DT3H\""),
        ("uuid", "'00112233-4455-6677-8899-aabbccddeeff'", "\"00112233-4455-6677-8899-aabbccddeeff\""),
        ("jsonb", "{a: [1, {$bigint: '1'}], b: null}", "{\"a\":[1,{\"$bigint\":\"1\"}],\"b\":null}"),
        ("json", "[1, 'x']", "[1,\"x\"]"),
        ("jsonb", "'\"text\"'", "\"text\""),
        ("int[]", "[1, null, 3]", "[1,null,3]"),
        ("text[]", "['a', '\",}', 'NULL', null]", "[\"a\",\"\\\",}\",\"NULL\",null]"),
        ("int[][]", "[[1, 2], [3, 4]]", "[[1,2],[3,4]]"),
        ("bigint[]", "['9007199254740993']", "[\"9007199254740993\"]"),
    ] {
        let body = format!(
            "{tell} const [row] = await db.query('SELECT $1::{ty} AS value', [{value}]); return tell(row.value)"
        );
        assert_eq!(world.run(&body).await, expected, "{ty} {value}");
    }
    shared::check(
        &world,
        &[
            ("return await db.query('SELECT 9007199254740993 AS a', [], {integers: 'string'})", r#"[{"a":"9007199254740993"}]"#),
            ("return await db.query('SELECT 1 AS a, 2 AS a')", r#"[{"a":2}]"#),
            ("return await db.execute('CREATE TABLE t (id serial PRIMARY KEY, x int)')", r#"{"rowsAffected":0,"lastInsertId":null}"#),
            ("return await db.execute('INSERT INTO t (x) VALUES (1), (2), (3)')", r#"{"rowsAffected":3,"lastInsertId":null}"#),
            ("return await db.query('INSERT INTO t (x) VALUES (4) RETURNING id')", r#"[{"id":4}]"#),
            ("return await db.execute('UPDATE t SET x = x + 1 WHERE id > 1 RETURNING id')", r#"{"rowsAffected":3,"lastInsertId":null}"#),
            ("return await db.execute('SELECT * FROM t')", r#"{"rowsAffected":0,"lastInsertId":null}"#),
            (
                "await db.execute('INSERT INTO t (id) VALUES (1)')",
                "runtime_error: DatabaseError: duplicate key value violates unique constraint \"t_pkey\": Key (id)=(1) already exists.",
            ),
            (
                "await db.transaction(async (tx) => { await tx.query('SELECT 1/0').catch(() => {}) })",
                "runtime_error: DatabaseError: a statement of the transaction failed, so nothing of it is kept",
            ),
            (
                "await db.transaction(async (tx) => { await tx.query('SELECT 1/0').catch(() => {}); await tx.query('SELECT 1') })",
                "runtime_error: DatabaseError: a statement of the transaction failed: it can only end",
            ),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_never_sql() {
    shared::parameters_are_never_sql(&World::new(postgres().into())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn patched_intrinsics_are_not_used() {
    shared::patched_intrinsics_are_not_used(&World::new(postgres().into())).await;
}
