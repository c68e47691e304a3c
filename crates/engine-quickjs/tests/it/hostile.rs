//! Scripts that attack: in each of them the process survives and the status is right.

use isolet_engine_quickjs::QuickJs;
use isolet_testkit::conformance::hostile;

#[test]
fn hostile_scripts_end_as_they_should() {
    let engine = QuickJs::new().expect("an engine");
    let report = hostile::run_all(&engine);
    assert!(report.broke.is_empty(), "{report}");
    assert!(report.held.len() >= 40, "{report}");
}
