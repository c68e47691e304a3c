//! Text as JavaScript measures it, and how values look that are text already.

/// Characters of one call.
pub(super) const LINE_MAX: i64 = 65_536;
/// Characters of one nested string, name, message or stack.
pub(super) const TEXT_MAX: i64 = 10_000;
const WIDTH: i64 = 80;

/// A string of the script's, of which only as much is here as a line can hold.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Text {
    pub(super) shown: String,
    /// In UTF-16 units, the rest included.
    pub(super) length: i64,
}

impl Text {
    pub(super) fn new(shown: String, length: f64) -> Self {
        Self { shown, length: length as i64 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// At most [`TEXT_MAX`] of it, and a mark if that is not all.
    pub(super) fn clipped(&self) -> String {
        let cut = if self.length > TEXT_MAX { "..." } else { "" };
        first(&self.shown, TEXT_MAX) + cut
    }

    /// As a literal, of at most [`TEXT_MAX`] characters.
    pub(super) fn quoted(&self) -> String {
        let kept = first(&self.shown, TEXT_MAX);
        let mark = ['\'', '"', '`'].into_iter().find(|mark| !kept.contains(*mark));
        let mark = mark.filter(|mark| *mark != '`' || !kept.contains("${")).unwrap_or('\'');
        let mut text = String::with_capacity(kept.len() + 2);
        text.push(mark);
        for letter in kept.chars() {
            push_escaped(&mut text, letter, mark);
        }
        text.push(mark);
        if self.length > TEXT_MAX {
            text += "... ";
            text += &counted((self.length - TEXT_MAX) as f64, "more character");
        }
        text
    }

    /// Whether an object literal needs no quotes around it as a key.
    pub(super) fn is_identifier(&self) -> bool {
        let word = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        self.shown.starts_with(|letter: char| word(letter) && !letter.is_ascii_digit()) && self.shown.chars().all(word)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { shown: text.to_owned(), length: units(text) }
    }
}

fn push_escaped(text: &mut String, letter: char, mark: char) {
    let escape = match letter {
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{c}' => 'f',
        '\r' => 'r',
        '\\' => '\\',
        _ if letter == mark => mark,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
            *text += &format!("\\x{:02X}", letter as u32);
            return;
        }
        _ => return text.push(letter),
    };
    text.extend(['\\', escape]);
}

/// How long JavaScript says a text is.
pub(super) fn units(text: &str) -> i64 {
    if text.is_ascii() { text.len() as i64 } else { text.encode_utf16().count() as i64 }
}

/// The first `count` units. A character that lies across the end becomes U+FFFD, as its first half would.
pub(super) fn first(text: &str, count: i64) -> String {
    let mut left = count;
    for (at, letter) in text.char_indices() {
        let length = letter.len_utf16() as i64;
        if left < length {
            let half = if left > 0 { "\u{FFFD}" } else { "" };
            return text[..at].to_owned() + half;
        }
        left -= length;
    }
    text.to_owned()
}

/// With `margin` after each line break.
pub(super) fn indented(text: &str, margin: usize) -> String {
    if margin == 0 || !text.contains('\n') {
        return text.to_owned();
    }
    text.replace('\n', &("\n".to_owned() + &" ".repeat(margin)))
}

/// `1 item`, `2 items`.
pub(super) fn counted(count: f64, what: &str) -> String {
    match (count == 1.0, what.strip_suffix('y')) {
        (true, _) => format!("{count} {what}"),
        (false, None) => format!("{count} {what}s"),
        (false, Some(stem)) => format!("{count} {stem}ies"),
    }
}

/// What stands around the entries of an object.
#[derive(Debug)]
pub(super) struct Braces {
    pub(super) open: String,
    pub(super) close: char,
    /// Whether short entries share lines.
    pub(super) packs: bool,
}

/// One line if it fits; else one line for each entry, or as many short items a line as fit.
pub(super) fn layout(Braces { open, close, packs }: Braces, entries: &[String], indent: usize) -> String {
    if entries.is_empty() {
        return open + close.encode_utf8(&mut [0; 4]);
    }
    let lengths: Vec<_> = entries.iter().map(|entry| units(entry)).collect();
    let indent_units = indent as i64;
    let width = 2 * entries.len() as i64 + indent_units + units(&open) + 10 + lengths.iter().sum::<i64>();
    let breaks = open.contains('\n') || entries.iter().any(|entry| entry.contains('\n'));
    if width <= WIDTH && !breaks {
        return format!("{open} {} {close}", entries.join(", "));
    }
    let packs = packs && lengths.iter().all(|length| *length <= 16);
    let margin = "\n".to_owned() + &" ".repeat(indent);
    let (mut text, mut column) = (open, WIDTH);
    for (at, (entry, length)) in entries.iter().zip(&lengths).enumerate() {
        let comma = if at + 1 == entries.len() { "" } else { "," };
        let length = length + comma.len() as i64;
        column += length + 1;
        if packs && column <= WIDTH - 4 {
            text.push(' ');
        } else {
            text += &margin;
            text += "  ";
            column = indent_units + 2 + length;
        }
        text += entry;
        text += comma;
    }
    text += &margin;
    text.push(close);
    text
}

/// A table as text. The first row has the names of the columns; a cell may be missing.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let width_of = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| units(cell)).max();
    let widths: Vec<_> = (0..columns).map(|column| width_of(column).unwrap_or(0) as usize).collect();
    let rule = |left, between, right| {
        let parts: Vec<_> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(between))
    };
    let line = |row: &Vec<String>| {
        let cell = |(column, width): (usize, &usize)| {
            let text = row.get(column).map_or("", String::as_str);
            format!(" {text}{} ", " ".repeat(width - units(text) as usize))
        };
        format!("│{}│\n", widths.iter().enumerate().map(cell).collect::<Vec<_>>().join("│"))
    };
    let (head, body) = rows.split_first().map_or((String::new(), rows), |(head, body)| (line(head), body));
    let mut text = rule("┌", "┬", "┐\n") + &head + &rule("├", "┼", "┤\n");
    for row in body {
        if text.len() as i64 > 4 * LINE_MAX {
            break;
        }
        text += &line(row);
    }
    text + &rule("└", "┴", "┘")
}

