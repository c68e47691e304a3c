//! Who depends on whom, by name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Node};

use crate::workspace::{Workspace, is_published};

/// Packages and their normal and build dependencies; versions of one package are one.
#[derive(Default)]
pub(super) struct Graph {
    dependencies: BTreeMap<String, BTreeSet<String>>,
    /// The workspace's own packages, and whether each is published.
    ours: BTreeMap<String, bool>,
}

impl Graph {
    pub(super) fn of(workspace: &Workspace) -> Result<Self> {
        let metadata = workspace.metadata();
        let resolve = metadata.resolve.as_ref().context("cargo resolved nothing")?;
        let mut graph = Self::default();
        for package in workspace.members() {
            graph.add_ours(&package.name, is_published(package));
        }
        for node in &resolve.nodes {
            let name = &metadata[&node.id].name;
            for dependency in counted(node) {
                graph.add_arrow(name, &metadata[dependency].name);
            }
        }
        Ok(graph)
    }

    pub(super) fn add_ours(&mut self, name: &str, is_published: bool) {
        self.ours.insert(name.to_owned(), is_published);
    }

    pub(super) fn add_arrow(&mut self, from: &str, to: &str) {
        let dependencies = self.dependencies.entry(from.to_owned()).or_default();
        dependencies.insert(to.to_owned());
    }

    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        self.ours.keys().map(String::as_str)
    }

    pub(super) fn is_ours(&self, name: &str) -> bool {
        self.ours.contains_key(name)
    }

    pub(super) fn is_published(&self, name: &str) -> bool {
        self.ours.get(name) == Some(&true)
    }

    pub(super) fn direct(&self, name: &str) -> impl Iterator<Item = &str> {
        let dependencies = self.dependencies.get(name).into_iter().flatten();
        dependencies.map(String::as_str)
    }

    /// A shortest path to each package that `from` reaches, `from` included and itself not among the ends.
    pub(super) fn paths<'a>(&'a self, from: &'a str) -> Vec<Vec<&'a str>> {
        let mut seen = BTreeSet::from([from]);
        let mut open = VecDeque::from([vec![from]]);
        let mut paths = Vec::new();
        while let Some(path) = open.pop_front() {
            let Some(end) = path.last() else { continue };
            for next in self.direct(end).filter(|next| seen.insert(next)) {
                open.push_back([path.as_slice(), &[next]].concat());
            }
            paths.push(path);
        }
        paths.retain(|path| path.len() > 1);
        paths
    }
}

/// The dependencies of a package that are more than its tests'.
fn counted(node: &Node) -> impl Iterator<Item = &cargo_metadata::PackageId> {
    let dependencies = node.deps.iter().filter(|dependency| {
        let mut kinds = dependency.dep_kinds.iter();
        kinds.any(|kind| kind.kind != DependencyKind::Development)
    });
    dependencies.map(|dependency| &dependency.pkg)
}
