//! The scripts of `examples/http/`, with the server beside them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Ends with the test.
struct Server {
    child: Child,
    port: String,
}

impl Server {
    fn start(folder: &Path) -> Self {
        let mut command = Command::new("node");
        let mut child = command.arg(folder.join("server.mjs")).stdout(Stdio::piped()).spawn().expect("Node is there");
        let mut port = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut port).expect("it tells its port");
        Self { child, port: port.trim().to_owned() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn examples_with_requests_give_what_they_must() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/http");
    let server = Server::start(&folder);
    let run = |script: &str, input: Value| -> Value {
        let mut input = input;
        input["base"] = format!("http://127.0.0.1:{}", server.port).into();
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolet"));
        command.args(["run", "--format", "json", "--timeout", "5m", "--allow-net"]);
        command.arg(format!("127.0.0.1:{}", server.port)).arg("--input").arg(input.to_string());
        let output = command.arg(folder.join(script)).output().expect("isolet can be started");
        let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
        assert_eq!(report["status"], "ok", "{report}");
        report["output"].clone()
    };
    let loaded = json!([
        {"id": 1, "attempt": 1, "name": "item 1"},
        {"id": 2, "attempt": 2, "name": "item 2"},
        {"id": 3, "attempt": 3, "name": "item 3"},
        {"id": 4, "attempt": 4, "failed": 500},
        {"id": 9, "attempt": 1, "failed": 404},
    ]);
    assert_eq!(run("fan-out.js", json!({"ids": [1, 2, 3, 4, 9]})), loaded);
    assert_eq!(run("pages.js", json!({})), json!({"pages": 4, "complete": true, "orders": 12, "total": 60}));
    let some = json!({"pages": 2, "complete": false, "orders": 6, "total": 18});
    assert_eq!(run("pages.js", json!({"pagesMax": 2})), some);
}
