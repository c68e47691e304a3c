//! Compiled programs as bytes for a store.
//!
//! Bytecode is code: an engine that reads hostile bytes is lost. So what leaves the process is sealed by the engine with
//! a keyed MAC over its id, the hash of the source and the bytes, and only what opens under a known key comes back.

use std::fmt;
use std::str::FromStr;

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

impl FromStr for SealKeys {
    type Err = SealKeysError;

    /// One key in each line, as `NUMBER:SECRET` with 64 hexadecimal digits; the first one seals. Empty lines, and those that
    /// begin with `#`, are left out.
    fn from_str(text: &str) -> Result<Self, SealKeysError> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys = keys.map(|(line, key)| parse_key(key).ok_or(SealKeysError::Form { line }));
        let mut keys = keys.collect::<Result<Vec<_>, _>>()?;
        let twice = |(at, key): (usize, &SealKey)| keys[..at].iter().any(|other| other.number == key.number);
        if let Some((_, key)) = keys.iter().enumerate().find(|&key| twice(key)) {
            return Err(SealKeysError::Twice { number: key.number });
        }
        if keys.is_empty() {
            return Err(SealKeysError::None);
        }
        Ok(Self { current: keys.remove(0), previous: keys })
    }
}

fn parse_key(text: &str) -> Option<SealKey> {
    let (number, digits) = text.split_once(':')?;
    let digits = digits.trim().as_bytes();
    let mut secret = [0; 32];
    if digits.len() != 2 * secret.len() {
        return None;
    }
    for (byte, pair) in secret.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = (digit(0)? << 4 | digit(1)?) as u8;
    }
    Some(SealKey { number: number.trim().parse().ok()?, secret })
}

/// Why a text tells no keys. It tells nothing of the secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealKeysError {
    /// A line is no key.
    #[error("line {line} is no key: NUMBER:SECRET with 64 hexadecimal digits")]
    Form {
        /// The line's number, from 1.
        line: usize,
    },
    /// Two keys have the same number.
    #[error("two keys have the number {number}")]
    Twice {
        /// The number.
        number: u32,
    },
    /// There is no key.
    #[error("there is no key")]
    None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_lines() {
        let (a, b) = ("0f".repeat(32), "E1".repeat(32));
        let keys: SealKeys = format!("# since May\n2: {a}\n\n 1:{b} \r\n").parse().expect("two keys");
        assert_eq!((keys.current.number, keys.current.secret), (2, [0x0f; 32]));
        assert_eq!(keys.by_number(1).map(|key| key.secret), Some([0xe1; 32]));
        for (text, error) in [
            (String::new(), SealKeysError::None),
            ("# nothing".into(), SealKeysError::None),
            (a.clone(), SealKeysError::Form { line: 1 }),
            (format!("\n1:{}", &a[1..]), SealKeysError::Form { line: 2 }),
            (format!("1:{}x", &a[1..]), SealKeysError::Form { line: 1 }),
            (format!("1:{}é", &a[2..]), SealKeysError::Form { line: 1 }),
            (format!("-1:{a}"), SealKeysError::Form { line: 1 }),
            (format!("1:{a}\n1:{b}"), SealKeysError::Twice { number: 1 }),
        ] {
            assert_eq!(text.parse::<SealKeys>(), Err(error), "{text}");
        }
    }
}
