//! The scripts of `examples/` give what stands beside them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::folder::Folder;

#[test]
fn examples_give_what_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = fs::read_dir(&folder).expect("the examples are there");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let scripts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "js" || end == "mjs")).collect();
    assert!(scripts.len() >= 8, "only {} examples", scripts.len());
    for script in scripts {
        check(&script);
    }
}

fn check(script: &Path) {
    let read = |end: &str| -> Option<Value> {
        let text = fs::read_to_string(script.with_extension(end)).ok()?;
        Some(serde_json::from_str(&text).expect("JSON"))
    };
    let file = script.to_str().expect("UTF-8");
    let input = format!("@{}", script.with_extension("input.json").display());
    let ended = Folder::new("examples").isolet(&[
        "run",
        file,
        "--input",
        &input,
        "--tenant",
        "acme",
        "--format",
        "json",
        "--timeout",
        "5m",
    ]);
    let report = ended.reports().pop().unwrap_or_else(|| panic!("{file}: {}", ended.stderr));
    match (read("expected.json"), read("error.json")) {
        (Some(expected), None) => {
            assert_eq!(report["output"], expected, "{file}: {}", report["error"]);
            assert_eq!(ended.code, Some(0), "{file}");
        }
        (None, Some(expected)) => {
            let error = &report["error"];
            assert_eq!(json!({"name": error["name"], "message": error["message"]}), expected, "{file}");
            assert_eq!(ended.code, Some(1), "{file}");
        }
        _ => panic!("{file} needs either an expected output or an expected error"),
    }
}
