//! `isolet run --db`: a database that outlives the run.

use std::path::Path;

use serde_json::json;

use crate::folder::Folder;

#[test]
fn a_file_keeps_what_runs_leave() {
    let folder = Folder::with(
        "db",
        &[
            (
                "add.js",
                "await db.execute('CREATE TABLE IF NOT EXISTS t (x)'); (await db.execute('INSERT INTO t VALUES (1)')).rowsAffected",
            ),
            ("count.js", "(await db.query('SELECT count(*) AS n FROM t'))[0].n"),
        ],
    );
    let ended = folder.isolet(&["run", "add.js", "add.js", "--db", "a.db"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), "1\n1\n"), "{}", ended.stderr);
    let ended = folder.isolet(&["run", "count.js", "--db", "a.db", "--db-read-only", "--tenant", "other"]);
    assert_eq!(ended.all(), "stdout:\n2\nstderr:\nexit code: 0\n");
    let ended = folder.isolet(&["run", "add.js", "--db", "a.db", "--db-read-only"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""));
    assert!(ended.stderr.contains("PermissionError: this script may not change the database"), "{}", ended.stderr);
    let ended = folder.isolet(&["run", "count.js"]);
    assert!(ended.stderr.contains("db is not defined"), "{}", ended.stderr);
}

#[test]
fn examples_give_what_they_must() {
    let folder = Folder::new("db-examples");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/db");
    let (shop, migrate) = (examples.join("shop.js"), examples.join("migrate.js"));
    let (shop, migrate) = (shop.to_str().expect("UTF-8"), migrate.to_str().expect("UTF-8"));
    let calls = ["--api-calls", "1000/min", "--db", "shop.db", "--format", "json", "--timeout", "5m"];
    let ended = folder.isolet(&[&["run", shop, migrate, migrate][..], &calls].concat());
    let outputs: Vec<_> = ended.reports().into_iter().map(|report| report["output"].clone()).collect();
    let expected = json!([
        {
            "taken": {"id": 1, "total": 2190},
            "refused": "ERR_DB_CONSTRAINT",
            "stock": [{"sku": "cup", "left": 9}, {"sku": "pot", "left": 10}, {"sku": "tea", "left": 8}],
            "orders": [{"id": 1, "total": 2190, "lines": 2}],
        },
        {"done": ["customers", "names", "by name"], "columns": 1},
        {"done": [], "columns": 1},
    ]);
    assert_eq!(json!(outputs), expected, "{}", ended.stderr);
}

#[test]
fn types_have_it() {
    let told = Folder::new("db-types").isolet(&["types"]).stdout;
    assert!(told.contains("declare const db: Db;"), "{told}");
}
