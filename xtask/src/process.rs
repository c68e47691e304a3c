//! Other programs, started by tasks.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// The cargo that started this task, in `root`, so that a task and its steps use one toolchain.
pub(crate) fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root);
    command
}

/// Runs the command and lets it talk to the terminal itself. An error unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start `{}`", typed(command)))?;
    succeeded(command, status)
}

/// Runs the command, prints what it writes to stdout as it comes, and hands each of these lines to `line`.
///
/// What `line` was given stays valid whether or not the command succeeds.
pub(crate) fn run_lines(command: &mut Command, mut line: impl FnMut(&str)) -> Result<()> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("failed to start `{}`", typed(command)))?;
    let stdout = child.stdout.take().context("the child has no stdout")?;
    for read in BufReader::new(stdout).split(b'\n') {
        let bytes = read.context("failed to read the child's output")?;
        let text = String::from_utf8_lossy(&bytes);
        println!("{text}");
        line(&text);
    }
    let status = child.wait().context("failed to wait for the child")?;
    succeeded(command, status)
}

/// What the command writes to stdout. An error unless it exits with 0.
pub(crate) fn stdout(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("failed to start `{}`", typed(command)))?;
    succeeded(command, output.status)?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Whether the command can be started and exits with 0; what it writes is dropped.
pub(crate) fn answers(program: &str, arguments: &[&str]) -> bool {
    answer(program, arguments).is_some()
}

/// What the command writes to stdout, if it can be started and exits with 0.
pub(crate) fn answer(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    if !status.success() {
        bail!("`{}` ended with {status}", typed(command));
    }
    Ok(())
}

/// The command as a person would type it: without the directory of the program.
fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words = vec![name.to_string_lossy()];
    words.extend(command.get_args().map(|argument| argument.to_string_lossy()));
    words.join(" ")
}
