//! Names of tenants, scripts, users, organizations and executions, checked when they are made.
//!
//! An id is 1 to [`LENGTH_MAX`] bytes of UTF-8 without control characters and without white space at either end.
//! It is safe to log, to use as a key and to print in one line.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest id, in bytes.
pub const LENGTH_MAX: usize = 128;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// The text has no characters.
    #[error("{what} is empty: give it 1 to {LENGTH_MAX} bytes")]
    Empty {
        /// The kind of id, for example `tenant id`.
        what: &'static str,
    },
    /// The text is longer than [`LENGTH_MAX`] bytes.
    #[error("{what} has {bytes} bytes, at most {LENGTH_MAX} are allowed")]
    TooLong {
        /// The kind of id.
        what: &'static str,
        /// The text's length in bytes.
        bytes: usize,
    },
    /// The text has a control character or white space at one of its ends.
    #[error("{what} has {character:?} at byte {at}: control characters and outer white space are not allowed")]
    Character {
        /// The kind of id.
        what: &'static str,
        /// The offending character.
        character: char,
        /// Its offset in bytes.
        at: usize,
    },
}

fn check(what: &'static str, text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty { what });
    }
    if text.len() > LENGTH_MAX {
        return Err(IdError::TooLong { what, bytes: text.len() });
    }
    let last = text.char_indices().next_back().map_or(0, |(at, _)| at);
    let bad = |&(at, c): &(usize, char)| c.is_control() || (c.is_whitespace() && (at == 0 || at == last));
    match text.char_indices().find(bad) {
        Some((at, character)) => Err(IdError::Character { what, character, at }),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// Cheap to clone. See the [module](self) for what is allowed.
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks `text` and makes it an id.
            ///
            /// # Errors
            /// [`IdError`] if the text is empty, too long or has characters that are not allowed.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                check($what, text)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

id!(
    /// A tenant: the unit of isolation, fairness and budgets.
    TenantId, "tenant id");
id!(
    /// A script of a tenant. Caps on runs are counted by it; two tenants may use the same one.
    ScriptId, "script id");
id!(
    /// A user on whose behalf a script runs. Passed through to the script's `context` and the report.
    UserId, "user id");
id!(
    /// An organization that the tenant's user belongs to. Passed through like [`UserId`].
    OrganizationId, "organization id");
id!(
    /// One execution: given by the caller or drawn at random.
    ExecutionId, "execution id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked() {
        let long = "x".repeat(LENGTH_MAX + 1);
        for (text, message) in [
            ("", "tenant id is empty: give it 1 to 128 bytes"),
            (&*long, "tenant id has 129 bytes, at most 128 are allowed"),
            ("a\nb", "tenant id has '\\n' at byte 1: control characters and outer white space are not allowed"),
            (" a", "tenant id has ' ' at byte 0: control characters and outer white space are not allowed"),
            ("a ", "tenant id has ' ' at byte 1: control characters and outer white space are not allowed"),
        ] {
            assert_eq!(TenantId::new(text).expect_err(text).to_string(), message);
        }
        for text in ["acme", "a", "Ünïcode 8", &long[1..]] {
            assert_eq!(TenantId::new(text).expect(text).as_str(), text);
        }
    }

    #[test]
    fn ids_are_checked_when_deserialized() {
        assert!(serde_json::from_str::<TenantId>(r#""acme""#).is_ok());
        assert!(serde_json::from_str::<TenantId>(r#""""#).is_err());
    }
}
