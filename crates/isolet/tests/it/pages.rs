//! The examples of the page for authors of scripts: each gives what the comment in its last line says.

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
