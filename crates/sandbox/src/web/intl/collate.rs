//! The order of texts, as readers of English expect it: letters regardless of accents and case first, then accents, then
//! small letters before capitals.
//!
//! Right for ASCII and for Latin letters with accents. What is beyond those comes after them, by code point.

use std::cmp::Ordering;
use std::iter::Peekable;

use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};

use crate::web::refused;

/// `native.compare(left, right, sensitivity, isNumeric, isUpperFirst, skipsPunctuation, isDecomposed)`: -1, 0 or 1; `null`
/// if the texts are neither ASCII nor decomposed (in NFD).
pub(super) const NATIVE: Native = Native { name: "compare", arguments: 7, call: compare };

/// ASCII's characters before the digits, in their order; control characters do not count.
const MARKS: &str = "\t\n\u{b}\u{c}\r _-–—,;:!¡?¿.…·'‘’\"“”«»()[]{}§¶@*/\\&#%•`´^¯¨¸°©®+±÷×<=>¬|¦~¤¢$£¥€";

/// Combining marks in their order, all others being after them.
const ACCENTS: [u32; 14] =
    [0x301, 0x300, 0x306, 0x302, 0x30c, 0x30a, 0x308, 0x30b, 0x303, 0x307, 0x338, 0x327, 0x328, 0x304];

/// A stroke through a letter, which is no combining mark.
const STROKE: u32 = 11;

/// The weights of one character: its letter, what is added to it, and its case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Weight {
    letter: u32,
    accent: u32,
    /// 0 for small letters, 1 for capitals, and 2 more for letters that are written as two.
    case: u8,
}

/// A character's weights, and of a letter that is written as two the second.
fn weights(c: char) -> Option<(Weight, Option<char>)> {
    let lower = c.to_lowercase().next().unwrap_or(c);
    let (base, accent, second) = match lower {
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}' => {
            return None;
        }
        'ß' => ('s', 0, Some('s')),
        'æ' => ('a', 0, Some('e')),
        'œ' => ('o', 0, Some('e')),
        'ø' => ('o', STROKE, None),
        'đ' | 'ð' => ('d', STROKE, None),
        'ħ' => ('h', STROKE, None),
        'ł' => ('l', STROKE, None),
        '\u{a0}' => (' ', 0, None),
        other => (other, 0, None),
    };
    let letter = match base {
        '0'..='9' => 1_000 + base as u32,
        'a'..='z' => 2_000 + base as u32,
        _ => match MARKS.chars().position(|mark| mark == base) {
            Some(at) => 1 + at as u32,
            None => 10_000 + base as u32,
        },
    };
    let case = u8::from(lower != c) + if second.is_some() { 2 } else { 0 };
    Some((Weight { letter, accent, case }, second))
}

#[derive(Debug, Clone, Copy)]
struct Rules {
    /// Of `letter`, `accent` and case, which count.
    accents: bool,
    case: bool,
    is_numeric: bool,
    is_upper_first: bool,
    skips_punctuation: bool,
}

/// A letter's weight, or a whole number of any length.
#[derive(Debug, PartialEq, Eq)]
struct Element {
    weight: Weight,
    number: Option<String>,
}

/// The elements of a text, with the combining marks of each added to its accent.
struct Elements<I: Iterator<Item = char>> {
    text: Peekable<I>,
    second: Option<Weight>,
    rules: Rules,
}

fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

impl<I: Iterator<Item = char>> Iterator for Elements<I> {
    type Item = Element;

    fn next(&mut self) -> Option<Element> {
        if let Some(weight) = self.second.take() {
            return Some(Element { weight, number: None });
        }
        loop {
            let c = self.text.next()?;
            let Some((mut weight, second)) = weights(c) else { continue };
            if self.rules.skips_punctuation && weight.letter < 1_000 && c.is_ascii_punctuation() | c.is_whitespace() {
                continue;
            }
            if self.rules.is_numeric && c.is_ascii_digit() {
                let mut number = c.to_string();
                while let Some(digit) = self.text.next_if(char::is_ascii_digit) {
                    number.push(digit);
                }
                weight.letter = 1_000;
                return Some(Element { weight, number: Some(number.trim_start_matches('0').to_owned()) });
            }
            while let Some(mark) = self.text.next_if(|&c| is_mark(c)) {
                let place = ACCENTS.iter().position(|accent| *accent == mark as u32);
                let rank = place.map_or(mark as u32 - 0x2ff + 15, |at| at as u32 + 1);
                weight.accent = (weight.accent << 8 | rank).min(1 << 24);
            }
            self.second = second.and_then(weights).map(|(weight, _)| weight);
            return Some(Element { weight, number: None });
        }
    }
}

fn order(left: &str, right: &str, rules: Rules) -> Ordering {
    let elements = |text| Elements { text: str::chars(text).peekable(), second: None, rules };
    let (mut left, mut right) = (elements(left), elements(right));
    let (mut accents, mut case) = (Ordering::Equal, Ordering::Equal);
    loop {
        let (left, right) = match (left.next(), right.next()) {
            (None, None) => break,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(left), Some(right)) => (left, right),
        };
        let numbers = match (&left.number, &right.number) {
            (Some(left), Some(right)) => left.len().cmp(&right.len()).then_with(|| left.cmp(right)),
            _ => Ordering::Equal,
        };
        let letters = left.weight.letter.cmp(&right.weight.letter).then(numbers);
        if letters.is_ne() {
            return letters;
        }
        accents = accents.then(left.weight.accent.cmp(&right.weight.accent));
        let cases = left.weight.case.cmp(&right.weight.case);
        case = case.then(if rules.is_upper_first { cases.reverse() } else { cases });
    }
    let (accents, case) = match (rules.accents, rules.case) {
        (true, true) => (accents, case),
        (true, false) => (accents, Ordering::Equal),
        (false, true) => (Ordering::Equal, case),
        (false, false) => (Ordering::Equal, Ordering::Equal),
    };
    accents.then(case)
}

fn compare(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    use NativeValue::{Bool, String};
    let [
        String(left),
        String(right),
        String(sensitivity),
        Bool(is_numeric),
        Bool(is_upper_first),
        Bool(skips_punctuation),
        Bool(is_decomposed),
    ] = arguments
    else {
        return Err(refused());
    };
    let is_plain = left.is_ascii() && right.is_ascii();
    if !is_plain && !is_decomposed {
        return Ok(NativeValue::Null);
    }
    let rules = Rules {
        accents: matches!(&**sensitivity, "accent" | "variant"),
        case: matches!(&**sensitivity, "case" | "variant"),
        is_numeric: *is_numeric,
        is_upper_first: *is_upper_first,
        skips_punctuation: *skips_punctuation,
    };
    Ok(NativeValue::Number(f64::from(order(left, right, rules) as i8)))
}
