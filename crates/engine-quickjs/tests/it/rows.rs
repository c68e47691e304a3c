//! What is tested: all rows of a table on an engine with all that it can, unless a checker leaves some of it out, under
//! which everything is slow and no handler of signals may switch stacks.

use std::collections::BTreeSet;
use std::env;

use isolet_engine_quickjs::QuickJs;

/// The names of the rows that are left out, one a line.
const LEFT_OUT: &str = "ISOLET_ROWS_LEFT_OUT";

const WITHOUT_SIGNALS: &str = "ISOLET_WITHOUT_SIGNALS";

/// The engine in its restored form.
pub(crate) fn engine() -> QuickJs {
    let engine = QuickJs::new().expect("an engine");
    if env::var_os(WITHOUT_SIGNALS).is_some() { engine.without_signals() } else { engine }
}

/// The rows that are to run. Panics if one is left out that the table does not have.
pub(crate) fn chosen<T>(rows: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let named = env::var(LEFT_OUT).unwrap_or_default();
    let mut left_out: BTreeSet<_> = named.lines().collect();
    let chosen = rows.filter(|row| !left_out.remove(&*name(row))).collect();
    assert!(left_out.is_empty(), "there are no such rows: {left_out:?}");
    chosen
}
