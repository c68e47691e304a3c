//! Natives of `Intl`, for American English and UTC alone: tables and rules of the Unicode CLDR 48, as Node 20 has them.
//!
//! The scripts read options and hold the classes. What a format does is settled once, as a text of fields with commas
//! between them, which they hand over with each value.

mod collate;
mod currency;
mod date;
mod decimal;
mod locale;
mod number;
mod relative;

use isolet_core_traits::{Native, NativeFailure, NativeValue};

use super::refused;

pub(super) const COMMON: [Native; 3] = locale::NATIVES;
pub(super) const NUMBER: Native = number::NUMBER;
pub(super) const NUMBERS: [Native; 3] = [NUMBER, number::PLURAL, currency::NATIVE];
pub(super) const DATES: [Native; 3] = [date::DATE, date::IS_UTC, super::clock::TODAY];
pub(super) const WORDS: [Native; 2] = [relative::NATIVE, collate::NATIVE];

const NARROW_SPACE: &str = "\u{202f}";

/// What is formatted, in its parts: their types, and their texts.
#[derive(Debug, Default)]
struct Parts(Vec<(&'static str, String)>);

impl Parts {
    fn push(&mut self, kind: &'static str, text: impl Into<String>) {
        self.0.push((kind, text.into()));
    }

    fn literal(&mut self, text: &str) {
        match self.0.last_mut() {
            _ if text.is_empty() => {}
            Some(("literal", last)) => last.push_str(text),
            _ => self.push("literal", text),
        }
    }

    /// The whole as one text, or a line for each part: its type, a colon, its text. No text of ours has a line break.
    ///
    /// As in V8, a text has a plain space where a part alone is a narrow one: before AM and PM.
    fn into_value(self, in_parts: bool) -> NativeValue {
        let mut text = String::new();
        for (kind, part) in self.0 {
            match in_parts {
                true => text.extend([kind, ":", &part, "\n"]),
                false => text.push_str(if part == NARROW_SPACE { " " } else { &part }),
            }
        }
        NativeValue::String(text)
    }
}

/// The fields of what a script has settled.
fn fields<const COUNT: usize>(spec: &str) -> Result<[&str; COUNT], NativeFailure> {
    let mut fields = [""; COUNT];
    let mut given = spec.split(',');
    for field in &mut fields {
        *field = given.next().ok_or_else(refused)?;
    }
    match given.next() {
        None => Ok(fields),
        Some(_) => Err(refused()),
    }
}
