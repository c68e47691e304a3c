//! Ways out that somebody may try, as data: each is run by the real engine with the whole environment and a host.

mod code;
mod dates;
mod host;
mod language;
mod natives;
mod patched;
mod web;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use isolet::{Isolet, LimitOverrides, Policy, Profile, Report, Status};
use isolet_testkit::services::Echo;
use tokio::task::JoinSet;

use crate::setup::{builder, execution, told};

/// One way, and what must come of it.
#[derive(Clone, Copy)]
struct Escape {
    /// Unique in the table.
    name: &'static str,
    profiles: &'static [Profile],
    script: &'static str,
    ends: Ends,
}

#[derive(Clone, Copy)]
enum Ends {
    /// Status ok, with this JSON.
    Gives(&'static str),
    /// A violation, with a hint that has this part and the policy's name.
    Violates(&'static str),
    /// A runtime error whose `NAME: MESSAGE` begins so.
    Throws(&'static str),
    /// The source is refused, for a reason that begins so.
    Refused(&'static str),
    /// The output is none, for a reason that begins so.
    HasNoJson(&'static str),
    /// Ended by the deadline.
    TimesOut,
    /// Ended by the limit of memory or by the deadline: which one comes first depends on the machine.
    IsKilled,
}

use Ends::{Gives, HasNoJson, IsKilled, Refused, Throws, TimesOut, Violates};

const SANDBOXES: &[Profile] = &[Profile::Standard, Profile::Strict];
const STANDARD: &[Profile] = &[Profile::Standard];
const STRICT: &[Profile] = &[Profile::Strict];
const TRUSTED: &[Profile] = &[Profile::Trusted];
/// The reason of violations that turn text into code.
const EVAL: &str = "evaluating strings as code is off";
const IMPORT: &str = "what the host provides by name";

const fn on(profiles: &'static [Profile], name: &'static str, script: &'static str, ends: Ends) -> Escape {
    Escape { name, profiles, script, ends }
}

/// Under `standard` and `strict`.
const fn row(name: &'static str, script: &'static str, ends: Ends) -> Escape {
    on(SANDBOXES, name, script, ends)
}

const THEMES: &[&[Escape]] =
    &[code::ROWS, dates::ROWS, host::ROWS, natives::ROWS, patched::ROWS, web::ROWS, language::ROWS];

/// What no report may show: paths of the machine, this project's among them, and places in code of ours.
const NEVER_TOLD: &[&str] =
    &["/home/", "/root/", "/usr/", "/tmp/", env!("CARGO_MANIFEST_DIR"), ".rs:", "native.", "setup:", "isolet_"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_way_out_is_closed() {
    const AT_ONCE: usize = 4;
    let isolet = |profile| builder().host(Echo).policy(Policy::of(profile)).build().expect("it builds");
    let isolets = Arc::new(Profile::ALL.map(isolet));
    let rows = THEMES.iter().copied().flatten();
    let runs: Vec<_> = rows.flat_map(|row| row.profiles.iter().map(|&profile| (*row, profile))).collect();
    let mut wrong = Vec::new();
    for group in runs.chunks(AT_ONCE) {
        let mut ended = JoinSet::new();
        for &(row, profile) in group {
            let isolets = isolets.clone();
            ended.spawn(async move { check(&isolets[profile as usize], row, profile).await.err() });
        }
        while let Some(row) = ended.join_next().await {
            wrong.extend(row.expect("no panic"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n\n{}", wrong.len(), runs.len(), wrong.join("\n\n"));
    for isolet in isolets.iter() {
        assert_eq!(isolet.metrics().executions.of(Status::EngineFault), 0);
    }
}

async fn check(isolet: &Isolet, row: Escape, profile: Profile) -> Result<(), String> {
    let execution =
        execution(row.script).context(&serde_json::json!({ "plan": { "name": "gold" } })).expect("an object");
    let execution = match row.ends {
        TimesOut | IsKilled => {
            let wall_time = Some(Duration::from_millis(100));
            execution.limits(LimitOverrides { wall_time, ..LimitOverrides::default() })
        }
        _ => execution,
    };
    let report = isolet.execute(execution).await;
    let fail = |why: &str| Err(format!("{} ({}): {why}\n   {}", row.name, profile.name(), shown(&report)));
    let all = serde_json::to_string(&report).expect("JSON");
    if let Some(found) = NEVER_TOLD.iter().find(|part| all.contains(**part)) {
        return fail(&format!("the report tells {found}"));
    }
    if report.context.tenant.as_str() != "acme" {
        return fail("another tenant");
    }
    let hint = report.error.as_ref().and_then(|error| error.hint.as_deref()).unwrap_or_default();
    let held = match row.ends {
        Gives(json) => report.status == Status::Ok && output(&report) == json,
        Violates(part) => {
            let policy = format!("(the policy is {})", profile.name());
            report.status == Status::SandboxViolation && hint.contains(part) && hint.ends_with(&policy)
        }
        Throws(start) => told(&report).starts_with(&format!("runtime_error: {start}")),
        Refused(start) => told(&report).starts_with(&format!("syntax_error: {start}")),
        HasNoJson(start) => told(&report).starts_with(&format!("output_error: {start}")),
        TimesOut => report.status == Status::Timeout,
        IsKilled => matches!(report.status, Status::Timeout | Status::MemoryExceeded),
    };
    if held { Ok(()) } else { fail("another end") }
}

fn output(report: &Report) -> &str {
    report.output.as_ref().map_or("", |output| output.get())
}

fn shown(report: &Report) -> String {
    let hint = report.error.as_ref().and_then(|error| error.hint.clone()).unwrap_or_default();
    format!("{} {} {hint}", told(report), output(report))
}

#[test]
fn the_table_is_broad_and_its_names_are_unique() {
    let mut names = HashSet::new();
    for row in THEMES.iter().copied().flatten() {
        assert!(names.insert(row.name), "two rows are named {:?}", row.name);
        assert!(!row.profiles.is_empty(), "{} runs nowhere", row.name);
    }
    assert!(names.len() >= 120, "{} rows", names.len());
}
