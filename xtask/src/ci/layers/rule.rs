//! A sentence about what crates do not know, and its evaluation.

use super::graph::Graph;

/// Who must not know what, and how far that reaches.
pub(super) struct Rule {
    /// The rule as a person would say it.
    pub(super) sentence: &'static str,
    pub(super) who: Who,
    pub(super) knows_no: What,
    pub(super) reach: Reach,
}

/// Which of our crates a rule is about.
pub(super) enum Who {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
    Published,
}

/// Which packages those must not know.
pub(super) enum What {
    Named(&'static [&'static str]),
    OursBut(&'static [&'static str]),
}

/// Which dependencies a rule looks at.
#[derive(PartialEq, Eq)]
pub(super) enum Reach {
    /// Those that the crate itself names.
    Direct,
    /// These, theirs, and so on.
    Transitive,
}

impl Rule {
    /// Each way in which the graph breaks the rule: the sentence and the path of arrows.
    pub(super) fn violations(&self, graph: &Graph) -> Vec<String> {
        let subjects = graph.ours().filter(|name| self.is_about(graph, name));
        let broken = subjects.flat_map(|name| {
            let mut paths = graph.paths(name);
            paths.retain(|path| self.forbids(graph, path));
            paths
        });
        broken.map(|path| format!("{}, but: {}", self.sentence, path.join(" → "))).collect()
    }

    fn is_about(&self, graph: &Graph, name: &str) -> bool {
        match self.who {
            Who::Only(names) => names.contains(&name),
            Who::AllBut(names) => !names.contains(&name),
            Who::Published => graph.is_published(name),
        }
    }

    fn forbids(&self, graph: &Graph, path: &[&str]) -> bool {
        let is_in_reach = self.reach == Reach::Transitive || path.len() == 2;
        is_in_reach
            && path.last().is_some_and(|&name| match self.knows_no {
                What::Named(names) => names.contains(&name),
                What::OursBut(names) => graph.is_ours(name) && !names.contains(&name),
            })
    }
}
