//! The check that unsafe code has one place.
//!
//! The workspace's lints deny `unsafe_code`, every package inherits them, and exactly one opts out.
//! `deny` can be taken back by an attribute in the code, so the code is searched for such attributes as well.
//! This does not find attributes that a macro of a dependency produces.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use toml::Table;

use super::step::Report;
use crate::workspace::Workspace;

/// The one package that may hold unsafe code.
const OPTED_OUT: &str = "isolet-engine-quickjs";

/// Reads every manifest and every source file of the workspace.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    let root = parse(&workspace.root().join("Cargo.toml"))?;
    let mut members = Vec::new();
    let mut failures = Vec::new();
    for package in workspace.members() {
        let manifest = package.manifest_path.as_std_path();
        members.push((package.name.as_str(), parse(manifest)?));
        if package.name != OPTED_OUT {
            let directory = manifest.parent().context("a manifest without directory")?;
            failures.extend(escapes_below(directory, workspace.root())?);
        }
    }
    failures.extend(manifest_failures(&root, &members));
    Ok(Report::of(failures))
}

fn parse(path: &Path) -> Result<Table> {
    let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
    text.parse().with_context(|| format!("failed to parse {}", path.display()))
}

/// What is wrong with the lint tables of the workspace and of its members.
fn manifest_failures(root: &Table, members: &[(&str, Table)]) -> Vec<String> {
    let mut failures = Vec::new();
    let level = at(root, &["workspace", "lints", "rust", "unsafe_code"]).and_then(level);
    if !matches!(level, Some("deny" | "forbid")) {
        failures.push("the workspace's lints do not deny unsafe_code".to_owned());
    }
    for (name, manifest) in members {
        let inherits = at(manifest, &["lints", "workspace"]).and_then(toml::Value::as_bool) == Some(true);
        match (*name == OPTED_OUT, inherits) {
            (false, false) => failures.push(format!("{name} does not inherit the workspace's lints")),
            (true, true) => failures.push(format!("{name} is expected to opt out and does not")),
            _ => {}
        }
    }
    if !members.iter().any(|(name, _)| *name == OPTED_OUT) {
        failures.push(format!("{OPTED_OUT}, the one package that opts out, is not there"));
    }
    failures
}

fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a toml::Value> {
    let (last, tables) = path.split_last()?;
    let mut table = table;
    for name in tables {
        table = table.get(*name)?.as_table()?;
    }
    table.get(*last)
}

/// A lint is a level, or a table with a level.
fn level(lint: &toml::Value) -> Option<&str> {
    lint.as_str().or_else(|| lint.get("level")?.as_str())
}

/// The attributes below a directory that take the lint back, with their places.
fn escapes_below(directory: &Path, root: &Path) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    for path in rust_files(directory)? {
        let source = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let place = path.strip_prefix(root).unwrap_or(&path).display();
        for line in escapes(&source) {
            failures.push(format!("{place}:{line} changes the level of unsafe_code"));
        }
    }
    Ok(failures)
}

fn rust_files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The lines on which an attribute starts that names the lint.
fn escapes(source: &str) -> Vec<usize> {
    let starts = source.match_indices('#').filter(|(start, _)| {
        let rest = source[start + 1..].trim_start_matches('!');
        let attribute = rest.strip_prefix('[').and_then(|rest| rest.split(']').next());
        attribute.is_some_and(|attribute| attribute.contains("unsafe_code"))
    });
    starts.map(|(start, _)| source[..start].matches('\n').count() + 1).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const DENIES: &str = "[workspace.lints.rust]\nunsafe_code = 'deny'";
    const INHERITS: &str = "[lints]\nworkspace = true";
    const OWN: &str = "[lints.rust]\nunsafe_code = 'allow'";

    fn check(root: &str, members: &[(&'static str, &str)], expected: &Expect) {
        let table = |text: &str| -> Table { text.parse().expect("the test's own manifest") };
        let members: Vec<_> = members.iter().map(|&(name, manifest)| (name, table(manifest))).collect();
        expected.assert_eq(&manifest_failures(&table(root), &members).join("\n"));
    }

    #[test]
    fn one_package_opts_out() {
        let members = [("isolet-pool", INHERITS), (OPTED_OUT, OWN)];
        check(DENIES, &members, &expect![""]);
        let root = "[workspace.lints.rust]\nunsafe_code = { level = 'forbid', priority = 1 }";
        check(root, &members, &expect![""]);
    }

    #[test]
    fn the_workspace_must_deny() {
        let members = [(OPTED_OUT, OWN)];
        check("", &members, &expect!["the workspace's lints do not deny unsafe_code"]);
        check(
            "[workspace.lints.rust]\nunsafe_code = 'warn'",
            &members,
            &expect!["the workspace's lints do not deny unsafe_code"],
        );
        check(
            "[workspace.lints.rust]\nunsafe_code = { level = 'allow' }",
            &members,
            &expect!["the workspace's lints do not deny unsafe_code"],
        );
    }

    #[test]
    fn the_others_must_inherit() {
        let members = [("isolet-pool", OWN), ("isolet-cache", ""), (OPTED_OUT, OWN)];
        check(
            DENIES,
            &members,
            &expect![[r#"
            isolet-pool does not inherit the workspace's lints
            isolet-cache does not inherit the workspace's lints"#]],
        );
        let members = [("isolet-pool", "[lints]\nworkspace = false"), (OPTED_OUT, OWN)];
        check(DENIES, &members, &expect!["isolet-pool does not inherit the workspace's lints"]);
    }

    #[test]
    fn the_one_must_be_there_and_opt_out() {
        check(
            DENIES,
            &[("isolet-pool", INHERITS)],
            &expect!["isolet-engine-quickjs, the one package that opts out, is not there"],
        );
        check(DENIES, &[(OPTED_OUT, INHERITS)], &expect!["isolet-engine-quickjs is expected to opt out and does not"]);
    }

    #[test]
    fn attributes_that_take_the_lint_back() {
        for (source, expected) in [
            (concat!("#", "![allow(unsafe_code)]"), vec![1]),
            (concat!("fn a() {}\n\n#", "[expect(\n    dead_code,\n    unsafe_code,\n)]"), vec![3]),
            (concat!("#", "[cfg_attr(unix, allow(unsafe_code))]"), vec![1]),
            ("#[allow(dead_code)]\nfn unsafe_code() {}", vec![]),
            ("// # [unsafe_code\n", vec![]),
        ] {
            assert_eq!(escapes(source), expected, "{source}");
        }
    }
}
