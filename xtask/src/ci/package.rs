//! The step that packs every published crate as `cargo publish` would, and builds each from its package alone:
//! a file that a crate takes from outside its directory is missing there.

use std::process::Command;

use anyhow::Result;

use super::step::Report;
use crate::process::{cargo, run, stdout};
use crate::workspace::{Workspace, is_published};

/// Every published crate packs and builds from its package.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    let members = workspace.members();
    let (published, private): (Vec<_>, Vec<_>) = members.into_iter().partition(|package| is_published(package));
    let mut command = cargo(workspace.root(), &["package", "--workspace", "--locked"]);
    for package in private {
        command.args(["--exclude", &package.name]);
    }
    let mut report = Report::default().note(format!("{} crates packed and built", published.len()));
    if is_dirty(workspace)? {
        command.arg("--allow-dirty");
        report = report.note("the work tree has changes that are not committed, and they were packed too".to_owned());
    }
    run(&mut command)?;
    Ok(report)
}

fn is_dirty(workspace: &Workspace) -> Result<bool> {
    let mut git = Command::new("git");
    let status = stdout(git.args(["status", "--porcelain"]).current_dir(workspace.root()))?;
    Ok(!status.trim().is_empty())
}
