//! What went wrong in a script, told in the author's terms.

use serde::{Deserialize, Serialize};

use crate::source::Source;

/// Which rule an uncaught failure broke; gives the report's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// An uncaught exception or rejection, or a promise that nothing can settle any more.
    Runtime,
    /// The script used something that its policy blocks.
    SandboxViolation,
    /// A host call over the tenant's rate, and the script did not catch it.
    RateLimited,
    /// The output cannot be written as JSON.
    Output,
    /// A host operation failed on its own account, and the script did not catch it.
    Host,
}

/// A place in the source, in the author's count: lines and columns from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// One frame of a script's stack. Frames of isolet's own code and of builtins are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    /// The function's name; `None` at the top level and for anonymous functions.
    pub function: Option<String>,
    /// The source's name.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// An error that led to another one: its `cause`, or one of the `errors` of an `AggregateError`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The error's name; `NonError` if it is something else.
    pub name: String,
    /// The error's message, or the value as text.
    pub message: String,
    /// Line of the source, from 1.
    pub line: Option<u32>,
    /// Column of the source in characters, from 1.
    pub column: Option<u32>,
}

/// The line of the source at which something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snippet {
    /// The line, without its line break; cut around the column if it is longer than [`Snippet::LENGTH_MAX`].
    pub text: String,
    /// Where in `text` the caret goes, in characters, from 1.
    pub caret: u32,
}

impl Snippet {
    /// The longest snippet, in characters.
    pub const LENGTH_MAX: usize = 120;

    /// The line of `source` at `place`, or `None` if the source has no such line.
    pub fn at(source: &Source, place: Place) -> Option<Self> {
        let line = source.text().lines().nth((place.line as usize).checked_sub(1)?)?;
        let column = (place.column as usize).max(1) - 1;
        let start =
            if line.chars().count() <= Self::LENGTH_MAX { 0 } else { column.saturating_sub(Self::LENGTH_MAX / 2) };
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = line.chars().skip(start).take(Self::LENGTH_MAX).map(visible).collect();
        let caret = (column - start).min(text.chars().count()) as u32 + 1;
        Some(Self { text, caret })
    }
}

/// An uncaught failure of a script, as the engine saw it.
///
/// `name`, `message` and the stack come from script-controlled values: the engine reads them under the run's limits and
/// cuts them to [`ScriptFailure::MESSAGE_BYTES_MAX`], [`ScriptFailure::FRAMES_MAX`] and [`ScriptFailure::CAUSES_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptFailure {
    /// Which rule it broke.
    pub kind: FailureKind,
    /// The error's name, for example `TypeError`; `NonError` if something else than an error was thrown.
    pub name: String,
    /// The error's message, or the thrown value as text.
    pub message: String,
    /// Where it happened, if that is known.
    pub place: Option<Place>,
    /// The script's frames, innermost first.
    pub stack: Vec<Frame>,
    /// What led to it, the nearest first.
    pub causes: Vec<Cause>,
    /// What the author can do about it.
    pub hint: Option<String>,
    /// Whether the same run may succeed when tried again.
    pub retryable: bool,
}

impl ScriptFailure {
    /// The longest message, in bytes; a longer one is cut and ends in `…`.
    pub const MESSAGE_BYTES_MAX: usize = 4 << 10;
    /// The most frames of a stack.
    pub const FRAMES_MAX: usize = 32;
    /// The most causes.
    pub const CAUSES_MAX: usize = 8;

    /// A failure without place, stack and hint, not retryable.
    pub fn new(kind: FailureKind, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            name: cut(name.into()),
            message: cut(message.into()),
            place: None,
            stack: Vec::new(),
            causes: Vec::new(),
            hint: None,
            retryable: false,
        }
    }

    /// The failure of a run whose output promise nothing can settle any more.
    pub fn never_settled() -> Self {
        let message = "the script awaits a promise that nothing can settle any more";
        let hint =
            "a promise was created whose resolve function is never called, or a call was awaited that never ends";
        Self { hint: Some(hint.into()), ..Self::new(FailureKind::Runtime, "NeverSettled", message) }
    }
}

fn cut(mut text: String) -> String {
    if text.len() > ScriptFailure::MESSAGE_BYTES_MAX {
        text.truncate(text.floor_char_boundary(ScriptFailure::MESSAGE_BYTES_MAX));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    #[test]
    fn a_snippet_shows_the_place() {
        let long = format!("{}!{}", "a".repeat(500), "b".repeat(500));
        for (text, line, column, shown, caret) in [
            ("let x = 1\nnull.y", 2, 6, "null.y", 6),
            ("a\r\nb", 1, 9, "a", 2),
            ("\tx", 1, 2, " x", 2),
            (&long, 1, 501, &*format!("{}!{}", "a".repeat(60), "b".repeat(59)), 61),
        ] {
            let source = Source::new("a.js", text, SourceKind::Auto).expect("a name");
            let snippet = Snippet::at(&source, Place { line, column }).expect("a line");
            assert_eq!((snippet.text.as_str(), snippet.caret), (shown, caret));
        }
        let source = Source::new("a.js", "x", SourceKind::Auto).expect("a name");
        assert_eq!(Snippet::at(&source, Place { line: 7, column: 1 }), None);
        assert_eq!(Snippet::at(&source, Place { line: 0, column: 0 }), None);
    }

    #[test]
    fn long_messages_are_cut() {
        let failure = ScriptFailure::new(FailureKind::Runtime, "Error", "ä".repeat(5_000));
        assert_eq!(failure.message.len(), ScriptFailure::MESSAGE_BYTES_MAX + '…'.len_utf8());
    }
}
