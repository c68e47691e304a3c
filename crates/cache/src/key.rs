//! Under which key a program is kept.

use std::fmt;

use isolet_core_traits::{EngineId, Source, SourceHash};

/// A hash over everything that a compiled program depends on.
///
/// BLAKE3 over the engine's id, the environment's fingerprint, the source's kind and its text, each with its length
/// before it, so that no two different lists give the same bytes. The source's name is left out: the same text under two
/// names is one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgramKey(SourceHash);

/// Sets these hashes apart from all others. Changed with what is hashed.
const PURPOSE: &str = "isolet 2026 program key v1";

impl ProgramKey {
    /// The key of `source` for an engine and an environment;
    /// `fingerprint` is [`Environment::fingerprint`](isolet_core_traits::Environment::fingerprint).
    pub fn new(engine: &EngineId, fingerprint: &str, source: &Source) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
        for part in [engine.as_str(), fingerprint, source.kind().as_str(), source.text()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        Self(SourceHash(*hasher.finalize().as_bytes()))
    }

    /// The hash, for sealing and for logs.
    pub fn hash(&self) -> &SourceHash {
        &self.0
    }
}

impl fmt::Display for ProgramKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use isolet_core_traits::SourceKind;

    use super::*;

    fn key(engine: &str, fingerprint: &str, name: &str, text: &str, kind: SourceKind) -> ProgramKey {
        let source = Source::new(name, text, kind).expect("a valid name");
        ProgramKey::new(&EngineId::new(engine), fingerprint, &source)
    }

    #[test]
    fn everything_but_the_name_counts() {
        let keys = [
            key("e/1", "eval", "a.js", "x", SourceKind::Auto),
            key("e/2", "eval", "a.js", "x", SourceKind::Auto),
            key("e/1", "no-eval", "a.js", "x", SourceKind::Auto),
            key("e/1", "eval", "a.js", "y", SourceKind::Auto),
            key("e/1", "eval", "a.js", "x", SourceKind::Module),
            key("e/1e", "val", "a.js", "x", SourceKind::Auto),
            key("e/1", "eva", "a.js", "lx", SourceKind::Auto),
        ];
        assert_eq!(keys.iter().collect::<HashSet<_>>().len(), keys.len());
        assert_eq!(key("e/1", "eval", "b.js", "x", SourceKind::Auto), keys[0]);
    }

    /// Programs that are stored under a key must be found again: changing this test means changing [`PURPOSE`].
    #[test]
    fn keys_stay_the_same() {
        let text = key("e/1", "eval", "a.js", "x", SourceKind::Auto).to_string();
        assert_eq!(text, "43e7555933f9148ab19bf5f2f19ee6cdb3aa38ef636d7182bc28976d7df56eec");
    }
}
