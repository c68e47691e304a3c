//! A folder of files in which isolet runs.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// Emptied and made anew for each test; names are relative to it.
pub(crate) struct Folder(PathBuf);

/// How isolet ended.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    /// `name` is the test's own.
    pub(crate) fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("it-{name}"));
        if path.exists() {
            fs::remove_dir_all(&path).expect("the old folder goes");
        }
        fs::create_dir_all(&path).expect("a folder for the files");
        Self(path)
    }

    /// With these files.
    pub(crate) fn with(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = Self::new(name);
        files.iter().for_each(|(file, text)| folder.write(file, text.as_bytes()));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn write(&self, file: &str, bytes: &[u8]) {
        fs::write(self.0.join(file), bytes).expect("the file is written");
    }

    /// isolet, with nothing of the environment that it heeds.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isolet"));
        command.args(arguments).current_dir(&self.0);
        for name in ["ISOLET_LOG", "RUST_LOG", "RUST_BACKTRACE", "NO_COLOR", "CLICOLOR_FORCE"] {
            command.env_remove(name);
        }
        command
    }

    /// isolet with an empty stdin.
    pub(crate) fn isolet(&self, arguments: &[&str]) -> Ended {
        self.isolet_reading("", arguments)
    }

    pub(crate) fn isolet_reading(&self, stdin: &str, arguments: &[&str]) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("isolet can be started");
        // isolet may end without having read it.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        let output = child.wait_with_output().expect("isolet ends");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Ended { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ended {
    /// Everything, for a golden value.
    pub(crate) fn all(&self) -> String {
        let Self { code, stdout, stderr } = self;
        let code = code.map_or("a signal".to_owned(), |code| code.to_string());
        format!("stdout:\n{stdout}stderr:\n{stderr}exit code: {code}\n")
    }

    /// The reports of `--format json`.
    pub(crate) fn reports(&self) -> Vec<Value> {
        let report = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.stdout.lines().map(report).collect()
    }
}
