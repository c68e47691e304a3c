//! The step that checks the oldest Rust that the workspace promises to build with (`rust-version`).

use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::semver::Version;

use super::step::{NotRun, Report};
use crate::process::{answer, run, stdout};
use crate::tools::SETUP;
use crate::workspace::Workspace;

/// Where the oldest promised Rust is on this machine.
pub(crate) enum Toolchain {
    /// It is the one that runs this task.
    Running,
    /// rustup has it under this name.
    Installed(String),
    /// rustup could install it under this name.
    Missing(String),
}

/// Looks for the oldest promised Rust.
pub(crate) fn toolchain(workspace: &Workspace) -> Result<Toolchain> {
    let promised = workspace.rust_version().context("no package has a rust-version")?;
    let running = running_rust(workspace)?;
    let installed = answer("rustup", &["toolchain", "list"]).unwrap_or_default();
    Ok(locate(promised, &running, &installed))
}

/// The workspace builds with the oldest promised Rust.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    match toolchain(workspace)? {
        Toolchain::Running => {
            let note = "the running Rust is the oldest promised one, so every step was this check";
            Ok(Report::default().note(note.to_owned()))
        }
        Toolchain::Installed(name) => {
            let check = ["run", &name, "cargo", "check", "--workspace", "--locked"];
            let mut rustup = Command::new("rustup");
            run(rustup.args(check).current_dir(workspace.root()))?;
            Ok(Report::default())
        }
        Toolchain::Missing(version) => {
            Ok(Report::not_run(NotRun { lacks: format!("Rust {version}"), tests: 0, brought_by: SETUP.to_owned() }))
        }
    }
}

fn running_rust(workspace: &Workspace) -> Result<Version> {
    let mut rustc = Command::new("rustc");
    let text = stdout(rustc.arg("--version").current_dir(workspace.root()))?;
    let version = text.split_whitespace().nth(1).unwrap_or_default();
    Version::parse(version).with_context(|| format!("failed to read a version from `{text}`"))
}

/// Compares up to the minor version: patches fix the compiler and add nothing to the language.
fn locate(promised: &Version, running: &Version, installed: &str) -> Toolchain {
    let minor = format!("{}.{}", promised.major, promised.minor);
    if (running.major, running.minor) == (promised.major, promised.minor) {
        return Toolchain::Running;
    }
    let name = installed.lines().filter_map(|line| line.split_whitespace().next()).find(|name| {
        let rest = name.strip_prefix(&minor);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-']))
    });
    match name {
        Some(name) => Toolchain::Installed(name.to_owned()),
        None => Toolchain::Missing(minor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(running: Version, installed: &str, expected: &str) {
        let found = match locate(&Version::new(1, 95, 0), &running, installed) {
            Toolchain::Running => "running".to_owned(),
            Toolchain::Installed(name) => name,
            Toolchain::Missing(version) => format!("missing {version}"),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn the_oldest_promised_rust_is_found() {
        check(Version::new(1, 95, 3), "", "running");
        check(Version::new(1, 96, 0), "", "missing 1.95");
        check(Version::new(1, 96, 0), "stable-x\n1.950-x\n1.9-x", "missing 1.95");
        check(Version::new(1, 96, 0), "stable-x (default)\n1.95-x", "1.95-x");
        check(Version::new(1, 96, 0), "1.95.0-x (active)\n", "1.95.0-x");
        check(Version::new(2, 95, 0), "", "missing 1.95");
    }
}
