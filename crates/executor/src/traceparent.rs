//! The W3C trace context of an execution: <https://www.w3.org/TR/trace-context/#traceparent-header>.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::execution::InvalidExecution;

/// A `traceparent` of version 00: `00-{trace id: 32 hex}-{parent id: 16 hex}-{flags: 2 hex}`, in lower case,
/// with neither of the ids all zero. Passed on to host services. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Traceparent(Arc<str>);

impl Traceparent {
    /// Checks `text`.
    ///
    /// # Errors
    /// [`InvalidExecution::Traceparent`] if it is of another form.
    pub fn parse(text: &str) -> Result<Self, InvalidExecution> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let is_id = |part: &str, length| is_hex(part, length) && part.bytes().any(|byte| byte != b'0');
        match parts[..] {
            ["00", trace, parent, flags] if is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2) => {
                Ok(Self(text.into()))
            }
            _ => Err(InvalidExecution::Traceparent),
        }
    }

    /// The header's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn text(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Traceparent {
    type Err = InvalidExecution;
    fn from_str(text: &str) -> Result<Self, InvalidExecution> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_checked() {
        for (text, valid) in [
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", true),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", true),
            ("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", false),
            ("00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", false),
            ("00-00000000000000000000000000000000-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1", false),
            ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", false),
            ("", false),
        ] {
            assert_eq!(Traceparent::parse(text).is_ok(), valid, "{text}");
        }
    }
}
