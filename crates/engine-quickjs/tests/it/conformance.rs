//! The suite that every engine passes.

use isolet_engine_quickjs::QuickJs;
use isolet_testkit::conformance::{self, JavaScript};

#[test]
fn quickjs_keeps_the_contract() {
    let engine = QuickJs::new().expect("an engine");
    let report = conformance::run(&engine, &JavaScript);
    assert!(report.failed.is_empty(), "{report}");
    assert!(report.passed.len() >= 60, "{report}");
}
