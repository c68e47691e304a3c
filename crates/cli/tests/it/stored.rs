//! Scripts out of a store: `isolet scripts`, `isolet run --script`, `isolet records`.

use serde_json::Value;

use crate::folder::{Ended, Folder};

const STORE: [&str; 2] = ["--store", "isolet.db"];

fn isolet(folder: &Folder, arguments: &[&str]) -> Ended {
    folder.isolet(&[arguments, &STORE].concat())
}

/// The lines of JSON that it told.
fn told(folder: &Folder, arguments: &[&str]) -> Vec<Value> {
    let ended = isolet(folder, &[arguments, &["--format", "json"]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.reports()
}

#[test]
fn scripts_are_put_run_and_rolled_back() {
    let folder = Folder::with("stored", &[("one.js", "input + 1\n"), ("two.js", "input + 2"), ("bad.js", "1\n  +* 2")]);
    let put = |file: &str, more: &[&str]| isolet(&folder, &[&["scripts", "put", "add.js", file], more].concat());
    assert_eq!(put("one.js", &["--if-absent"]).code, Some(0));
    let run = || told(&folder, &["run", "--script", "add.js", "--input", "1", "--records", "sync"]).remove(0);
    let first = run();
    assert_eq!((&first["status"], &first["output"]), (&"ok".into(), &2.into()));
    let revision = first["context"]["revision"].as_str().expect("a revision").to_owned();

    let again = put("two.js", &["--if-absent"]);
    let conflict = format!("error: the script has changed: its revision is {revision}\n");
    assert_eq!((again.code, again.stderr), (Some(1), conflict));
    let refused = put("bad.js", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("SyntaxError") && refused.stderr.contains(":2:4"), "{}", refused.stderr);
    assert_eq!(put("two.js", &["--if-revision", &revision]).code, Some(0));
    assert_eq!(run()["output"], 3);
    let text = isolet(&folder, &["scripts", "get", "add.js", "--revision", &revision]);
    assert_eq!(text.stdout, "input + 1\n");

    assert_eq!(isolet(&folder, &["scripts", "rollback", "add.js", &revision]).code, Some(0));
    assert_eq!(run()["context"]["revision"], *revision);
    let history = told(&folder, &["scripts", "history", "add.js"]);
    let actions: Vec<_> = history.iter().map(|change| change["action"].as_str()).collect();
    assert_eq!(actions, [Some("rollback"), Some("put"), Some("put")]);
    assert_eq!(told(&folder, &["scripts", "list"])[0]["script"], "add.js");
    assert!(told(&folder, &["scripts", "list", "--tenant", "other"]).is_empty());

    assert_eq!(isolet(&folder, &["scripts", "delete", "add.js"]).code, Some(0));
    let gone = isolet(&folder, &["scripts", "get", "add.js"]);
    assert_eq!((gone.code, &*gone.stderr), (Some(1), "error: there is no such script\n"));
    let gone = isolet(&folder, &["run", "--script", "add.js", "--format", "json"]);
    assert_eq!((gone.code, &gone.reports()[0]["status"]), (Some(3), &"rejected".into()));

    let records = told(&folder, &["records", "list", "--script", "add.js"]);
    let statuses: Vec<_> = records.iter().map(|record| record["status"].as_str()).collect();
    assert_eq!(statuses, [Some("rejected"), Some("ok"), Some("ok"), Some("ok")]);
    let id = first["id"].as_str().expect("an id");
    let record = told(&folder, &["records", "get", id]).remove(0);
    assert_eq!((&record["report"], &record["input"]), (&first, &Value::Null));
    assert_eq!(isolet(&folder, &["records", "get", "none"]).code, Some(1));
    assert!(told(&folder, &["records", "list", "--tenant", "other"]).is_empty());
}

#[test]
fn what_is_stored_with_a_script_holds() {
    let folder = Folder::with("stored_with", &[("loop.js", "for (;;);")]);
    let limits = [r#"{"wall_time_ms": 50}"#, "@limits.json"];
    folder.write("limits.json", limits[0].as_bytes());
    for limits in limits {
        let put = ["scripts", "put", "loop.js", "loop.js", "--limits", limits, "--policy", "standard"];
        assert_eq!(isolet(&folder, &put).code, Some(0));
        let run = isolet(&folder, &["run", "--script", "loop.js", "--format", "json"]);
        assert_eq!((&run.reports()[0]["status"], &run.reports()[0]["killed"]["max"]), (&"timeout".into(), &50.into()));
    }
    let other = isolet(&folder, &["run", "--script", "loop.js", "--profile", "strict", "--format", "json"]);
    assert_eq!(other.reports()[0]["status"], "rejected");
    let wrong = isolet(&folder, &["scripts", "put", "loop.js", "loop.js", "--permissions", r#"{"htp": []}"#]);
    assert_eq!(wrong.code, Some(2), "{}", wrong.stderr);
}

#[test]
fn compiled_programs_are_kept_under_a_key() {
    let folder = Folder::with("sealed", &[("one.js", "input + 1")]);
    let secret = "5a".repeat(32);
    folder.write("keys", format!("1:{secret}\n").as_bytes());
    folder.write("rotated", format!("2:{}\n1:{secret}\n", "a5".repeat(32)).as_bytes());
    folder.write("lost", format!("1:{}\n", "b6".repeat(32)).as_bytes());
    let cache = |more: &[&str]| {
        let run = [&["run", "one.js", "--input", "1"], more].concat();
        told(&folder, &run)[0]["metrics"]["cache"].as_str().expect("it compiled").to_owned()
    };
    assert_eq!([cache(&[]), cache(&[])], ["miss", "miss"], "no key, nothing is kept");
    let keys = ["--seal-keys", "keys"];
    assert_eq!([cache(&keys), cache(&keys), cache(&["--seal-keys", "rotated"])], ["miss", "stored", "stored"]);
    let lost = ["--seal-keys", "lost"];
    assert_eq!([cache(&lost), cache(&lost), cache(&keys)], ["miss", "stored", "miss"]);
    folder.write("wrong", b"1:abc");
    let wrong = isolet(&folder, &["run", "one.js", "--seal-keys", "wrong"]);
    assert_eq!(wrong.code, Some(2));
    assert!(!wrong.stderr.contains("abc"), "{}", wrong.stderr);
}

#[test]
fn stores_are_named_in_a_right_way() {
    let folder = Folder::with("stored_usage", &[("one.js", "1")]);
    for (arguments, code) in [
        (&["run", "--script", "one.js"][..], 2),
        (&["run", "one.js", "--records", "sync"], 2),
        (&["run", "one.js", "--script", "one.js", "--store", "isolet.db"], 2),
        (&["scripts", "list", "--store", "mysql://here"], 2),
        (&["scripts", "list", "--store", "postgres://127.0.0.1:1/none"], 3),
        (&["scripts", "list", "--store", "no/such/folder/isolet.db"], 3),
        (&["records", "list", "--store", "isolet.db", "--after", "x"], 2),
        (&["records", "list", "--store", "isolet.db", "--status", "good"], 2),
        (&["scripts", "history", "none", "--store", "isolet.db"], 1),
    ] {
        let ended = folder.isolet(arguments);
        assert_eq!((ended.code, &*ended.stdout), (Some(code), ""), "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.starts_with("error: "), "{arguments:?}: {}", ended.stderr);
    }
}
