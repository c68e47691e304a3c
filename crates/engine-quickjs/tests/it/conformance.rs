//! The suite that every engine passes.

use isolet_engine_quickjs::QuickJs;
use isolet_testkit::conformance::{self, JavaScript};

use crate::rows;

fn keeps_the_contract(engine: &QuickJs) {
    let rows = rows::chosen(conformance::rows(), ToString::to_string);
    let report = conformance::run_rows(engine, &JavaScript, rows);
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed.len() >= 60, "{report}");
}

#[test]
fn quickjs_keeps_the_contract() {
    keeps_the_contract(&rows::engine());
}

#[test]
fn portable_quickjs_keeps_the_contract() {
    keeps_the_contract(&QuickJs::portable().expect("an engine"));
}
