//! Sizes in bytes: `1024`, `64KiB`, `64MiB`, `1GiB`, and decimal `64MB`.

use super::{number, too_large, unknown_unit};

const UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];
const KNOWN: &str = "B, KB, MB, GB, KiB, MiB and GiB";

/// Bytes, more than zero, from a whole number and a unit in any case. Without a unit: bytes.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = number(text, "64MiB")?;
    let unit = if unit.is_empty() { "B" } else { unit };
    let known = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, bytes) = known.ok_or_else(|| unknown_unit(unit, KNOWN))?;
    number.checked_mul(*bytes).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones() {
        for (text, bytes) in [
            ("1", 1),
            ("1024", 1_024),
            ("1024B", 1_024),
            ("64KiB", 65_536),
            ("64MiB", 67_108_864),
            ("64 MiB", 67_108_864),
            ("64mib", 67_108_864),
            ("1GiB", 1_073_741_824),
            ("64KB", 64_000),
            ("64MB", 64_000_000),
            ("2GB", 2_000_000_000),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn bad_ones() {
        for (text, message) in [
            ("", "empty, write for example 64MiB"),
            ("64XB", "unknown unit `XB`, the known ones are B, KB, MB, GB, KiB, MiB and GiB"),
            ("64M", "unknown unit `M`, the known ones are B, KB, MB, GB, KiB, MiB and GiB"),
            ("1_000", "unknown unit `_000`, the known ones are B, KB, MB, GB, KiB, MiB and GiB"),
            ("MiB", "does not start with a number, write for example 64MiB"),
            ("0x10", "must be more than 0"),
            ("1.5GiB", "only whole numbers are known, write for example 64MiB"),
            ("0", "must be more than 0"),
            ("0MiB", "must be more than 0"),
            ("-1", "must not be negative, write for example 64MiB"),
            ("99999999999999999999", "too large"),
            ("18446744073709551615KiB", "too large"),
        ] {
            assert_eq!(size(text), Err(message.to_owned()), "{text}");
        }
    }
}
