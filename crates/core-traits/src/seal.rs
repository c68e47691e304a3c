//! Compiled programs as bytes for a store.
//!
//! Bytecode is code: an engine that reads hostile bytes is lost. So what leaves the process is sealed by the engine with
//! a keyed MAC over its id, the hash of the source and the bytes, and only what opens under a known key comes back.

use std::fmt;

/// A key for sealing, with a number by which sealed programs name it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealKey {
    /// The key's number, unique among the keys in use.
    pub number: u32,
    /// 32 bytes from a good source of randomness.
    pub secret: [u8; 32],
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealKey").field("number", &self.number).finish_non_exhaustive()
    }
}

/// The keys of a process: the first seals, all of them open. Rotation: add a new one in front, drop the last one later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealKeys {
    /// Seals, and opens what it sealed.
    pub current: SealKey,
    /// Open what they sealed earlier.
    pub previous: Vec<SealKey>,
}

impl SealKeys {
    /// The key with this number.
    pub fn by_number(&self, number: u32) -> Option<&SealKey> {
        std::iter::once(&self.current).chain(&self.previous).find(|key| key.number == number)
    }
}

/// A compiled program as opaque bytes. Only the engine that sealed it can open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedProgram(pub Vec<u8>);

/// Why sealed bytes were not opened. Each of them means: compile again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The bytes are too short or not of the sealed form.
    #[error("not a sealed program: too short or of an unknown form")]
    Malformed,
    /// No key with the number in the seal.
    #[error("sealed with key {number}, which is not among the keys in use")]
    UnknownKey {
        /// The key's number as the bytes tell it.
        number: u32,
    },
    /// The MAC differs: changed bytes, another engine or another source.
    #[error("the seal does not match: changed bytes, another engine or another source")]
    Mismatch,
}
