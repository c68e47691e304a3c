//! JSON text, laid out without reading it into values: numbers, the order of keys and any depth stay as they are.

use super::text::is_active;

/// Deeper levels stay on one line: their indentation would outgrow the output.
const DEPTH_MAX: usize = 64;

/// Valid JSON with a member or an element a line.
pub(crate) fn pretty(json: &str) -> String {
    let mut layout = Layout { text: String::with_capacity(json.len() * 2), depth: 0 };
    let (mut in_string, mut escaped) = (false, false);
    let mut characters = json.chars().filter(|c| !matches!(c, '\n' | '\r')).peekable();
    while let Some(c) = characters.next() {
        if in_string {
            push_inert(&mut layout.text, c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' | '\t' => {}
            '[' | '{' => {
                layout.text.push(c);
                while characters.next_if(|&c| c == ' ' || c == '\t').is_some() {}
                match characters.next_if(|&c| c == ']' || c == '}') {
                    Some(close) => layout.text.push(close),
                    None => layout.open(),
                }
            }
            ']' | '}' => layout.close(c),
            ',' => layout.next(),
            ':' => layout.text.push_str(": "),
            c => {
                layout.text.push(c);
                in_string = c == '"';
            }
        }
    }
    layout.text
}

/// The same JSON with characters escaped that a terminal would act on. JSON has them in strings only.
pub(crate) fn inert(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    json.chars().for_each(|c| push_inert(&mut text, c));
    text
}

fn push_inert(text: &mut String, c: char) {
    if is_active(c) {
        text.push_str(&format!("\\u{:04x}", u32::from(c)));
    } else {
        text.push(c);
    }
}

struct Layout {
    text: String,
    depth: usize,
}

impl Layout {
    fn open(&mut self) {
        self.depth += 1;
        self.line(self.depth, "");
    }

    fn next(&mut self) {
        self.text.push(',');
        self.line(self.depth, " ");
    }

    fn close(&mut self, bracket: char) {
        self.depth = self.depth.saturating_sub(1);
        // Where the opening bracket ended its line, the closing one begins one.
        if self.depth < DEPTH_MAX {
            self.line(self.depth, "");
        }
        self.text.push(bracket);
    }

    /// A new line for something at `depth`, or `otherwise` if that is too deep.
    fn line(&mut self, depth: usize, otherwise: &str) {
        if depth <= DEPTH_MAX {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', 2 * depth));
        } else {
            self.text.push_str(otherwise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_or_an_element_a_line() {
        for (json, expected) in [
            ("null", "null"),
            ("\"a, {b}: [\\\"c\\\\\"", "\"a, {b}: [\\\"c\\\\\""),
            ("1e400", "1e400"),
            ("[]", "[]"),
            ("{ }", "{}"),
            ("[1,[],{\"b\":1,\"a\":[2]}]", "[\n  1,\n  [],\n  {\n    \"b\": 1,\n    \"a\": [\n      2\n    ]\n  }\n]"),
            ("{\n \"a\" : 1\n}", "{\n  \"a\": 1\n}"),
        ] {
            assert_eq!(pretty(json), expected);
        }
    }

    #[test]
    fn bottomless_json_grows_with_its_length_only() {
        let deep = format!("{}1,2{}", "[".repeat(100_000), "]".repeat(100_000));
        let text = pretty(&deep);
        assert!(text.len() < 300_000, "{}", text.len());
        assert!(text.contains("[1, 2]]"));
        let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(packed, deep);
    }

    #[test]
    fn strings_mean_the_same_and_do_nothing() {
        let json = "[\"\u{9b}31m\u{7f}\u{202e}\"]";
        for shown in [inert(json), pretty(json)] {
            assert!(shown.contains(r"\u009b31m\u007f\u202e"), "{shown}");
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
            assert_eq!(value(&shown), value(json));
        }
    }
}
