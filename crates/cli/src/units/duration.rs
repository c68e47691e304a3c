//! Durations: `250ms`, `30s`, `5m`, `1h`.

use std::time::Duration;

use super::{number, too_large, unknown_unit};

const KNOWN: &str = "ms, s, m and h";

/// A duration of more than zero, from a whole number and a unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = number(text, "30s")?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60 * 1_000,
        "h" => 60 * 60 * 1_000,
        "" => return Err(format!("the unit is missing, the known ones are {KNOWN}")),
        unknown => return Err(unknown_unit(unknown, KNOWN)),
    };
    Ok(Duration::from_millis(number.checked_mul(milliseconds).ok_or_else(too_large)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones() {
        for (text, milliseconds) in [
            ("1ms", 1),
            ("250ms", 250),
            ("30s", 30_000),
            ("30 s", 30_000),
            ("007s", 7_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("18446744073709551615ms", u64::MAX),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn bad_ones() {
        for (text, message) in [
            ("", "empty, write for example 30s"),
            ("30", "the unit is missing, the known ones are ms, s, m and h"),
            ("30x", "unknown unit `x`, the known ones are ms, s, m and h"),
            ("30S", "unknown unit `S`, the known ones are ms, s, m and h"),
            ("30s5", "unknown unit `s5`, the known ones are ms, s, m and h"),
            ("s", "does not start with a number, write for example 30s"),
            (" 30s", "does not start with a number, write for example 30s"),
            ("+30s", "does not start with a number, write for example 30s"),
            ("٣s", "does not start with a number, write for example 30s"),
            ("1.5s", "only whole numbers are known, write for example 30s"),
            ("0s", "must be more than 0"),
            ("-5s", "must not be negative, write for example 30s"),
            ("18446744073709551616ms", "too large"),
            ("18446744073709551615s", "too large"),
        ] {
            assert_eq!(duration(text), Err(message.to_owned()), "{text}");
        }
    }
}
