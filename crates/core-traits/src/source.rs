//! A script as its author wrote it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{IdError, ScriptId};

/// The name of a source as it stands in reports and stack traces, for example `order-total.js`.
///
/// The same rules as for an id: see [`ids`](crate::ids).
pub type SourceName = ScriptId;

/// How a source is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Script or module, by syntax: a script if it parses as one, else a module. Never decided by running it.
    #[default]
    Auto,
    /// A classic script: the value of its last expression is the output; `await` works at the top level.
    Script,
    /// A module: its default export is the output, or a function `(input, context)` that gives it.
    Module,
    /// The body of an async function `(input, context)`: what it returns is the output.
    Body,
}

impl SourceKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Script, Self::Module, Self::Body];

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name that the command line and stored keys use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Script => "script",
            Self::Module => "module",
            Self::Body => "body",
        }
    }
}

/// A hash over everything that a compiled program depends on: the source's text and kind, the engine's id and the
/// environment's. 32 bytes of BLAKE3; whoever caches programs computes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceHash(pub [u8; 32]);

impl fmt::Display for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SourceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A script's text, its name and how to read it. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    name: SourceName,
    text: Arc<str>,
    kind: SourceKind,
}

impl Source {
    /// A source with a name for reports. The text is not checked here: compiling does that.
    ///
    /// # Errors
    /// [`IdError`] if `name` is no valid name.
    pub fn new(name: impl AsRef<str>, text: impl Into<Arc<str>>, kind: SourceKind) -> Result<Self, IdError> {
        Ok(Self::named(SourceName::new(name)?, text, kind))
    }

    /// The same with a name that was checked before.
    pub fn named(name: SourceName, text: impl Into<Arc<str>>, kind: SourceKind) -> Self {
        Self { name, text: text.into(), kind }
    }

    /// The name in reports.
    pub fn name(&self) -> &SourceName {
        &self.name
    }

    /// The text as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How to read it.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }
}
