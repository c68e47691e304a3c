//! The text of a case: as it is, or made from choices by the [grammar](super::grammar).

use isolet_core_traits::SourceKind;

use super::choices::Choices;
use super::grammar;

/// Digits that a number in a text may have: sizes stay such that no builtin runs for seconds.
const DIGITS_MAX: usize = 5;
/// Beyond this, only first rows are chosen.
const BYTES_MAX: usize = 6_000;
const DEPTH_MAX: usize = 9;

/// The text with shorter numbers.
pub(super) fn bounded(text: &str) -> String {
    let mut bounded = String::with_capacity(text.len());
    let (mut digits, mut is_hex) = (0, false);
    for c in text.chars() {
        let is_prefix = digits == 1 && matches!(c, 'x' | 'X') && bounded.ends_with('0');
        let is_digit = c.is_ascii_digit() || is_hex && c.is_ascii_hexdigit();
        digits = match (is_digit, c) {
            (true, _) => digits + 1,
            (false, _) if is_prefix => 1,
            // The digit of an exponent is one too many.
            (false, 'e' | 'E') if digits > 0 => DIGITS_MAX - 1,
            (false, '_') if digits > 0 => digits,
            _ => 0,
        };
        is_hex = is_prefix || is_hex && is_digit;
        if !is_digit || digits <= DIGITS_MAX {
            bounded.push(c);
        }
    }
    bounded
}

/// A script that mostly compiles.
pub(super) fn generate(kind: SourceKind, choices: Choices<'_>) -> String {
    let mut writer = Writer { choices, text: String::new() };
    writer.write(grammar::PRELUDE, 0);
    let (open, close) = match kind {
        SourceKind::Script | SourceKind::Auto => ("", "\n@L"),
        SourceKind::Module => ("export default async (input, context) => {\n", "\nreturn @L }"),
        SourceKind::Body => ("", "\nreturn @L"),
    };
    writer.text.push_str(open);
    loop {
        writer.write("@T\n", 0);
        if writer.choices.is_used_up() || writer.text.len() > BYTES_MAX {
            break;
        }
    }
    writer.write(close, 0);
    writer.text
}

struct Writer<'a> {
    choices: Choices<'a>,
    text: String,
}

impl Writer<'_> {
    /// Writes a template. `@` and a letter stand for a row of that letter's table.
    fn write(&mut self, template: &str, depth: usize) {
        let mut parts = template.split('@');
        self.text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let mut rest = part.chars();
            if let Some(letter) = rest.next() {
                self.row(letter, depth + 1);
            }
            self.text.push_str(rest.as_str());
        }
    }

    fn row(&mut self, letter: char, depth: usize) {
        let rows = grammar::table(letter);
        let row = match depth > DEPTH_MAX || self.text.len() > BYTES_MAX {
            true => rows[0],
            false => self.choices.pick(rows),
        };
        self.write(row, depth);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_small() {
        for (text, expected) in [
            ("x = 1000000 + 12345", "x = 10000 + 12345"),
            ("1e9", "1e9"),
            ("1e99", "1e9"),
            ("0xffffffff + fade", "0xffff + fade"),
            ("a1b2c3", "a1b2c3"),
            ("123456_789n", "12345_n"),
            ("12.3456789", "12.34567"),
        ] {
            assert_eq!(bounded(text), expected, "{text}");
        }
    }

    #[test]
    fn no_choice_is_a_script_as_well() {
        let text = generate(SourceKind::Script, Choices::new(&[]));
        assert!(text.len() < 500 && !text.contains('@'), "{text}");
    }

    #[test]
    fn every_letter_has_a_table_and_first_rows_end() {
        for letter in 'A'..='z' {
            for row in grammar::table(letter) {
                let mut writer = Writer { choices: Choices::new(&[]), text: String::new() };
                writer.write(row, 0);
                assert!(writer.text.len() < 2_000, "{row}");
            }
        }
    }
}
