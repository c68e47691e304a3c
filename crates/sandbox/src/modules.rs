//! Modules that the host provides by name.

use std::sync::Arc;

use isolet_core_traits::HostModule;

/// Names that stack traces use for other texts.
const RESERVED: [&str; 2] = ["script", "setup"];
const NAME_BYTES_MAX: usize = 100;
const SOURCE_BYTES_MAX: usize = 1 << 20;
/// Together they are compiled for each pool once.
const COUNT_MAX: usize = 100;

/// What scripts may import: names and sources, checked when they are added.
///
/// ```
/// use isolet_sandbox::{HostModules, Policy};
///
/// let modules = HostModules::new().with("pricing", "export const vat = (net) => net * 1.2")?;
/// let policy = Policy::new().with_modules(modules);
/// # Ok::<(), isolet_sandbox::ModuleError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct HostModules(Vec<HostModule>);

/// Why a module cannot be provided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// A name is empty, longer than 100 bytes, reserved, a path, or holds what is not printable.
    #[error("{name:?} is no name of a module: take up to 100 printable characters, not the start of a path or a URL")]
    Name {
        /// The name.
        name: String,
    },
    /// A name is there twice.
    #[error("there is a module {name:?} already")]
    Taken {
        /// The name.
        name: String,
    },
    /// A source is larger than 1 MiB.
    #[error("the source of the module {name:?} has {bytes} bytes, at most 1048576 are allowed")]
    TooLarge {
        /// The name.
        name: String,
        /// The size of its source, in bytes.
        bytes: usize,
    },
    /// More than 100 modules.
    #[error("there are 100 modules already")]
    TooMany,
}

impl HostModules {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also provides `source`, an ECMAScript module, as `name`. It may import those that were added before it.
    ///
    /// Whether it compiles is found when the first VM is made.
    ///
    /// # Errors
    /// [`ModuleError`] for a name that is none or is taken, and for too much.
    pub fn with(mut self, name: impl Into<Arc<str>>, source: impl Into<Arc<str>>) -> Result<Self, ModuleError> {
        let (name, source) = (name.into(), source.into());
        if !is_name(&name) {
            return Err(ModuleError::Name { name: name.to_string() });
        }
        if self.0.iter().any(|module| module.name == name) {
            return Err(ModuleError::Taken { name: name.to_string() });
        }
        if source.len() > SOURCE_BYTES_MAX {
            return Err(ModuleError::TooLarge { name: name.to_string(), bytes: source.len() });
        }
        if self.0.len() >= COUNT_MAX {
            return Err(ModuleError::TooMany);
        }
        self.0.push(HostModule { name, source });
        Ok(self)
    }

    /// The modules in the order in which they were added.
    pub fn as_slice(&self) -> &[HostModule] {
        &self.0
    }
}

fn is_name(name: &str) -> bool {
    let is_path = name.starts_with(['.', '/']) || name.contains(':');
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && !is_path
        && !RESERVED.contains(&name)
        && !name.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for name in ["pricing", "@acme/pricing", "date-fns/format", "größe"] {
            assert!(HostModules::new().with(name, "").is_ok(), "{name}");
        }
        for name in
            ["", "./a", "/a", "node:fs", "https://a/b.js", "a b", "a\0", "script", "setup", "\"", &"x".repeat(101)]
        {
            assert!(matches!(HostModules::new().with(name, ""), Err(ModuleError::Name { .. })), "{name:?}");
        }
        let one = HostModules::new().with("a", "").expect("a name");
        assert_eq!(one.clone().with("a", ""), Err(ModuleError::Taken { name: "a".into() }));
        let large = one.with("b", " ".repeat(SOURCE_BYTES_MAX + 1));
        assert_eq!(large, Err(ModuleError::TooLarge { name: "b".into(), bytes: SOURCE_BYTES_MAX + 1 }));
        let many = (0..COUNT_MAX).try_fold(HostModules::new(), |modules, at| modules.with(format!("m{at}"), ""));
        assert_eq!(many.expect("room").with("one-more", ""), Err(ModuleError::TooMany));
    }
}
