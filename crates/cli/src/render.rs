//! Reports as people read them. Pure: figures and text in, text out.
//!
//! Names, messages, console lines and outputs come from scripts. They pass through [`text`] before they are shown, so
//! that no script can drive the terminal or forge a line of isolet's own.

mod diagnostic;
mod json;
mod notes;
mod palette;
mod text;
mod times;

pub(crate) use diagnostic::diagnostic;
pub(crate) use json::{inert, pretty};
pub(crate) use notes::{event_line, log_line, not_taken, notes};
pub(crate) use palette::Palette;
pub(crate) use text::one_line;
pub(crate) use times::{Times, human, percentile};
