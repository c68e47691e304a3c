//! The step that packs every published crate as `cargo publish` would, and checks that they compile from their packages:
//! a file that a crate takes from outside its directory is missing there.
//!
//! ```text
//! cargo package ── *.crate ── unpacked into a workspace of their own, where each stands for its name ── cargo check
//! ```
//!
//! cargo's own way to verify packages builds every dependency anew; here they are those of the other steps.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use cargo_metadata::Package;

use super::step::Report;
use crate::process::{cargo, run, stdout};
use crate::workspace::{Workspace, is_published};

/// Every published crate packs and compiles from its package.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    let members = workspace.members();
    let (published, private): (Vec<_>, Vec<_>) = members.into_iter().partition(|package| is_published(package));
    let mut command = cargo(workspace.root(), &["package", "--workspace", "--locked", "--no-verify"]);
    for package in private {
        command.args(["--exclude", &package.name]);
    }
    let mut report = Report::default().note(format!("{} crates packed and checked", published.len()));
    if is_dirty(workspace)? {
        command.arg("--allow-dirty");
        report = report.note("the work tree has changes that are not committed, and they were packed too".to_owned());
    }
    let target = workspace.root().join("target");
    run(command.arg("--target-dir").arg(&target))?;
    let unpacked = unpack(workspace, &published, &target)?;
    run(cargo(&unpacked, &["check", "--workspace"]).arg("--target-dir").arg(&target))?;
    Ok(report)
}

/// A workspace of the packages, with the dependencies and profiles of ours.
fn unpack(workspace: &Workspace, published: &[&Package], target: &Path) -> Result<PathBuf> {
    let unpacked = target.join("packages");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
    }
    fs::create_dir_all(&unpacked).with_context(|| format!("cannot make {}", unpacked.display()))?;
    for package in published {
        let packed = target.join("package").join(format!("{}.crate", directory(package)));
        run(Command::new("tar").arg("-xzf").arg(packed).arg("-C").arg(&unpacked))?;
    }
    let root = workspace.root();
    let read = |name| fs::read_to_string(root.join(name)).with_context(|| format!("cannot read {name}"));
    let write = |name, text| fs::write(unpacked.join(name), text).with_context(|| format!("cannot write {name}"));
    write("Cargo.toml", manifest(published, &read("Cargo.toml")?))?;
    write("Cargo.lock", read("Cargo.lock")?)?;
    Ok(unpacked)
}

/// The manifest of the packages' workspace, with the profiles of `ours`.
fn manifest(published: &[&Package], ours: &str) -> String {
    let members: Vec<_> = published.iter().map(|package| format!("{:?}", directory(package))).collect();
    let patch = |package: &&Package| format!("{} = {{ path = {:?} }}\n", package.name, directory(package));
    let patches: String = published.iter().map(patch).collect();
    let members = members.join(", ");
    let profiles = profiles(ours);
    format!("[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[patch.crates-io]\n{patches}\n{profiles}")
}

/// The tables of a manifest that are about profiles: other ones would build every dependency anew.
fn profiles(manifest: &str) -> String {
    let mut is_profile = false;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            is_profile = line.starts_with("[profile");
        }
        is_profile
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// The name of the package's directory once it is unpacked.
fn directory(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

fn is_dirty(workspace: &Workspace) -> Result<bool> {
    let mut git = Command::new("git");
    let status = stdout(git.args(["status", "--porcelain"]).current_dir(workspace.root()))?;
    Ok(!status.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_profiles_are_taken_over() {
        let manifest = "[workspace]\nmembers = []\n\n[profile.dev]\ndebug = 1\n\n[lints]\na = 1\n[profile.x]\n";
        assert_eq!(profiles(manifest), "[profile.dev]\ndebug = 1\n\n[profile.x]\n");
    }
}
