//! A process with a store in SQLite is killed.

use crate::contract::crash;
use crate::directory::location;

#[test]
fn what_was_acknowledged_survives_sigkill() {
    crash::what_was_acknowledged_survives_sigkill("crash::what_was_acknowledged_survives_sigkill", location);
}
