//! Dates and times of Postgres, which count from 2000-01-01, as ISO 8601 has them.

const DAY_MICROS: i64 = 86_400_000_000;

/// A day by its number.
pub(super) fn date(days: i32) -> String {
    match days {
        i32::MAX => "infinity".into(),
        i32::MIN => "-infinity".into(),
        days => day(i64::from(days)),
    }
}

/// A time of the day, in microseconds since its beginning.
pub(super) fn time(micros: i64) -> String {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    match (fraction, fraction % 1_000) {
        (0, _) => clock,
        (_, 0) => format!("{clock}.{:03}", fraction / 1_000),
        _ => format!("{clock}.{fraction:06}"),
    }
}

/// A moment, in microseconds. As `Date` writes it if it is one of UTC, with microseconds where there are any.
pub(super) fn timestamp(micros: i64, is_utc: bool) -> String {
    match micros {
        i64::MAX => return "infinity".into(),
        i64::MIN => return "-infinity".into(),
        _ => {}
    }
    let (days, rest) = (micros.div_euclid(DAY_MICROS), micros.rem_euclid(DAY_MICROS));
    let time = time(rest);
    match (is_utc, time.contains('.')) {
        (true, true) => format!("{}T{time}Z", day(days)),
        (true, false) => format!("{}T{time}.000Z", day(days)),
        (false, _) => format!("{}T{time}", day(days)),
    }
}

/// A span of months, days and microseconds.
pub(super) fn interval(months: i32, days: i32, micros: i64) -> String {
    let mut text = String::from("P");
    let mut add = |count: i64, unit: char| {
        if count != 0 {
            text += &format!("{count}{unit}");
        }
    };
    add(i64::from(months / 12), 'Y');
    add(i64::from(months % 12), 'M');
    add(i64::from(days), 'D');
    if micros != 0 || (months, days) == (0, 0) {
        let (sign, micros) = (if micros < 0 { "-" } else { "" }, micros.unsigned_abs());
        let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
        text.push('T');
        for (count, unit) in [(seconds / 3_600, 'H'), (seconds / 60 % 60, 'M')] {
            if count != 0 {
                text += &format!("{sign}{count}{unit}");
            }
        }
        match fraction {
            0 if seconds % 60 == 0 && seconds > 0 => {}
            0 => text += &format!("{sign}{}S", seconds % 60),
            _ => text += &format!("{sign}{}.{}S", seconds % 60, format!("{fraction:06}").trim_end_matches('0')),
        }
    }
    text
}

/// Of the proleptic Gregorian calendar, after Howard Hinnant's `civil_from_days`.
fn day(since_2000: i64) -> String {
    let shifted = since_2000 + 730_425;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    match year {
        0..=9_999 => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{}{:06}-{month:02}-{day:02}", if year < 0 { '-' } else { '+' }, year.abs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_written() {
        for (days, expected) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-1, "1999-12-31"),
            (-10_957, "1970-01-01"),
            (9_557, "2026-03-02"),
            (2_921_940, "+010000-01-01"),
            (-730_486, "-000001-12-31"),
            (i32::MAX, "infinity"),
        ] {
            assert_eq!(date(days), expected, "{days}");
        }
        for (micros, expected) in
            [(0, "00:00:00"), (1, "00:00:00.000001"), (45_296_780_000, "12:34:56.780"), (DAY_MICROS, "24:00:00")]
        {
            assert_eq!(time(micros), expected);
        }
        assert_eq!(timestamp(-1, true), "1999-12-31T23:59:59.999999Z");
        assert_eq!(timestamp(0, true), "2000-01-01T00:00:00.000Z");
        assert_eq!(timestamp(1_500_000, false), "2000-01-01T00:00:01.500");
        for (span, expected) in [
            ((14, 3, 3_661_500_000), "P1Y2M3DT1H1M1.5S"),
            ((0, 0, 0), "PT0S"),
            ((0, 1, 0), "P1D"),
            ((0, 0, -90_000_000), "PT-1M-30S"),
            ((0, 0, 3_600_000_000), "PT1H"),
        ] {
            assert_eq!(interval(span.0, span.1, span.2), expected);
        }
    }
}
