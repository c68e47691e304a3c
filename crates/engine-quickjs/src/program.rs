//! A compiled source.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use isolet_core_traits::Place;

/// A compiled source: bytecode and what is needed to tell positions. Cheap to clone; belongs to no VM.
///
/// There are two ways to get one, and both end in bytecode that this engine wrote: compiling and opening a seal.
#[derive(Debug, Clone)]
pub struct QuickJsProgram(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    number: u64,
    form: Form,
    bytecode: Box<[u8]>,
    /// The author's text if it has characters of more than one byte: QuickJS counts columns in bytes.
    wide_text: Option<Box<str>>,
}

/// How bytecode is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// An async script: a promise for an object whose `value` is the completion value.
    Script,
    /// A script without `await`: its completion value.
    Synchronous,
    /// A module with a default export.
    Module,
    /// An expression whose value is an async function `(input, context)`.
    Function,
}

impl Form {
    pub(crate) const ALL: [Self; 4] = [Self::Script, Self::Synchronous, Self::Module, Self::Function];
}

impl QuickJsProgram {
    /// `bytecode` must come from this engine (B1).
    pub(crate) fn new(form: Form, bytecode: Vec<u8>, wide_text: Option<Box<str>>) -> Self {
        static PROGRAMS: AtomicU64 = AtomicU64::new(0);
        let number = PROGRAMS.fetch_add(1, Relaxed);
        Self(Arc::new(Compiled { number, form, bytecode: bytecode.into(), wide_text }))
    }

    /// Names the program: used once in a process.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    pub(crate) fn form(&self) -> Form {
        self.0.form
    }

    pub(crate) fn bytecode(&self) -> &[u8] {
        &self.0.bytecode
    }

    pub(crate) fn wide_text(&self) -> Option<&str> {
        self.0.wide_text.as_deref()
    }

    /// Bytes that it holds: what a cache counts.
    pub fn bytes(&self) -> usize {
        self.0.bytecode.len() + self.0.wide_text.as_ref().map_or(0, |text| text.len())
    }
}

/// The author's text if columns need it.
pub(crate) fn wide_text(text: &str) -> Option<Box<str>> {
    (!text.is_ascii()).then(|| text.into())
}

/// A position as QuickJS counts it, columns in bytes, as the author does, columns in characters.
pub(crate) fn place(line: u32, column_bytes: u32, wide_text: Option<&str>) -> Place {
    let line = line.max(1);
    let before = (column_bytes as usize).saturating_sub(1);
    let in_characters = |text: &str| {
        let line = text.lines().nth(line as usize - 1)?;
        Some(line[..line.floor_char_boundary(before)].chars().count())
    };
    let column = wide_text.and_then(in_characters).unwrap_or(before);
    Place { line, column: column as u32 + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_characters() {
        for (text, line, column, expected) in [
            (None, 3, 5, (3, 5)),
            (None, 0, 0, (1, 1)),
            (Some("äö x"), 1, 6, (1, 4)),
            (Some("a\nä"), 2, 9, (2, 2)),
            (Some("ä"), 7, 3, (7, 3)),
        ] {
            let place = place(line, column, text);
            assert_eq!((place.line, place.column), expected);
        }
    }
}
