//! Where a syntax error is that the engine gives no place for, as it does for regular expressions and private names.
//!
//! The compiler reads from left to right: what it refuses in a source it refuses in each beginning of it that reaches so
//! far, and no shorter one fails in the same way. So the end of what is refused is found by halving.

use isolet_core_traits::{Place, ScriptFailure};

use super::Attempt;

/// Longer sources are not searched: each step compiles one anew.
const SOURCE_BYTES_MAX: usize = 64 << 10;

pub(super) struct Search {
    /// The way in which the source was refused.
    attempt: Attempt,
    message: String,
    /// A beginning of so many bytes is refused like the whole,
    reaches: usize,
    /// and one of so many is not.
    falls_short: usize,
}

impl Search {
    /// For a failure of the whole source, if it has no place.
    pub(super) fn new(text: &str, attempt: Attempt, failure: &ScriptFailure) -> Option<Self> {
        let is_searched = failure.place.is_none() && failure.name == "SyntaxError" && text.len() <= SOURCE_BYTES_MAX;
        let message = failure.message.clone();
        is_searched.then_some(Self { attempt, message, reaches: text.len(), falls_short: 0 })
    }

    /// The beginning to be tried next, if there is one between the two.
    pub(super) fn next<'a>(&self, text: &'a str) -> Option<(Attempt, &'a str)> {
        let middle = usize::midpoint(self.falls_short, self.reaches);
        let middle = [text.floor_char_boundary(middle), text.ceil_char_boundary(middle)];
        let middle = middle.into_iter().find(|&at| self.falls_short < at && at < self.reaches)?;
        Some((self.attempt, &text[..middle]))
    }

    /// What came of a beginning of so many bytes: how it was refused, if it was.
    pub(super) fn tell(&mut self, bytes: usize, refused: Option<&ScriptFailure>) {
        match refused.is_some_and(|failure| failure.place.is_none() && failure.message == self.message) {
            true => self.reaches = bytes,
            false => self.falls_short = bytes,
        }
    }

    /// Where what is refused begins.
    pub(super) fn place(&self, text: &str) -> Place {
        let text = &text[..self.reaches];
        let quoted = self.message.split('\'').nth(1).filter(|name| !name.is_empty() && text.ends_with(name));
        let start = quoted.map(|name| text.len() - name.len()).or_else(|| regular_expression(text));
        let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
        place_at(text, start.unwrap_or(last))
    }
}

/// Where the regular expression begins that `text` ends with, but for its flags.
fn regular_expression(text: &str) -> Option<usize> {
    let line = text.rfind('\n').map_or(0, |at| at + 1);
    let pattern = text[line..].trim_end_matches(|c: char| c.is_ascii_alphabetic()).strip_suffix('/')?;
    pattern.rfind('/').map(|at| line + at)
}

/// The place of a byte of a text.
pub(super) fn place_at(text: &str, at: usize) -> Place {
    let before = &text[..at];
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    Place { line: before.matches('\n').count() as u32 + 1, column: column as u32 + 1 }
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::FailureKind;

    use super::*;

    /// Searches with a compiler that refuses whatever contains `refused`.
    fn found(text: &str, refused: &str, message: &str) -> Option<(u32, u32)> {
        let failure = ScriptFailure::new(FailureKind::Runtime, "SyntaxError", message);
        let mut search = Search::new(text, Attempt::Script, &failure)?;
        while let Some((_, beginning)) = search.next(text) {
            let refused = beginning.contains(refused).then_some(&failure);
            search.tell(beginning.len(), refused);
        }
        let Place { line, column } = search.place(text);
        Some((line, column))
    }

    #[test]
    fn what_is_refused_is_found() {
        let regex = "expecting ')'";
        assert_eq!(found("const a = 1;\nconst r = /(abc/;\nr", "/(abc/", regex), Some((2, 11)));
        assert_eq!(
            found("const ä = '€😀', r = /a/gg; /b/", "/a/gg", "invalid regular expression flags"),
            Some((1, 21))
        );
        assert_eq!(found("class A {}\nnew A().#x + 1", "#x", "undefined private field '#x'"), Some((2, 9)));
        assert_eq!(found("😀", "😀", "anything"), Some((1, 1)));
        assert_eq!(found(&" ".repeat(SOURCE_BYTES_MAX + 1), " ", regex), None);
    }
}
