//! The examples of docs/http.md give what the comment in their last line says.

use serde_json::{Value, json};

use crate::setup::World;

#[tokio::test]
async fn examples_give_what_they_say() {
    let page = include_str!("../../../../docs/http.md");
    let world = World::new().await;
    let isolet = world.isolet();
    let examples: Vec<_> = page.split("```js\n").skip(1).filter_map(|rest| rest.split_once("\n```")).collect();
    assert!(examples.len() >= 4, "{} examples", examples.len());
    for (script, _) in examples {
        let (_, expected) = script.rsplit_once("// ").expect("a comment in its last line");
        let input = json!({"base": format!("http://127.0.0.1:{}", world.server.port())});
        let report = isolet.execute(world.execution(script).input(&input).expect("JSON")).await;
        let expected: Value = serde_json::from_str(expected).expect("JSON");
        assert_eq!(world.told(&report), expected.to_string(), "{script}");
    }
}
