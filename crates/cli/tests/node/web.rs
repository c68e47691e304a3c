//! The web APIs' rows, which the facade's tests run with isolet, give the same under Node.

use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn rows_of_web_apis_are_the_same_under_node() {
    let compared = compared("web.json");
    assert!(compared >= 250, "{compared} rows were compared");
}

#[test]
fn rows_of_intl_are_the_same_under_node() {
    let compared = compared("intl.json");
    assert!(compared >= 190, "{compared} rows were compared");
}

/// How many rows of a file were compared.
fn compared(rows: &str) -> usize {
    let crate_path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new("node");
    command.arg(crate_path.join("tests/node/web.mjs")).arg(crate_path.join("../sandbox/tests").join(rows));
    // Without one of its own, Node takes the locale and the time zone of the machine.
    command.env("LC_ALL", "en_US.UTF-8").env("TZ", "UTC");
    let output = command.stdin(Stdio::null()).output().expect("Node can be started");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    stdout.trim().parse().expect("the number of rows")
}
