//! Which rows of a table are run: all of them, unless a checker under which everything is slow leaves some out.

use std::collections::BTreeSet;
use std::env;

/// The names of the rows that are left out, one a line.
const LEFT_OUT: &str = "ISOLET_ROWS_LEFT_OUT";

/// The rows that are to run. Panics if one is left out that the table does not have.
pub(crate) fn chosen<T>(rows: impl Iterator<Item = T>, name: impl Fn(&T) -> String) -> Vec<T> {
    let named = env::var(LEFT_OUT).unwrap_or_default();
    let mut left_out: BTreeSet<_> = named.lines().collect();
    let chosen = rows.filter(|row| !left_out.remove(&*name(row))).collect();
    assert!(left_out.is_empty(), "there are no such rows: {left_out:?}");
    chosen
}
