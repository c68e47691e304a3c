//! The scripts of `examples/`.

use std::fs;
use std::path::Path;

use crate::sides::{isolet, node};

#[test]
fn examples_give_the_same_under_node() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let entries = fs::read_dir(&folder).expect("the examples are there");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let scripts: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "js" || end == "mjs")).collect();
    assert!(scripts.len() >= 8, "only {} examples", scripts.len());
    for script in scripts {
        let input = script.with_extension("input.json");
        assert_eq!(isolet(std::slice::from_ref(&script), &input), [node(&script, &input)], "{}", script.display());
    }
}
