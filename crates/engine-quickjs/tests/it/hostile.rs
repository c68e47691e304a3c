//! Scripts that attack: in each of them the process survives and the status is right.

use isolet_engine_quickjs::QuickJs;
use isolet_testkit::conformance::hostile;
use isolet_testkit::hostile::all;

use crate::rows;

fn holds(engine: &QuickJs) {
    let rows = rows::chosen(all(), |row| row.name.to_owned());
    let report = hostile::run_rows(engine, rows);
    assert!(report.broke.is_empty(), "{report}");
    assert!(report.held.len() >= 40, "{report}");
}

#[test]
fn hostile_scripts_end_as_they_should() {
    holds(&rows::engine());
}

#[test]
fn hostile_scripts_end_as_they_should_in_the_portable_form() {
    holds(&QuickJs::portable().expect("an engine"));
}
