//! Rates: `60/min`, `10/s`, `1000/h`.

use std::time::Duration;

use super::{number, too_large, unknown_unit};

const EXAMPLE: &str = "60/min";
const KNOWN: &str = "s, min and h";

/// So many calls in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) calls: u32,
    pub(crate) per: Duration,
}

/// A rate of more than zero: a whole number, a slash and a unit of time.
pub(crate) fn rate(text: &str) -> Result<Rate, String> {
    let (calls, rest) = number(text, EXAMPLE)?;
    let Some(unit) = rest.strip_prefix('/') else {
        return Err(format!("the time is missing, write for example {EXAMPLE}"));
    };
    let seconds = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 60 * 60,
        "" => return Err(format!("the time is missing, write for example {EXAMPLE}")),
        unknown => return Err(unknown_unit(unknown, KNOWN)),
    };
    Ok(Rate { calls: u32::try_from(calls).map_err(|_| too_large())?, per: Duration::from_secs(seconds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones() {
        for (text, calls, seconds) in
            [("60/min", 60, 60), ("10/s", 10, 1), ("1000/h", 1_000, 3_600), ("4294967295/s", u32::MAX, 1)]
        {
            assert_eq!(rate(text), Ok(Rate { calls, per: Duration::from_secs(seconds) }), "{text}");
        }
    }

    #[test]
    fn bad_ones() {
        for (text, message) in [
            ("", "empty, write for example 60/min"),
            ("60", "the time is missing, write for example 60/min"),
            ("60/", "the time is missing, write for example 60/min"),
            ("60min", "the time is missing, write for example 60/min"),
            ("/min", "does not start with a number, write for example 60/min"),
            ("60/m", "unknown unit `m`, the known ones are s, min and h"),
            ("60/day", "unknown unit `day`, the known ones are s, min and h"),
            ("60/min/s", "unknown unit `min/s`, the known ones are s, min and h"),
            ("0.5/s", "only whole numbers are known, write for example 60/min"),
            ("0/min", "must be more than 0"),
            ("-1/min", "must not be negative, write for example 60/min"),
            ("4294967296/s", "too large"),
            ("99999999999999999999/s", "too large"),
        ] {
            assert_eq!(rate(text), Err(message.to_owned()), "{text}");
        }
    }
}
