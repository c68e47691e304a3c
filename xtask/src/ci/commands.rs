//! The steps that are plain commands of cargo.

use std::process::Command;

use anyhow::Result;
use cargo_metadata::Package;

use super::step::Report;
use crate::process::{cargo, run};
use crate::workspace::{Workspace, is_library};

/// `cargo fmt` would change nothing.
pub(super) fn fmt(workspace: &Workspace) -> Result<Report> {
    Ok(all([cargo(workspace.root(), &["fmt", "--all", "--check"])]))
}

/// Each package by itself: together they would lend each other features.
pub(super) fn clippy(workspace: &Workspace) -> Result<Report> {
    let members = workspace.members();
    let commands = members.into_iter().flat_map(|package| {
        feature_selections(package).into_iter().map(|features| {
            let fixed = ["clippy", "--locked", "--all-targets", "-p", &package.name];
            cargo(workspace.root(), &[&fixed, features, &["--", "-D", "warnings"]].concat())
        })
    });
    Ok(all(commands))
}

/// The docs of all packages.
pub(super) fn docs(workspace: &Workspace) -> Result<Report> {
    let mut command = cargo(workspace.root(), &["doc", "--workspace", "--no-deps", "--locked"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    Ok(all([command]))
}

/// Each library without the others: those who use isolet pick single crates.
pub(super) fn alone(workspace: &Workspace) -> Result<Report> {
    let members = workspace.members();
    let libraries = members.into_iter().filter(|package| is_library(package));
    Ok(all(libraries.map(|package| cargo(workspace.root(), &["check", "--locked", "-p", &package.name]))))
}

/// The default features, and all of them if there are more.
fn feature_selections(package: &Package) -> Vec<&'static [&'static str]> {
    let has_features = package.features.keys().any(|name| name != "default");
    let all: &[&[&str]] = if has_features { &[&["--all-features"]] } else { &[] };
    [&[&[] as &[&str]], all].concat()
}

/// Runs every command, whether or not those before it succeeded.
fn all(commands: impl IntoIterator<Item = Command>) -> Report {
    let failed = |mut command: Command| run(&mut command).err();
    let errors = commands.into_iter().filter_map(failed);
    Report::of(errors.map(|error| format!("{error:#}")).collect())
}
