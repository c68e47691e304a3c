//! What holds for scripts whatever the database is.

use std::time::Duration;

use crate::setup::World;

/// Runs bodies of functions in order, and compares what came of each.
pub(crate) async fn check(world: &World, rows: &[(&str, &str)]) {
    for (body, expected) in rows {
        assert_eq!(&world.run(body).await, expected, "{body}");
    }
}

/// A table for the others.
pub(crate) async fn table(world: &World) {
    check(world, &[("await db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)')", "undefined")]).await;
}

pub(crate) async fn calls_are_checked(world: &World) {
    check(
        world,
        &[
            ("return [typeof db, Object.keys(db)]", r#"["object",["query","execute","transaction"]]"#),
            ("db.query = 1; return typeof db.query", r#""function""#),
            ("await db.query()", "runtime_error: TypeError: the SQL is no string"),
            ("await db.query({toString: () => 'SELECT 1'})", "runtime_error: TypeError: the SQL is no string"),
            ("await db.query('SELECT 1', 1)", "runtime_error: TypeError: the parameters are no array"),
            (
                "await db.query('SELECT $1', [undefined])",
                "runtime_error: TypeError: parameter 1 is undefined: pass null",
            ),
            ("await db.query('SELECT $1', [NaN])", "runtime_error: TypeError: parameter 1 is not finite"),
            ("await db.query('SELECT $1', [() => 1])", "runtime_error: TypeError: parameter 1 is a function"),
            (
                "await db.query('SELECT 1', [], {integers: 'number'})",
                "runtime_error: TypeError: the option integers is neither \"bigint\" nor \"string\"",
            ),
            ("await db.query('SELECT \\0')", "runtime_error: DatabaseError: the SQL has a character U+0000"),
            (
                "await db.query('SELECT ' + ' '.repeat(100000))",
                "runtime_error: DatabaseError: the SQL has 100007 bytes, at most 100000 are allowed",
            ),
            ("await db.transaction()", "runtime_error: TypeError: db.transaction needs a function"),
            (
                "try { await db.query('SELECT 1 +') } catch (error) { return [error.name, error.code] }",
                r#"["DatabaseError","ERR_DB_SQL"]"#,
            ),
        ],
    )
    .await;
}

/// What comes from outside is a value, whatever it looks like.
pub(crate) async fn parameters_are_never_sql(world: &World) {
    table(world).await;
    let attempts = r#"
        const attempts = ["'; DROP TABLE t; --", "' OR '1'='1", "x' UNION SELECT 1 --", "\\'; DELETE FROM t; --", "$1", "?",
            "/* */", "--", "\u0027", "'||(SELECT 1)||'", "\"", "`", "{}", "%", "\u{1F600}\u2028"];
        for (const attempt of attempts) await db.execute('INSERT INTO t (id, name) VALUES ($1, $2)', [attempts.indexOf(attempt), attempt]);
        const back = await db.query('SELECT name FROM t ORDER BY id');
        for (const attempt of attempts) {
            const found = await db.query('SELECT name FROM t WHERE name = $1', [attempt]);
            if (found.length !== 1 || found[0].name !== attempt) return attempt;
        }
        return back.every(({ name }, at) => name === attempts[at]) && back.length === attempts.length;
    "#;
    check(world, &[(attempts, "true")]).await;
}

/// What scripts patch changes nothing that `db` relies on.
pub(crate) async fn patched_intrinsics_are_not_used(world: &World) {
    table(world).await;
    let patched = r#"
        let called = 0;
        const spy = () => { called += 1; };
        for (const [prototype, names] of [[Array.prototype, ['push', 'map', Symbol.iterator]], [Promise.prototype, ['then', 'finally']],
            [Function.prototype, ['call', 'apply', 'bind']]]) {
            for (const name of names) {
                const original = prototype[name];
                Object.defineProperty(prototype, name, { configurable: true, value: function (...rest) {
                    spy(); return Reflect.apply(original, this, rest);
                } });
            }
        }
        Object.defineProperty(Promise.prototype, 'constructor', { configurable: true, get: spy });
        const plain = (set) => ({ __proto__: null, configurable: true, get: spy, set });
        for (const name of ['0', '1', 'value', 'get', 'integers', 'then']) Object.defineProperty(Object.prototype, name, plain(spy));
        called = 0;
        const result = db.transaction(async (tx) => tx.execute('INSERT INTO t (id, name) VALUES ($1, $2)', [1, 'a']));
        const before = called;
        for (const name of ['0', '1', 'value', 'get', 'integers', 'then']) delete Object.prototype[name];
        await result;
        return before;
    "#;
    assert_eq!(world.run(patched).await, "0");
    check(world, &[("return await db.query('SELECT * FROM t')", r#"[{"id":1,"name":"a"}]"#)]).await;
}

pub(crate) async fn transactions_are_whole(world: &World) {
    table(world).await;
    let insert = "tx.execute('INSERT INTO t (id, name) VALUES ($1, $2)', ";
    let count = "(await db.query('SELECT count(*) AS n FROM t'))[0].n";
    let insert = |values: &str| format!("{insert}{values})");
    let rows: [(String, &str); 14] = [
        (format!("return await db.transaction(async (tx) => {{ await {}; return 7 }})", insert("[1, 'a']")), "7"),
        (format!("return {count}"), "1"),
        // An error of the script's goes through, and nothing of the transaction stays.
        (
            format!("try {{ await db.transaction(async (tx) => {{ await {}; throw new RangeError('mine') }}) }} catch (error) {{ return [error.name, error.message, {count}] }}", insert("[2, 'b']")),
            r#"["RangeError","mine",1]"#,
        ),
        // So does one of the database's.
        (
            format!("try {{ await db.transaction(async (tx) => {{ await {}; await {} }}) }} catch (error) {{ return [error.code, {count}] }}", insert("[2, 'b']"), insert("[2, 'b']")),
            r#"["ERR_DB_CONSTRAINT",1]"#,
        ),
        // Statements that nobody awaits are made in order, before the end.
        (
            format!("await db.transaction((tx) => {{ {}; {}; tx.execute('DELETE FROM t WHERE id = 3') }}); return {count}", insert("[3, 'c']"), insert("[4, 'd']")),
            "2",
        ),
        // What is kept beyond the end is of no use.
        (
            "let kept; await db.transaction((tx) => { kept = tx }); await kept.query('SELECT 1')".into(),
            "runtime_error: TypeError: the transaction is over: await its statements inside of its function",
        ),
        (
            "let kept; try { await db.transaction((tx) => { kept = tx; throw 1 }) } catch {} await kept.execute('DELETE FROM t')".into(),
            "runtime_error: TypeError: the transaction is over: await its statements inside of its function",
        ),
        // One at a time.
        (
            "await db.transaction(async () => { await db.transaction(() => 1) })".into(),
            "runtime_error: DatabaseError: this run has a transaction open: end it first, there can be one at a time",
        ),
        (
            "await db.transaction(() => 1); return await db.transaction((tx) => tx.query('SELECT 1 AS one'))".into(),
            r#"[{"one":1}]"#,
        ),
        // Nobody ends it behind its back.
        ("try { await db.transaction((tx) => tx.query('COMMIT')) } catch (error) { return error.code }".into(), r#""ERR_DB_CONFINED""#),
        ("try { await db.transaction((tx) => tx.query('ROLLBACK')) } catch (error) { return error.code }".into(), r#""ERR_DB_CONFINED""#),
        ("try { await db.query('BEGIN') } catch (error) { return error.code }".into(), r#""ERR_DB_CONFINED""#),
        // A run that does not wait for its transaction has none.
        (format!("db.transaction(async (tx) => {{ await {}; await new Promise(() => {{}}) }}); await db.query('SELECT 1'); return 1", insert("[9, 'z']")), "1"),
        (format!("return {count}"), "2"),
    ];
    for (body, expected) in rows {
        assert_eq!(world.run(&body).await, expected, "{body}");
    }
}

/// A run that is killed in the midst of a transaction leaves nothing of it, and nobody waits for it.
pub(crate) async fn killed_runs_leave_nothing(world: &World, slow_in_transaction: &str) {
    table(world).await;
    let insert = "await tx.execute('INSERT INTO t (id, name) VALUES (1, $1)', ['a']);";
    let bodies = [
        // Waiting for the script, in a loop, in a statement, and with an error of its own.
        format!(
            "await db.transaction(async (tx) => {{ {insert} await new Promise((done) => setTimeout(done, 60000)) }})"
        ),
        format!("await db.transaction(async (tx) => {{ {insert} for (;;); }})"),
        format!("await db.transaction(async (tx) => {{ {insert} await tx.query({slow_in_transaction:?}) }})"),
        format!(
            "await db.transaction(async (tx) => {{ {insert} const all = []; for (;;) all.push(new Uint8Array(1e6)) }})"
        ),
    ];
    for body in bodies {
        let ended = world.kill("acme", &body, Duration::from_millis(1_000)).await;
        assert!(ended.starts_with("timeout") || ended.starts_with("memory_exceeded"), "{body}: {ended}");
        let after = "await db.execute('INSERT INTO t (id, name) VALUES (2, $1)', ['b']);
            const all = await db.query('SELECT id FROM t'); await db.execute('DELETE FROM t'); return all";
        assert_eq!(world.run(after).await, r#"[{"id":2}]"#, "after {body}");
    }
}

/// Tenants at once: each sees its own rows, whatever the others do.
pub(crate) async fn tenants_are_apart(world: &std::sync::Arc<World>, tenants: usize) {
    let body = r#"
        await db.execute('CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT)');
        for (let at = 0; at < 5; at += 1) {
            await db.transaction(async (tx) => {
                await tx.execute('INSERT INTO t (id, name) VALUES ($1, $2)', [at, context.tenant]);
                if (at === 3) throw 1;
            }).catch(() => {});
        }
        return (await db.query('SELECT id, name FROM t ORDER BY id')).map(({ id, name }) => id + name).join();
    "#;
    let runs = (0..tenants).map(|number| {
        let (world, tenant) = (world.clone(), format!("Tenant {number}/../é"));
        tokio::spawn(async move { (world.told(&tenant, body).await, tenant) })
    });
    for run in runs.collect::<Vec<_>>() {
        let (told, tenant) = run.await.expect("it does not panic");
        let expected: Vec<_> = [0, 1, 2, 4].iter().map(|id| format!("{id}{tenant}")).collect();
        assert_eq!(told, format!("\"{}\"", expected.join(",")));
    }
}

/// Runs of one tenant that change one row at once: each change counts.
pub(crate) async fn writers_wait_for_each_other(world: &std::sync::Arc<World>, read: &'static str) {
    table(world).await;
    check(world, &[("await db.execute('INSERT INTO t (id, name) VALUES (1, $1)', ['0'])", "undefined")]).await;
    let body = format!(
        "for (let at = 0; at < 5; at += 1) {{
            await db.transaction(async (tx) => {{
                const [{{ name }}] = await tx.query('{read}');
                await tx.execute('UPDATE t SET name = $1 WHERE id = 1', [String(Number(name) + 1)]);
            }});
        }}"
    );
    let runs = (0..20).map(|_| {
        let (world, body) = (world.clone(), body.clone());
        tokio::spawn(async move { world.run(&body).await })
    });
    for run in runs.collect::<Vec<_>>() {
        assert_eq!(run.await.expect("it does not panic"), "undefined");
    }
    check(world, &[("return await db.query('SELECT name FROM t')", r#"[{"name":"100"}]"#)]).await;
}
