//! The web APIs' rows, which the facade's tests run with isolet, give the same under Node.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn rows_of_web_apis_are_the_same_under_node() {
    let crate_path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg(crate_path.join("tests/node/web.mjs")).arg(crate_path.join("../sandbox/tests/web.json"));
    let output = command.stdin(Stdio::null()).output().expect("Node can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    let compared = stdout.trim().parse::<usize>().expect("the number of rows");
    assert!(compared >= 250, "{compared} rows were compared");
}
