//! The rows that are written in JavaScript, by group.
//!
//! What they expect follows from the contract and from ECMAScript. Of messages they expect only what the contract says.

mod calls;
mod errors;
mod kinds;
mod limits;
mod logs;
mod natives;
mod payloads;
mod places;
mod stack;
mod values;
mod world;

use super::script::Script;

/// All groups with their names.
pub(super) const GROUPS: &[(&str, &[Script])] = &[
    ("values", values::ROWS),
    ("kinds", kinds::ROWS),
    ("world", world::ROWS),
    ("errors", errors::ROWS),
    ("places", places::ROWS),
    ("calls", calls::ROWS),
    ("payloads", payloads::ROWS),
    ("natives", natives::ROWS),
    ("logs", logs::ROWS),
    ("limits", limits::ROWS),
    ("stack", stack::ROWS),
];
