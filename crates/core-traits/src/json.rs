//! JSON text that was checked once and is then passed on as it is.
//!
//! Values cross the boundary between host and engine as JSON text. It is validated where it enters, so that no engine
//! ever sees malformed or bottomless JSON; nothing is built in memory for it.

use std::sync::Arc;

use serde::Serialize;
use serde::de::IgnoredAny;

/// The deepest nesting of arrays and objects that [`JsonText::parse`] accepts.
pub const DEPTH_MAX: usize = 512;

/// Why a text is not accepted as JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The text is not JSON.
    #[error("not valid JSON: {message} at line {line} column {column}")]
    Syntax {
        /// What is wrong, without the position.
        message: String,
        /// Line of the place, from 1.
        line: usize,
        /// Column of the place in bytes, from 1.
        column: usize,
    },
    /// Arrays and objects are nested deeper than [`DEPTH_MAX`].
    #[error("JSON nested {depth} deep or more, at most {DEPTH_MAX} are allowed")]
    TooDeep {
        /// The depth at which reading stopped.
        depth: usize,
    },
    /// A value could not be written as JSON.
    #[error("value cannot be written as JSON: {message}")]
    Value {
        /// What serde said of it.
        message: String,
    },
}

/// A text that is valid JSON, nested at most [`DEPTH_MAX`] deep. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonText(Arc<str>);

impl JsonText {
    /// Checks `text` in one pass and keeps it.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] with the position, or [`JsonError::TooDeep`].
    pub fn parse(text: impl Into<Arc<str>>) -> Result<Self, JsonError> {
        let text = text.into();
        check_depth(&text)?;
        serde_json::from_str::<IgnoredAny>(&text).map_err(|error| syntax(&error))?;
        Ok(Self(text))
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// [`JsonError::Value`] if serde cannot write it, [`JsonError::TooDeep`] if it is nested too deeply.
    pub fn from_value<T: Serialize + ?Sized>(value: &T) -> Result<Self, JsonError> {
        let text = serde_json::to_string(value).map_err(|error| JsonError::Value { message: error.to_string() })?;
        check_depth(&text)?;
        Ok(Self(text.into()))
    }

    /// The text `null`.
    pub fn null() -> Self {
        Self("null".into())
    }

    /// The checked text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its length in bytes.
    pub fn bytes(&self) -> usize {
        self.0.len()
    }
}

impl Default for JsonText {
    fn default() -> Self {
        Self::null()
    }
}

/// Brackets outside of strings, counted without recursion: the text need not be valid yet.
fn check_depth(text: &str) -> Result<(), JsonError> {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => depth += 1,
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return Err(JsonError::TooDeep { depth });
        }
    }
    Ok(())
}

fn syntax(error: &serde_json::Error) -> JsonError {
    let text = error.to_string();
    let message = text.split(" at line ").next().unwrap_or_default().to_owned();
    JsonError::Syntax { message, line: error.line(), column: error.column() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_json_and_keeps_its_text() {
        let deep = format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX));
        for text in ["null", " [1, 2] ", r#"{"a":"\ud800"}"#, r#""[[[\"[""#, "1e400", &deep] {
            assert_eq!(JsonText::parse(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn refuses_with_the_place() {
        let deep = "[".repeat(100_000);
        for (text, message) in [
            ("", "not valid JSON: EOF while parsing a value at line 1 column 0"),
            ("{\n \"a\": x}", "not valid JSON: expected value at line 2 column 7"),
            ("1 2", "not valid JSON: trailing characters at line 1 column 3"),
            ("NaN", "not valid JSON: expected value at line 1 column 1"),
            (&*deep, "JSON nested 513 deep or more, at most 512 are allowed"),
        ] {
            assert_eq!(JsonText::parse(text).expect_err(text).to_string(), message);
        }
    }

    #[test]
    fn writes_values() {
        assert_eq!(JsonText::from_value(&(1, "a")).expect("a pair").as_str(), r#"[1,"a"]"#);
    }
}
