//! The step that packs every published crate as `cargo publish` would, and builds each from its package alone:
//! a file that a crate takes from outside its directory is missing there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result};
use cargo_metadata::Package;

use super::step::Report;
use crate::process::{cargo, run, stdout};
use crate::workspace::{Workspace, is_published};

/// A directory of its own, made anew each time: what cargo has built from a registry it never builds again.
const TARGET: &str = "packages";

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
    forget_unpacked(&cargo_home()?, &published)?;
    let target = workspace.root().join("target").join(TARGET);
    if target.exists() {
        fs::remove_dir_all(&target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    run(command.arg("--target-dir").arg(&target))?;
    Ok(report)
}

fn cargo_home() -> Result<PathBuf> {
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).context("neither CARGO_HOME nor HOME is set")
}

/// Removes what cargo has unpacked of these crates from a local registry, as it makes one to build packages against.
/// It takes a version for unchanging, so that it would build today's packages against those of an earlier day.
fn forget_unpacked(cargo_home: &Path, packages: &[&Package]) -> Result<()> {
    for kind in ["src", "cache"] {
        let Ok(registries) = fs::read_dir(cargo_home.join("registry").join(kind)) else { continue };
        for registry in registries {
            let registry = registry?.path();
            // A registry on this machine has no host in its name, which is all that stands before the dash.
            if !registry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('-')) {
                continue;
            }
            for package in packages {
                let unpacked = registry.join(format!("{}-{}", package.name, package.version));
                let packed = registry.join(format!("{}-{}.crate", package.name, package.version));
                if unpacked.is_dir() {
                    fs::remove_dir_all(&unpacked).with_context(|| format!("cannot remove {}", unpacked.display()))?;
                }
                if packed.is_file() {
                    fs::remove_file(&packed).with_context(|| format!("cannot remove {}", packed.display()))?;
                }
            }
        }
    }
    Ok(())
}

fn is_dirty(workspace: &Workspace) -> Result<bool> {
    let mut git = Command::new("git");
    let status = stdout(git.args(["status", "--porcelain"]).current_dir(workspace.root()))?;
    Ok(!status.trim().is_empty())
}
