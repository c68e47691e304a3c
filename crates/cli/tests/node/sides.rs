//! The two sides, and how they are compared.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// What a script came to.
#[derive(Debug, PartialEq)]
pub(crate) enum Ended {
    /// With this output.
    Output(Value),
    /// With an error of this name.
    Error(String),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(output) => write!(f, "{output}"),
            Self::Error(name) => write!(f, "error {name}"),
        }
    }
}

/// What isolet makes of `files`, in their order: all of them on one executor.
pub(crate) fn isolet(files: &[PathBuf], input: &Path) -> Vec<Ended> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolet"));
    command.args(["run", "--format", "json", "--tenant", "acme", "--input"]);
    command.arg(format!("@{}", input.display())).args(files);
    let ended: Vec<Ended> = stdout(command).lines().map(parse).collect();
    assert_eq!(ended.len(), files.len(), "a report for each script");
    ended
}

/// What Node makes of a file.
pub(crate) fn node(file: &Path, input: &Path) -> Ended {
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/run.mjs");
    let mut command = Command::new("node");
    // Local time is UTC in isolet.
    command.env("TZ", "UTC");
    command.args(["--experimental-vm-modules", "--no-warnings"]).arg(runner).arg(file).arg(input);
    parse(&stdout(command))
}

fn stdout(mut command: Command) -> String {
    let output = command.stdin(Stdio::null()).output().expect("the program can be started");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_ne!(output.status.code(), Some(2), "{command:?}: {stderr}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn parse(line: &str) -> Ended {
    let told: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    match told.pointer("/error/name") {
        Some(name) => Ended::Error(name.as_str().expect("a name").to_owned()),
        None => Ended::Output(told["output"].clone()),
    }
}
