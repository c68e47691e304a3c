//! Dates as text: what local time prints, and texts in local time, changed such that the engine reads them as UTC.

use std::fmt;
use std::io::{Cursor, Write};

/// What the engine reads of a text.
const READ_BYTES_MAX: usize = 127;

const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What is printed of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `Sat Feb 03 2001 04:05:06 GMT+0000 (Coordinated Universal Time)`.
    All,
    Date,
    Time,
    /// `02/03/2001, 04:05:06 AM`: for VMs without `Intl`.
    LocaleAll,
    LocaleDate,
    LocaleTime,
}

/// A moment's year, month from 0, day, hours, minutes, seconds and day of the week from 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields(pub(super) [i32; 7]);

/// A short text on the stack.
pub(super) type Line = Cursor<[u8; READ_BYTES_MAX + 1]>;

pub(super) fn written(line: &Line) -> &[u8] {
    &line.get_ref()[..line.position() as usize]
}

fn line() -> Line {
    Cursor::new([0; READ_BYTES_MAX + 1])
}

pub(super) fn print(form: Form, fields: Fields) -> Line {
    let mut line = line();
    // No date is longer than a line.
    let _ = match form {
        Form::All => write!(line, "{} {}", Date(fields), Time(fields)),
        Form::Date => write!(line, "{}", Date(fields)),
        Form::Time => write!(line, "{}", Time(fields)),
        Form::LocaleAll => write!(line, "{}, {}", LocaleDate(fields), LocaleTime(fields)),
        Form::LocaleDate => write!(line, "{}", LocaleDate(fields)),
        Form::LocaleTime => write!(line, "{}", LocaleTime(fields)),
    };
    line
}

struct Date(Fields);
struct Time(Fields);
struct LocaleDate(Fields);
struct LocaleTime(Fields);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields([year, month, day, .., weekday]) = self.0;
        let (weekday, month) = (DAYS[weekday as usize % DAYS.len()], MONTHS[month as usize % MONTHS.len()]);
        write!(f, "{weekday} {month} {day:02} {year:0width$}", width = year_width(year))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields([_, _, _, hours, minutes, seconds, _]) = self.0;
        write!(f, "{hours:02}:{minutes:02}:{seconds:02} GMT+0000 (Coordinated Universal Time)")
    }
}

impl fmt::Display for LocaleDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields([year, month, day, ..]) = self.0;
        write!(f, "{:02}/{day:02}/{year:0width$}", month + 1, width = year_width(year))
    }
}

impl fmt::Display for LocaleTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fields([_, _, _, hours, minutes, seconds, _]) = self.0;
        let half = if hours < 12 { "AM" } else { "PM" };
        write!(f, "{:02}:{minutes:02}:{seconds:02} {half}", (hours + 11) % 12 + 1)
    }
}

fn year_width(year: i32) -> usize {
    4 + usize::from(year < 0)
}

/// The text with what makes the engine read it as UTC, if it would read it as local time.
///
/// A text of ISO's form is local if it has a time without a zone, and takes one at its end. In any other form the last
/// zone counts, so that one at the start is that of texts without.
pub(super) fn in_utc(text: &[u8]) -> Line {
    let plain = plain(text);
    let text = written(&plain);
    let (before, after) = match iso(text) {
        Some(Zone::Local) => ("", "Z"),
        Some(Zone::Known) => ("", ""),
        None => ("Z", ""),
    };
    let mut line = line();
    // What does not fit is not read either.
    let _ = [before.as_bytes(), text, after.as_bytes()].iter().try_for_each(|part| line.write_all(part));
    line
}

/// What the engine tells apart of a text in UTF-8: ASCII and the minus sign, up to a NUL.
fn plain(text: &[u8]) -> Line {
    const MINUS: &str = "\u{2212}";
    let mut line = line();
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let byte = match first {
            0 => break,
            0x80..=0xBF => None,
            _ if rest.starts_with(MINUS.as_bytes()) => Some(b'-'),
            0xC0.. => Some(b'x'),
            ascii => Some(*ascii),
        };
        if line.position() as usize >= READ_BYTES_MAX - 1 {
            break;
        }
        let _ = byte.map(|byte| line.write_all(&[byte]));
        rest = tail;
    }
    line
}

/// What time a text of ISO's form is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Zone {
    Local,
    Known,
}

