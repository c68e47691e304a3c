//! What scripts try to get out of their schema, or to change what holds them in it.

use isolet_testkit::Postgres as Server;

use crate::setup::World;
use crate::{SECRET, shared};
use isolet_sdk::db::Postgres;

/// Statements, and a part of what is said of each. `OTHER` is the schema of another tenant.
const ESCAPES: &[(&str, &str)] = &[
    ("SELECT * FROM OTHER.t", "permission denied|schema OTHER is not available"),
    ("INSERT INTO OTHER.t VALUES (1)", "schema OTHER is not available"),
    ("DROP TABLE OTHER.t", "schema OTHER is not available|must be owner"),
    ("CREATE TABLE OTHER.x (y int)", "schema OTHER is not available"),
    ("CREATE VIEW v AS SELECT * FROM OTHER.t", "schema OTHER is not available"),
    ("ALTER TABLE t SET SCHEMA OTHER", "schema OTHER is not available"),
    ("ALTER TABLE t OWNER TO OTHER", "must be|not available"),
    ("CREATE TABLE public.x (y int)", "schema public is not available"),
    ("CREATE TABLE pg_catalog.x (y int)", "not available"),
    ("CREATE TEMP TABLE x (y int)", "CREATE TEMP is not available"),
    ("SELECT 1 AS x INTO TEMP y", "not available"),
    ("CREATE TABLE pg_temp.x (y int)", "not available"),
    ("SET search_path = OTHER", "SET is not available"),
    ("SET ROLE OTHER", "SET is not available"),
    ("SET SESSION AUTHORIZATION postgres", "SET is not available"),
    ("SET TRANSACTION READ WRITE", "SET is not available"),
    ("/* x */ -- y\nSET statement_timeout = 0", "SET is not available"),
    ("RESET ALL", "RESET is not available"),
    ("SHOW data_directory", "SHOW is not available"),
    ("SELECT set_config('search_path', 'OTHER', false)", "function set_config is not available"),
    ("SELECT current_setting('data_directory')", "function current_setting is not available"),
    ("LISTEN x", "LISTEN is not available"),
    ("NOTIFY x", "NOTIFY is not available"),
    ("SELECT pg_notify('x', 'y')", "function pg_notify is not available"),
    ("COPY t TO '/tmp/x'", "COPY is not available"),
    ("COPY t FROM PROGRAM 'id'", "COPY is not available"),
    ("copy(select 1)to stdout", "COPY is not available"),
    ("DO $$ BEGIN END $$", "DO is not available"),
    ("CALL x()", "CALL is not available"),
    ("PREPARE x AS SELECT 1", "PREPARE is not available"),
    ("EXECUTE x", "EXECUTE is not available"),
    ("DEALLOCATE ALL", "DEALLOCATE is not available"),
    ("DISCARD ALL", "DISCARD is not available"),
    ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE is not available"),
    ("BEGIN", "BEGIN is not available"),
    ("COMMIT", "COMMIT is not available"),
    ("SAVEPOINT x", "SAVEPOINT is not available"),
    ("LOCK TABLE t", "LOCK is not available"),
    ("VACUUM", "VACUUM is not available"),
    ("CHECKPOINT", "CHECKPOINT is not available"),
    ("LOAD 'x'", "LOAD is not available"),
    ("GRANT ALL ON t TO PUBLIC", "GRANT is not available"),
    ("REVOKE ALL ON t FROM PUBLIC", "REVOKE is not available"),
    ("ALTER ROLE CURRENT_USER SET search_path = OTHER", "ALTER ROLE is not available"),
    ("ALTER ROLE CURRENT_USER PASSWORD 'x'", "ALTER ROLE is not available"),
    ("ALTER USER CURRENT_USER CONNECTION LIMIT -1", "ALTER USER is not available"),
    ("CREATE ROLE x", "CREATE ROLE is not available"),
    ("CREATE SCHEMA x", "CREATE SCHEMA is not available"),
    ("DROP SCHEMA OTHER CASCADE", "DROP SCHEMA is not available"),
    ("CREATE DATABASE x", "CREATE DATABASE is not available"),
    ("CREATE EXTENSION dblink", "CREATE EXTENSION is not available"),
    ("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION is not available"),
    ("CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE OR is not available"),
    ("CREATE TRIGGER x BEFORE INSERT ON t EXECUTE FUNCTION y()", "CREATE TRIGGER is not available"),
    ("CREATE RULE x AS ON INSERT TO t DO NOTHING", "CREATE RULE is not available"),
    ("SECURITY LABEL ON TABLE t IS 'x'", "SECURITY is not available"),
    ("SELECT pg_sleep(1)", "function pg_sleep is not available"),
    ("SELECT pg_advisory_lock(1)", "function pg_advisory_lock is not available"),
    ("SELECT pg_try_advisory_xact_lock(7525196)", "function pg_try_advisory_xact_lock is not available"),
    ("SELECT pg_terminate_backend(1)", "function pg_terminate_backend is not available"),
    ("SELECT pg_read_file('/etc/passwd')", "function pg_read_file is not available"),
    ("SELECT pg_ls_dir('.')", "function pg_ls_dir is not available"),
    ("SELECT lo_import('/etc/passwd')", "function lo_import is not available"),
    ("SELECT lo_create(0)", "function lo_create is not available"),
    ("SELECT lo_from_bytea(0, 'x')", "function lo_from_bytea is not available"),
    ("SELECT query_to_xml('SELECT 1', true, true, '')", "function query_to_xml is not available"),
    ("SELECT ts_stat('SELECT 1')", "function ts_stat is not available"),
    ("SELECT pg_get_viewdef(1)", "function pg_get_viewdef is not available"),
    ("SELECT * FROM pg_stat_get_activity(NULL)", "function pg_stat_get_activity is not available"),
    ("SELECT * FROM pg_class", "table pg_class is not available"),
    ("SELECT * FROM pg_catalog.pg_namespace", "table pg_namespace is not available"),
    ("SELECT * FROM pg_roles", "view pg_roles is not available"),
    ("SELECT * FROM pg_authid", "table pg_authid is not available"),
    ("SELECT * FROM pg_stat_activity", "view pg_stat_activity is not available"),
    ("SELECT * FROM pg_settings", "view pg_settings is not available"),
    ("SELECT * FROM pg_largeobject", "table pg_largeobject is not available"),
    ("UPDATE pg_catalog.pg_class SET relname = relname", "table pg_class is not available"),
    ("SELECT 1; DROP TABLE OTHER.t", "cannot insert multiple commands"),
    ("EXPLAIN ANALYZE SELECT pg_sleep(1)", "function pg_sleep is not available"),
    ("CREATE TABLE d (x text DEFAULT set_config('search_path', 'OTHER', false)); ", ""),
    ("INSERT INTO d DEFAULT VALUES", "function set_config is not available"),
    ("CREATE INDEX i ON t ((pg_sleep(1)::text))", "IMMUTABLE|not available"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_stay_in_their_schema() {
    let server = Server::shared();
    let url = server.database();
    let world = World::new(Postgres::new(&url, SECRET).expect("the URL is good").into());
    shared::table(&world).await;
    assert_eq!(world.told("other", "await db.execute('CREATE TABLE t (id int)')").await, "undefined");
    let other =
        server.sql(&url, "SELECT nspname FROM pg_namespace WHERE obj_description(oid) = 'isolet: the tenant other'");
    assert!(other.starts_with("isolet_"), "{other}");
    for (sql, expected) in ESCAPES {
        let (sql, expected) = (sql.replace("OTHER", &other), expected.replace("OTHER", &other));
        let told = world.run(&format!("return await db.query({sql:?})")).await;
        match expected.is_empty() {
            true => assert_eq!(told, "[]", "{sql}"),
            false => assert!(expected.split('|').any(|part| told.contains(part)), "{sql}: {told}"),
        }
    }
    // Nothing has changed for anybody.
    assert_eq!(world.told("other", "return await db.query('SELECT * FROM t')").await, "[]");
    let kept = "return await db.query('SELECT current_schema() AS s, session_user = current_user AS u')";
    assert!(world.run(kept).await.ends_with(r#"","u":true}]"#));
    let made = server.sql(
        &url,
        "SELECT count(*) FROM pg_class WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace
        WHERE nspname ~ '^(isolet_|pg_|information_schema)')",
    );
    assert_eq!(made, "0");
}

/// No volatile function is left but those that were looked at, whatever the version of the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_functions_are_left_that_change_anything() {
    let server = Server::shared();
    let url = server.database();
    let world = World::new(Postgres::new(&url, SECRET).expect("the URL is good").into());
    shared::check(&world, &[("return (await db.query('SELECT 1')).length", "1")]).await;
    let left = "SELECT string_agg(DISTINCT proname, ' ' ORDER BY proname) FROM pg_proc
        WHERE has_function_privilege('public', oid, 'EXECUTE') AND provolatile = 'v'";
    let known = [
        "clock_timestamp",
        "currval",
        "gen_random_uuid",
        "lastval",
        "nextval",
        "random",
        "random_normal",
        "setval",
        "timeofday",
        "uuidv4",
        "uuidv7",
    ];
    for name in server.sql(&url, left).split(' ') {
        assert!(known.contains(&name), "{name}");
    }
    let left = "SELECT count(*) FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v')
        AND has_table_privilege('public', oid, 'SELECT')";
    assert_eq!(server.sql(&url, left), "0");
}

/// A connection that served one run knows nothing of it in the next.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_come_back_clean() {
    let world = World::new(crate::postgres().into());
    for _ in 0..3 {
        let fresh = "CREATE SEQUENCE IF NOT EXISTS s";
        shared::check(
            &world,
            &[
                (&format!("await db.execute('{fresh}')"), "undefined"),
                // The value of a sequence is its session's.
                (
                    "await db.query(\"SELECT currval('s')\")",
                    "runtime_error: DatabaseError: currval of sequence \"s\" is not yet defined in this session",
                ),
                ("await db.query(\"SELECT nextval('s')\")", "undefined"),
            ],
        )
        .await;
    }
}

/// What an author needs is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_sql_works() {
    let world = World::new(crate::postgres().into());
    for sql in [
        "CREATE TABLE t (id bigserial PRIMARY KEY, name text NOT NULL DEFAULT '', at timestamptz DEFAULT now(), j jsonb)",
        "CREATE TABLE child (t bigint REFERENCES t (id) ON DELETE CASCADE, x uuid DEFAULT gen_random_uuid())",
        "CREATE UNIQUE INDEX i ON t (lower(name))",
        "CREATE VIEW v AS SELECT name, count(*) OVER () AS n FROM t",
        "INSERT INTO t (name, j) VALUES ('a', '{\"k\": [1]}'), ('b', NULL)",
        "INSERT INTO child SELECT id FROM t",
        "INSERT INTO t (id, name) VALUES (1, 'c') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
        "ALTER TABLE t ADD COLUMN y int",
        "ALTER TABLE t RENAME COLUMN y TO z",
        "COMMENT ON COLUMN t.z IS 'x'",
        "SELECT j->'k'->0, jsonb_array_elements(j->'k'), to_char(at, 'YYYY'), regexp_replace(name, 'a', 'b') FROM t",
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 5) SELECT sum(x) FROM c",
        "SELECT * FROM v ORDER BY name LIMIT 1 OFFSET 1",
        "SELECT random(), clock_timestamp(), md5('x'), string_agg(name, ','), array_agg(id) FROM t",
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 't'",
        "EXPLAIN SELECT * FROM t",
        "ANALYZE t",
        "DELETE FROM t WHERE id = ANY ('{1,2}')",
        "TRUNCATE t CASCADE",
        "DROP VIEW v",
        "DROP TABLE t, child",
    ] {
        assert_eq!(world.run(&format!("await db.query({sql:?})")).await, "undefined", "{sql}");
    }
}
