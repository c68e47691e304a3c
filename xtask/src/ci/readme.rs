//! The step that does what a reader of README.md does first.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::step::Report;
use crate::process::stdout;
use crate::workspace::Workspace;

/// How the command starts that a reader is to try first.
const FIRST_COMMAND: &str = "cargo run --release -- run examples/";

/// The first command of README.md exits with 0 and prints something.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    let path = workspace.root().join("README.md");
    let readme = fs::read_to_string(path).context("failed to read README.md")?;
    let Some(line) = first_command(&readme) else {
        bail!("README.md has no fenced line that starts with `{FIRST_COMMAND}`");
    };
    println!("$ {line}");
    // Through a shell, because that is where a reader pastes it.
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).current_dir(workspace.root());
    let output = stdout(&mut shell)?;
    print!("{output}");
    if output.trim().is_empty() {
        bail!("`{line}` printed nothing");
    }
    Ok(Report::default())
}

/// The first fenced line that starts as it should, with the lines that a backslash joins to it.
fn first_command(markdown: &str) -> Option<String> {
    let mut is_fenced = false;
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if is_fenced && line.starts_with(FIRST_COMMAND) {
            let mut command = line.to_owned();
            while command.ends_with('\\') {
                command.push('\n');
                command.push_str(lines.next()?);
            }
            return Some(command);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fenced_command_is_found() {
        let run = "cargo run --release -- run examples/a.js";
        for (markdown, expected) in [
            (format!("# x\n\n```sh\n{run}\n```\n"), Some(run.to_owned())),
            (format!("```\ncargo build\n{run} --x\n{run}\n```"), Some(format!("{run} --x"))),
            (format!("```\n{run} \\\n  --x\n```"), Some(format!("{run} \\\n  --x"))),
            (format!("{run}\n```\nls\n```\n{run}\n"), None),
            (String::new(), None),
        ] {
            assert_eq!(first_command(&markdown), expected, "{markdown}");
        }
    }
}
