//! Points in time: `2026-01-31T12:00:00Z` as RFC 3339 has it, or milliseconds since 1970.

use isolet::Timestamp;

const FORMS: &str = "write for example 2026-01-31T12:00:00Z, or milliseconds since 1970";

/// A time that a `Date` can hold.
pub(crate) fn timestamp(text: &str) -> Result<Timestamp, String> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let ms = match is_number {
        true => text.parse().ok(),
        false => Some(rfc3339(text).ok_or_else(|| format!("not a time, {FORMS}"))??),
    };
    let out_of_range = || format!("a Date holds at most {} ms before or after 1970", Timestamp::UNIX_MS_MAX);
    ms.and_then(Timestamp::from_unix_ms).ok_or_else(out_of_range)
}

/// The form that [`timestamp`] reads, in UTC, with milliseconds.
pub(crate) fn date_and_time(time: Timestamp) -> String {
    let (days, ms) = (time.unix_ms().div_euclid(86_400_000), time.unix_ms().rem_euclid(86_400_000));
    let (year, month, day) = date(days);
    let (hour, minute, second, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z")
}

/// The day that is so many days after 1970-01-01.
/// <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * month + 2) / 5 + 1, if month < 10 { month + 3 } else { month - 9 });
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Milliseconds since 1970. `None` if it has another form, `Err` if there is no such time.
fn rfc3339(text: &str) -> Option<Result<i64, String>> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let [year, month, day] = fields(date, '-')?;
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let [hour, minute, second] = fields(clock.get(..8)?, ':')?;
    let (fraction, zone) = fraction(clock.get(8..)?)?;
    let offset = offset(zone)?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return Some(Err(format!("there is no day {date}")));
    }
    if hour > 23 || minute > 59 || second > 59 {
        return Some(Err(format!("there is no time {} in scripts", &clock[..8])));
    }
    let seconds = days(year, month, day) * 86_400 + (hour * 60 + minute - offset) * 60 + second;
    Some(Ok(seconds * 1_000 + fraction))
}

/// Three numbers of the same widths as those of `2026-01-31` or `12:00:00`.
fn fields(text: &str, separator: char) -> Option<[i64; 3]> {
    let mut parts = text.split(separator);
    let numbers = [parts.next()?, parts.next()?, parts.next()?].map(number);
    let [Some(first), Some(second), Some(third)] = numbers else { return None };
    parts.next().is_none().then_some([first, second, third])
}

/// Two or four digits.
fn number(text: &str) -> Option<i64> {
    let is_number = matches!(text.len(), 2 | 4) && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// The milliseconds of `.25Z`, and what follows them.
fn fraction(text: &str) -> Option<(i64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit()).filter(|&end| end > 0)?;
    let ms = format!("{:0<3}", &digits[..end.min(3)]);
    Some((ms.parse().ok()?, &digits[end..]))
}

/// The minutes of `Z` or `+02:00`.
fn offset(zone: &str) -> Option<i64> {
    if zone.eq_ignore_ascii_case("z") {
        return Some(0);
    }
    let sign = match zone.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 60 + minutes))
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar; years begin in March, so that leap days come last.
/// <https://howardhinnant.github.io/date_algorithms.html#days_from_civil>
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones() {
        for (text, ms) in [
            ("0", 0),
            ("1700000000000", 1_700_000_000_000),
            ("-1", -1),
            ("8640000000000000", 8_640_000_000_000_000),
            ("1970-01-01T00:00:00Z", 0),
            ("2026-01-31T12:00:00Z", 1_769_860_800_000),
            ("2026-01-31 12:00:00z", 1_769_860_800_000),
            ("2026-01-31T14:00:00.5+02:00", 1_769_860_800_500),
            ("2026-01-31T11:30:00.1239-00:30", 1_769_860_800_123),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("1969-12-31T23:59:59Z", -1_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(timestamp(text).map(Timestamp::unix_ms), Ok(ms), "{text}");
        }
    }

    #[test]
    fn times_are_written_as_they_are_read() {
        for text in ["1970-01-01T00:00:00.000Z", "2000-02-29T23:59:59.999Z", "2026-03-01T00:00:00.001Z"] {
            assert_eq!(timestamp(text).map(date_and_time).as_deref(), Ok(text));
        }
        for day in (-800_000..800_000).step_by(97) {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days(year, month, day_of_month), day);
            assert!((1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day_of_month));
        }
    }

    #[test]
    fn bad_ones() {
        let form = format!("not a time, {FORMS}");
        let range = "a Date holds at most 8640000000000000 ms before or after 1970";
        for (text, message) in [
            ("", form.as_str()),
            ("-", &form),
            ("now", &form),
            ("2026-01-31", &form),
            ("2026-01-31T12:00:00", &form),
            ("2026-1-31T12:00:00Z", &form),
            ("2026-01-31T12:00:00.Z", &form),
            ("2026-01-31T12:00:00+2", &form),
            ("2026-01-31T12:00:00+24:00", &form),
            ("2026-01-31T12:00:00Zx", &form),
            ("٢٠٢٦-01-31T12:00:00Z", &form),
            ("1.5", &form),
            ("2026-02-29T12:00:00Z", "there is no day 2026-02-29"),
            ("2026-13-01T12:00:00Z", "there is no day 2026-13-01"),
            ("2026-00-01T12:00:00Z", "there is no day 2026-00-01"),
            ("2026-01-31T24:00:00Z", "there is no time 24:00:00 in scripts"),
            ("2026-12-31T23:59:60Z", "there is no time 23:59:60 in scripts"),
            ("8640000000000001", range),
            ("-99999999999999999999", range),
        ] {
            assert_eq!(timestamp(text), Err(message.to_owned()), "{text}");
        }
    }
}
