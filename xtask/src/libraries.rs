//! The libraries of npm that tests run: at the versions and with the hashes of a lock file, in `target/npm`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run;
use crate::workspace::Workspace;

/// What they are, as a noun.
pub(crate) const REQUIREMENT: &str = "the libraries of npm";

const MANIFESTS: &str = "crates/cli/tests/npm";
const LOCK: &str = "package-lock.json";

/// Whether those of the lock file are there, all of them.
pub(crate) fn are_there(workspace: &Workspace) -> bool {
    let (wanted, there) = (workspace.root().join(MANIFESTS).join(LOCK), folder(workspace).join(LOCK));
    // npm writes the second lock file when it is done.
    is_same(&wanted, &there) && folder(workspace).join("node_modules/.package-lock.json").exists()
}

/// Fetches them, unless they are there.
pub(crate) fn bring(workspace: &Workspace) -> Result<()> {
    if are_there(workspace) {
        return Ok(());
    }
    let folder = folder(workspace);
    fs::create_dir_all(&folder).context("failed to make a folder for the libraries")?;
    for name in ["package.json", LOCK] {
        let from = workspace.root().join(MANIFESTS).join(name);
        fs::copy(&from, folder.join(name)).with_context(|| format!("failed to copy {}", from.display()))?;
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    println!("setup: npm {}", arguments.join(" "));
    run(Command::new("npm").args(arguments).current_dir(&folder))
}

fn folder(workspace: &Workspace) -> PathBuf {
    workspace.metadata().target_directory.as_std_path().join("npm")
}

fn is_same(one: &Path, other: &Path) -> bool {
    matches!((fs::read(one), fs::read(other)), (Ok(one), Ok(other)) if one == other)
}
