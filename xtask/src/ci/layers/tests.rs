use expect_test::{Expect, expect};

use super::graph::Graph;
use super::{ARROWS, BENCHES, FUZZ, RULES, XTASK, violations};

/// Our packages that nobody can depend on.
const UNPUBLISHED: [&str; 3] = [XTASK, BENCHES, FUZZ];

/// A graph of lines like `isolet-pool → isolet-core-traits lru`; `isolet…` and `xtask` are ours.
fn graph(arrows: &str) -> Graph {
    let mut graph = Graph::default();
    let ours = |name: &str| name.starts_with("isolet") || name == XTASK;
    for line in arrows.lines() {
        let mut names = line.split_whitespace().filter(|word| *word != "→");
        let Some(from) = names.next() else { continue };
        for name in names.chain([from]) {
            if ours(name) {
                graph.add_ours(name, !UNPUBLISHED.contains(&name));
            }
            if name != from {
                graph.add_arrow(from, name);
            }
        }
    }
    graph
}

fn check(arrows: &str, expected: &Expect) {
    expected.assert_eq(&violations(&graph(arrows)).join("\n"));
}

#[test]
fn the_table_of_arrows_breaks_no_rule() {
    let mut graph = Graph::default();
    for (name, allowed) in &ARROWS {
        graph.add_ours(name, !UNPUBLISHED.contains(name));
        for dependency in *allowed {
            graph.add_arrow(name, dependency);
        }
    }
    assert_eq!(violations(&graph), Vec::<String>::new());
}

#[test]
fn every_name_in_a_row_has_a_row() {
    for name in ARROWS.iter().flat_map(|(_, allowed)| *allowed) {
        assert!(ARROWS.iter().any(|(row, _)| row == name), "{name}");
    }
}

#[test]
fn what_the_design_wants_passes() {
    check(
        "isolet-core-traits → serde async-trait
         isolet-engine-quickjs → isolet-core-traits rquickjs
         isolet-pool → isolet-core-traits tokio
         isolet-executor → isolet-core-traits isolet-pool tokio
         isolet → isolet-executor isolet-engine-quickjs
         isolet-cli → isolet anyhow
         isolet-benches → isolet isolet-testkit anyhow
         xtask → anyhow",
        &expect![""],
    );
}

#[test]
fn each_rule_can_be_broken() {
    let breaking = [
        "isolet-core-traits → governor\ngovernor → tokio",
        "isolet-core-traits → helper\nhelper → rquickjs-sys",
        "isolet-core-traits → isolet-pool",
        "isolet-cache → isolet-limits",
        "isolet-executor → isolet-engine-quickjs",
        "isolet-executor → something\nsomething → libsqlite3-sys",
        "isolet-sandbox → rquickjs",
        "isolet-pool → anyhow",
        "isolet-executor → isolet-testkit",
    ];
    for (rule, arrows) in RULES.iter().zip(breaking) {
        let violations = rule.violations(&graph(arrows));
        assert_eq!(violations.len(), 1, "{}: {violations:?}", rule.sentence);
    }
    assert_eq!(RULES.len(), breaking.len());
}

#[test]
fn the_path_is_told() {
    check(
        "isolet-core-traits → governor\ngovernor → timer\ntimer → tokio\ntokio → timer",
        &expect!["core-traits knows no tokio, but: isolet-core-traits → governor → timer → tokio"],
    );
}

#[test]
fn a_direct_rule_does_not_reach_further() {
    check("isolet-pool → isolet-core-traits other\nother → anyhow", &expect![""]);
}

#[test]
fn new_arrows_and_crates_must_be_written_down() {
    check(
        "isolet-cli → isolet-executor",
        &expect![
            "isolet-cli → isolet-executor is a new arrow, which is a design change: write it down in docs/architecture.md and in the table of xtask/src/ci/layers.rs"
        ],
    );
    check(
        "isolet-engine-v8 → isolet-core-traits",
        &expect![
            "isolet-engine-v8 is a new crate: write it down in docs/architecture.md and in the table of xtask/src/ci/layers.rs"
        ],
    );
}
