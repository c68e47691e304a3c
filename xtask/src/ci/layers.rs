//! The check of who knows whom.
//!
//! Arrows between the crates point up only:
//!
//! ```text
//! core-traits ← engine-quickjs, sandbox, limits, cache, pool, testkit
//!               sandbox, limits, cache, pool ← executor ← isolet ← cli, server, benches
//! ```
//!
//! [`ARROWS`] is the whole truth about arrows between our own crates; [`RULES`] says the rest, one sentence each.
//! Only normal and build dependencies count: tests may know more.
//! Features are those of the whole workspace with all features on, so a rule may be stricter than a single build is.

mod graph;
mod rule;

use anyhow::Result;

use self::graph::Graph;
use self::rule::{Reach, Rule, What, Who};
use super::step::Report;
use crate::workspace::Workspace;

const CACHE: &str = "isolet-cache";
const CLI: &str = "isolet-cli";
const CORE_TRAITS: &str = "isolet-core-traits";
const ENGINE_QUICKJS: &str = "isolet-engine-quickjs";
const EXECUTOR: &str = "isolet-executor";
const FUZZ: &str = "isolet-fuzz";
const FACADE: &str = "isolet";
const BENCHES: &str = "isolet-benches";
const LIMITS: &str = "isolet-limits";
const POOL: &str = "isolet-pool";
const SANDBOX: &str = "isolet-sandbox";
const SDK: &str = "isolet-sdk";
const SERVER: &str = "isolet-server";
const STORE: &str = "isolet-store";
const TESTKIT: &str = "isolet-testkit";
const XTASK: &str = "xtask";

/// Our crates, and which of ours each may know.
static ARROWS: [(&str, &[&str]); 16] = [
    (CORE_TRAITS, &[]),
    (ENGINE_QUICKJS, &[CORE_TRAITS]),
    (SANDBOX, &[CORE_TRAITS]),
    (LIMITS, &[CORE_TRAITS]),
    (CACHE, &[CORE_TRAITS]),
    (POOL, &[CORE_TRAITS]),
    (EXECUTOR, &[CORE_TRAITS, SANDBOX, LIMITS, CACHE, POOL]),
    (SDK, &[CORE_TRAITS, SANDBOX]),
    (STORE, &[CORE_TRAITS, CACHE]),
    (FACADE, &[CORE_TRAITS, ENGINE_QUICKJS, SANDBOX, LIMITS, CACHE, POOL, EXECUTOR, SDK, STORE]),
    (SERVER, &[FACADE]),
    (CLI, &[FACADE]),
    (TESTKIT, &[CORE_TRAITS]),
    (BENCHES, &[CORE_TRAITS, ENGINE_QUICKJS, SANDBOX, LIMITS, CACHE, POOL, EXECUTOR, SDK, STORE, FACADE, TESTKIT]),
    (FUZZ, &[CORE_TRAITS, ENGINE_QUICKJS, SANDBOX, SDK, TESTKIT]),
    (XTASK, &[]),
];

const RQUICKJS: &[&str] = &["rquickjs", "rquickjs-core", "rquickjs-macro", "rquickjs-sys"];
const SDKS_AND_DATABASES: &[&str] =
    &[SDK, STORE, "async-nats", "diesel", "libsqlite3-sys", "postgres", "rusqlite", "sqlx", "tokio-postgres"];

/// What must be absent, in the words of docs/architecture.md.
static RULES: [Rule; 9] = [
    Rule {
        sentence: "core-traits knows no tokio",
        who: Who::Only(&[CORE_TRAITS]),
        knows_no: What::Named(&["tokio"]),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "core-traits knows no rquickjs",
        who: Who::Only(&[CORE_TRAITS]),
        knows_no: What::Named(RQUICKJS),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "core-traits knows nothing of ours",
        who: Who::Only(&[CORE_TRAITS]),
        knows_no: What::OursBut(&[]),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "cache, limits, pool, sandbox, engine-quickjs and testkit know only core-traits of ours",
        who: Who::Only(&[CACHE, LIMITS, POOL, SANDBOX, ENGINE_QUICKJS, TESTKIT]),
        knows_no: What::OursBut(&[CORE_TRAITS]),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "the executor knows no engine",
        who: Who::Only(&[EXECUTOR]),
        knows_no: What::Named(&[ENGINE_QUICKJS, "rquickjs", "rquickjs-core", "rquickjs-macro", "rquickjs-sys"]),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "the executor knows no SDK and no database",
        who: Who::Only(&[EXECUTOR]),
        knows_no: What::Named(SDKS_AND_DATABASES),
        reach: Reach::Transitive,
    },
    Rule {
        sentence: "only engine-quickjs knows rquickjs",
        who: Who::AllBut(&[ENGINE_QUICKJS]),
        knows_no: What::Named(RQUICKJS),
        reach: Reach::Direct,
    },
    Rule {
        sentence: "only cli, xtask and benches know anyhow",
        who: Who::AllBut(&[CLI, XTASK, BENCHES]),
        knows_no: What::Named(&["anyhow"]),
        reach: Reach::Direct,
    },
    Rule {
        sentence: "nothing published depends on testkit outside its tests",
        who: Who::Published,
        knows_no: What::Named(&[TESTKIT]),
        reach: Reach::Direct,
    },
];

/// Every arrow is in the table, and every rule holds.
pub(super) fn step(workspace: &Workspace) -> Result<Report> {
    Ok(Report::of(violations(&Graph::of(workspace)?)))
}

fn violations(graph: &Graph) -> Vec<String> {
    let broken = RULES.iter().flat_map(|rule| rule.violations(graph));
    unknown_arrows(graph).into_iter().chain(broken).collect()
}

/// Our crates and arrows between them that the table does not hold.
fn unknown_arrows(graph: &Graph) -> Vec<String> {
    let mut failures = Vec::new();
    for name in graph.ours() {
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
            failures.push(format!(
                "{name} is a new crate: write it down in docs/architecture.md and in the table of xtask/src/ci/layers.rs"
            ));
            continue;
        };
        for dependency in graph.direct(name) {
            if graph.is_ours(dependency) && !allowed.contains(&dependency) {
                failures.push(format!(
                    "{name} → {dependency} is a new arrow, which is a design change: \
                     write it down in docs/architecture.md and in the table of xtask/src/ci/layers.rs"
                ));
            }
        }
    }
    failures
}

#[cfg(test)]
mod tests;