/// What `js_date_parse_isostring` of `quickjs.c` finds; `None` if the text is of another form.
fn iso(text: &[u8]) -> Option<Zone> {
    let mut text = Rest(text);
    match text.sign() {
        Some(sign) => (text.digits(6)? != 0 || sign == b'+').then_some(())?,
        None => text.digits(4).map(drop)?,
    }
    for _ in 0..2 {
        if !text.skip(b'-') {
            break;
        }
        (text.digits(2)? > 0).then_some(())?;
    }
    let has_time = text.skip(b'T');
    if has_time {
        let minutes = text.digits(2).filter(|_| text.skip(b':')).and_then(|_| text.digits(2));
        if minutes.is_none() {
            // The engine looks no further: no date.
            return Some(Zone::Local);
        }
        if text.skip(b':') {
            text.digits(2)?;
            text.fraction();
        }
    }
    match text.0.is_empty() {
        true => Some(if has_time { Zone::Local } else { Zone::Known }),
        false => (text.zone().is_some() && text.0.is_empty()).then_some(Zone::Known),
    }
}

/// What is left to read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn skip(&mut self, byte: u8) -> bool {
        let is_there = self.0.first() == Some(&byte);
        self.0 = &self.0[usize::from(is_there)..];
        is_there
    }

    fn sign(&mut self) -> Option<u8> {
        [b'-', b'+'].into_iter().find(|&sign| self.skip(sign))
    }

    fn digits(&mut self, count: usize) -> Option<u32> {
        let digits = self.0.get(..count).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        self.0 = &self.0[count..];
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0')))
    }

    fn fraction(&mut self) {
        if let [b'.' | b',', digits @ ..] = self.0 {
            let count = digits.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
            if count > 0 {
                self.0 = &digits[count..];
            }
        }
    }

    /// `Z`, `+HH`, `+HH:mm` or `+HHmm`.
    fn zone(&mut self) -> Option<()> {
        if self.sign().is_none() {
            return self.skip(b'Z').then_some(());
        }
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count != 2 && count != 4 {
            return None;
        }
        let hours = self.digits(2)?;
        let minutes = match count == 4 || self.skip(b':') {
            true => self.digits(2)?,
            false => 0,
        };
        (hours <= 23 && minutes <= 59).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_local_gets_a_zone() {
        for (text, expected) in [
            ("2001-02-03T04:05", "2001-02-03T04:05Z"),
            ("2001-02-03T04:05:06.789", "2001-02-03T04:05:06.789Z"),
            ("2001T04:05", "2001T04:05Z"),
            ("-000001-02T04:05:06,1", "-000001-02T04:05:06,1Z"),
            ("\u{2212}000001-02T04:05", "-000001-02T04:05Z"),
            ("2001-02-03T04:05\0 and more", "2001-02-03T04:05Z"),
            ("2001-02-03T4:05", "2001-02-03T4:05Z"),
            ("2001-02-03", "2001-02-03"),
            ("2001", "2001"),
            ("2001-02-03T04:05Z", "2001-02-03T04:05Z"),
            ("2001-02-03T04:05:06+01:00", "2001-02-03T04:05:06+01:00"),
            ("2001-02-03T04:05-0130", "2001-02-03T04:05-0130"),
            ("2001-02-03Z", "2001-02-03Z"),
            // Of another form, if of any.
            ("", "Z"),
            ("Feb 3 2001 04:05", "ZFeb 3 2001 04:05"),
            ("2001-02-03 04:05", "Z2001-02-03 04:05"),
            ("2001-02-03T04:05:6", "Z2001-02-03T04:05:6"),
            ("2001-02-03T04:05.5", "Z2001-02-03T04:05.5"),
            ("2001-02-03T04:05+24:00", "Z2001-02-03T04:05+24:00"),
            ("2001-02-03T04:05+1", "Z2001-02-03T04:05+1"),
            ("2001-00", "Z2001-00"),
            ("-000000", "Z-000000"),
            ("février 3 2001", "Zfxvrier 3 2001"),
        ] {
            assert_eq!(String::from_utf8_lossy(written(&in_utc(text.as_bytes()))), expected, "{text}");
        }
        assert_eq!(written(&in_utc(&[b'7'; 1_000])).len(), READ_BYTES_MAX);
    }

    #[test]
    fn dates_are_printed() {
        for (form, fields, expected) in [
            (Form::All, [2001, 1, 3, 4, 5, 6, 6], "Sat Feb 03 2001 04:05:06 GMT+0000 (Coordinated Universal Time)"),
            (Form::Date, [-1, 11, 31, 0, 0, 0, 5], "Fri Dec 31 -0001"),
            (Form::Date, [275_760, 8, 13, 0, 0, 0, 6], "Sat Sep 13 275760"),
            (Form::Time, [2001, 1, 3, 14, 5, 6, 6], "14:05:06 GMT+0000 (Coordinated Universal Time)"),
            (Form::LocaleAll, [2001, 1, 3, 14, 5, 6, 6], "02/03/2001, 02:05:06 PM"),
            (Form::LocaleTime, [2001, 1, 3, 0, 5, 6, 6], "12:05:06 AM"),
            (Form::LocaleDate, [7, 0, 1, 0, 0, 0, 1], "01/01/0007"),
        ] {
            assert_eq!(String::from_utf8_lossy(written(&print(form, Fields(fields)))), expected);
        }
    }
}
