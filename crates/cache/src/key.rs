//! Under which key a program is kept.

use std::fmt;

use isolet_core_traits::{EngineId, Source, SourceHash};

/// A hash over everything that a compiled program depends on.
///
/// BLAKE3 over the source's text, then the engine's id, the environment's fingerprint and the source's kind, each with its
/// length before it, and last the length of the text, so that no two different lists give the same bytes. The text comes
/// first because BLAKE3 takes several blocks together that begin at multiples of their size. The source's name is left
/// out: the same text under two names is one program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProgramKey(SourceHash);

/// Sets these hashes apart from all others. Changed with what is hashed.
const PURPOSE: &str = "isolet 2026 program key v2";
const TARGET_PURPOSE: &str = "isolet 2026 program target v1";

/// What programs are compiled for, as a hash: an engine and an environment. All programs of an executor have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ProgramTarget([u8; 32]);

impl ProgramTarget {
    /// For an engine and an environment;
    /// `fingerprint` is [`Environment::fingerprint`](isolet_core_traits::Environment::fingerprint).
    pub fn new(engine: &EngineId, fingerprint: &str) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(TARGET_PURPOSE);
        for part in [engine.as_str(), fingerprint] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl ProgramKey {
    /// The key of `source` for an engine and an environment;
    /// `fingerprint` is [`Environment::fingerprint`](isolet_core_traits::Environment::fingerprint).
    pub fn new(engine: &EngineId, fingerprint: &str, source: &Source) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(PURPOSE);
        let (text, length) = (source.text().as_bytes(), |part: &[u8]| (part.len() as u64).to_le_bytes());
        hasher.update(text);
        for part in [engine.as_str(), fingerprint, source.kind().as_str()].map(str::as_bytes) {
            hasher.update(&length(part)).update(part);
        }
        hasher.update(&length(text));
        Self(SourceHash(*hasher.finalize().as_bytes()))
    }

    /// The key with this [hash](Self::hash), for stores that tell of what they have. Whether it belongs to a program is
    /// not checked.
    pub fn from_hash(hash: SourceHash) -> Self {
        Self(hash)
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

    #[test]
    fn engines_and_environments_are_targets_of_their_own() {
        let target = |engine: &str, fingerprint: &str| ProgramTarget::new(&EngineId::new(engine), fingerprint);
        let targets = [target("e/1", "eval"), target("e/2", "eval"), target("e/1", "no-eval"), target("e/1e", "val")];
        assert_eq!(targets.iter().collect::<HashSet<_>>().len(), targets.len());
        assert_eq!(target("e/1", "eval"), targets[0]);
    }

    /// Programs that are stored under a key must be found again: changing this test means changing [`PURPOSE`].
    #[test]
    fn keys_stay_the_same() {
        let text = key("e/1", "eval", "a.js", "x", SourceKind::Auto).to_string();
        assert_eq!(text, "8bd9af0cc2601408661e7997b30239accce1cb728f1f654edfe588f52d194583");
    }
}
