//! What pages say: the examples for authors of scripts give what the comment in their last line says, and the tests that
//! the threat model names are there.

use std::fs;
use std::path::Path;

use isolet::{Execution, Source, SourceKind};
use serde_json::Value;

use crate::setup::{isolet, output, tenant};

#[tokio::test]
async fn examples_for_authors_give_what_they_say() {
    let page = include_str!("../../../../docs/scripting.md");
    let isolet = isolet();
    let examples: Vec<_> = page.split("```js\n").skip(1).filter_map(|rest| rest.split_once("\n```")).collect();
    assert!(examples.len() >= 7, "{} examples", examples.len());
    for (script, _) in examples {
        let (_, expected) = script.rsplit_once("// ").expect("a comment in its last line");
        let source = Source::new("example.js", script, SourceKind::Auto).expect("a name");
        let report = isolet.execute(Execution::new(source, tenant("acme"))).await;
        let parse = |json: &str| serde_json::from_str::<Value>(json).expect("JSON");
        assert_eq!(parse(output(&report)), parse(expected), "{script}");
    }
}

#[test]
fn tests_that_the_threat_model_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = include_str!("../../../../docs/threat-model.md");
    let (mut text, mut count) = (String::new(), 0);
    for quoted in page.split('`').skip(1).step_by(2).filter(|quoted| !quoted.contains(char::is_whitespace)) {
        if quoted.ends_with(".rs") {
            text = fs::read_to_string(root.join(quoted)).unwrap_or_else(|error| panic!("{quoted}: {error}"));
        } else if !quoted.starts_with('_') && quoted.matches('_').count() >= 2 {
            assert!(text.contains(&format!("fn {quoted}(")), "{quoted} is not in the file named before it");
            count += 1;
        }
    }
    assert!(count >= 40, "{count} tests");
}