/// A time in milliseconds since 1970 as `Date.prototype.toISOString` writes it; `None` if it is no time.
pub(super) fn iso(time: f64) -> Option<String> {
    const DAY: i64 = 86_400_000;
    if !time.is_finite() || time.abs() > 8.64e15 {
        return None;
    }
    let time = time as i64;
    let (days, rest) = (time.div_euclid(DAY), time.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    let (seconds, millis) = (rest / 1000, rest % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z"))
}

/// Year, month and day by the number of days since 1970: `civil_from_days` of
/// <https://howardhinnant.github.io/date_algorithms.html>.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Text {
        text.into()
    }

    #[test]
    fn strings_are_quoted_as_javascript_writes_them() {
        for (given, expected) in [
            ("a", "'a'"),
            ("it's", "\"it's\""),
            ("it's \"x\"", "`it's \"x\"`"),
            ("'\"`", "'\\'\"`'"),
            ("'\"${", "'\\'\"${'"),
            ("a\nb\t\\\u{8}\u{c}\r", "'a\\nb\\t\\\\\\b\\f\\r'"),
            ("\0\u{1b}\u{7f}\u{9f}\u{a0}ä😀", "'\\x00\\x1B\\x7F\\x9F\u{a0}ä😀'"),
        ] {
            assert_eq!(text(given).quoted(), expected);
        }
        let long = text(&"😀".repeat(5_001));
        assert!(long.quoted().ends_with("😀'... 2 more characters"));
        assert!(text(&"x".repeat(10_001)).quoted().ends_with("x'... 1 more character"));
    }

    #[test]
    fn texts_are_cut_in_units() {
        for (given, count, expected) in [
            ("abc", 2, "ab"),
            ("abc", 3, "abc"),
            ("a😀b", 1, "a"),
            ("a😀b", 2, "a\u{FFFD}"),
            ("a😀b", 3, "a😀"),
            ("ä", 0, ""),
        ] {
            assert_eq!(first(given, count), expected);
        }
        assert_eq!((units("a😀ä"), units("abc")), (4, 3));
        assert_eq!(text(&"ab".repeat(5_001)).clipped().len(), 10_003);
    }

    #[test]
    fn identifiers_need_no_quotes() {
        for (name, is) in
            [("a", true), ("_1", true), ("Z", true), ("", false), ("1", false), ("$", false), ("ä", false)]
        {
            assert_eq!(text(name).is_identifier(), is, "{name}");
        }
    }

    /// Expectations are what JavaScript's `toISOString` gives.
    #[test]
    fn times_are_written_in_iso() {
        for (time, expected) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000.0, "2000-02-29T00:00:00.000Z"),
            (1_709_210_096_789.0, "2024-02-29T12:34:56.789Z"),
            (-62_167_219_200_000.0, "0000-01-01T00:00:00.000Z"),
            (-62_198_755_200_001.0, "-000002-12-31T23:59:59.999Z"),
            (253_402_300_800_000.0, "+010000-01-01T00:00:00.000Z"),
            (8.64e15, "+275760-09-13T00:00:00.000Z"),
            (-8.64e15, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(iso(time).as_deref(), Some(expected));
        }
        assert_eq!((iso(f64::NAN), iso(8.64e15 + 1.0)), (None, None));
    }

    #[test]
    fn entries_share_a_line_if_they_fit() {
        let braces = |packs| Braces { open: "{".into(), close: '}', packs };
        let entries = |count: usize, length: usize| vec!["x".repeat(length); count];
        assert_eq!(layout(braces(false), &[], 0), "{}");
        assert_eq!(layout(braces(false), &entries(2, 1), 0), "{ x, x }");
        assert_eq!(layout(braces(false), &entries(1, 67), 0).matches('\n').count(), 0);
        assert_eq!(layout(braces(false), &entries(1, 68), 0).matches('\n').count(), 2);
        assert_eq!(layout(braces(false), &["a\nb".to_owned()], 2), "{\n    a\nb\n  }");
        assert_eq!(layout(braces(true), &entries(30, 10), 0).lines().count(), 7);
        assert_eq!(layout(braces(true), &entries(30, 17), 0).lines().count(), 32);
    }
}
