//! Text of strangers on a terminal.

/// Whether a character moves the cursor, starts an escape sequence or turns the direction of writing.
pub(super) fn is_active(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// The text in one line: whatever is active is escaped, line breaks too.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut line, c);
    }
    line
}

/// The same with the line breaks kept: each further line starts with `indent` spaces, so that it cannot be taken for
/// one of isolet's.
pub(super) fn block(text: &str, indent: usize) -> String {
    let lines: Vec<String> = text.split('\n').map(|line| one_line(line.strip_suffix('\r').unwrap_or(line))).collect();
    lines.join(&format!("\n{:indent$}", ""))
}

/// The same, each character in place of one: for texts into which something points by position.
pub(super) fn in_place(text: &str) -> String {
    text.chars().map(|c| if is_active(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

fn push(line: &mut String, c: char) {
    match c {
        '\t' => line.push_str("    "),
        '\n' => line.push_str("\\n"),
        c if is_active(c) => line.extend(c.escape_unicode()),
        c => line.push(c),
    }
}

/// How many columns of a terminal a text takes, nearly: emoji that are joined into one count as several.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(column_count).sum()
}

/// The wide and the combining blocks, after Unicode's EastAsianWidth.txt, without their rare exceptions.
fn column_count(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{20d0}'..='\u{20ff}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{a960}'..='\u{a97f}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff01}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_active_is_left() {
        for (text, line) in [
            ("plain äöü 漢字 🦀", "plain äöü 漢字 🦀"),
            ("\u{1b}[31mred\u{1b}[0m", r"\u{1b}[31mred\u{1b}[0m"),
            ("a\rb\x08c\x07", r"a\u{d}b\u{8}c\u{7}"),
            ("a\tb", "a    b"),
            ("a\nb", r"a\nb"),
            ("\u{9b}31m\u{7f}", r"\u{9b}31m\u{7f}"),
            ("admin\u{202e}txt\u{2066}", r"admin\u{202e}txt\u{2066}"),
        ] {
            assert_eq!(one_line(text), line);
            assert!(!in_place(text).chars().any(is_active));
            assert_eq!(in_place(text).chars().count(), text.chars().count());
        }
    }

    #[test]
    fn further_lines_are_indented() {
        assert_eq!(block("one\ntwo\r\nthree\n", 2), "one\n  two\n  three\n  ");
    }

    #[test]
    fn wide_and_combining_characters_count() {
        for (text, count) in [("abc", 3), ("漢字", 4), ("e\u{301}", 1), ("🦀!", 3), ("ａ", 2), ("", 0)] {
            assert_eq!(columns(text), count, "{text}");
        }
    }
}
