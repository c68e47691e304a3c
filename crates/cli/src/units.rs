//! Figures with units, as people write them after a flag.

mod duration;
mod rate;
mod size;
mod timestamp;

use std::fmt::Display;

pub(crate) use duration::duration;
pub(crate) use rate::{Rate, rate};
pub(crate) use size::size;
pub(crate) use timestamp::{date_and_time, timestamp};

/// A count from 1 to `max`.
pub(crate) fn count(text: &str, max: usize) -> Result<usize, String> {
    let (number, rest) = number(text, "10")?;
    match usize::try_from(number) {
        _ if !rest.is_empty() => Err(format!("`{rest}` after the number means nothing, write for example 10")),
        Ok(count) if count <= max => Ok(count),
        _ => Err(format!("at most {max} is allowed")),
    }
}

/// A seed: any number of 64 bits.
pub(crate) fn seed(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(seed) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(seed),
        _ => Err(format!("not a whole number from 0 to {}", u64::MAX)),
    }
}

/// The whole number at the start of `text` and what follows it. `example` is one that would be accepted.
fn number<'a>(text: &'a str, example: &str) -> Result<(u64, &'a str), String> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if text.is_empty() {
        return Err(format!("empty, write for example {example}"));
    }
    if text.starts_with('-') {
        return Err(format!("must not be negative, write for example {example}"));
    }
    if rest.starts_with(['.', ',']) {
        return Err(format!("only whole numbers are known, write for example {example}"));
    }
    if digits.is_empty() {
        return Err(format!("does not start with a number, write for example {example}"));
    }
    let number = digits.parse().map_err(|_| too_large())?;
    if number == 0 {
        return Err("must be more than 0".into());
    }
    Ok((number, rest.trim_start()))
}

fn too_large() -> String {
    "too large".into()
}

fn unknown_unit(unit: impl Display, known: &str) -> String {
    format!("unknown unit `{unit}`, the known ones are {known}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds() {
        assert_eq!((seed("0"), seed("18446744073709551615")), (Ok(0), Ok(u64::MAX)));
        for text in ["", "-1", "+1", "1.5", "0x7", "x", "18446744073709551616"] {
            assert_eq!(seed(text), Err("not a whole number from 0 to 18446744073709551615".into()), "{text}");
        }
    }

    #[test]
    fn counts() {
        let message = |text: &str| Err(text.to_owned());
        for (text, expected) in [
            ("1", Ok(1)),
            ("100", Ok(100)),
            ("101", message("at most 100 is allowed")),
            ("99999999999999999999", message("too large")),
            ("0", message("must be more than 0")),
            ("-1", message("must not be negative, write for example 10")),
            ("2x", message("`x` after the number means nothing, write for example 10")),
            ("x", message("does not start with a number, write for example 10")),
            ("1.5", message("only whole numbers are known, write for example 10")),
            ("", message("empty, write for example 10")),
        ] {
            assert_eq!(count(text, 100), expected, "{text}");
        }
    }
}
