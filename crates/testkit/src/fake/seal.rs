//! Sealed programs of the fake engine: the source, under a keyed hash.
//!
//! ```text
//! "FAKE" | key number, 4 bytes | hash, 32 bytes | kind, name and text of the source
//! ```
//!
//! Good enough to refuse every change that a test can think of. No security is claimed.

use isolet_core_traits::{EngineId, SealError, SealKey, SealKeys, SealedProgram, SourceHash};

const MAGIC: &[u8; 4] = b"FAKE";

pub(crate) fn seal(engine: &EngineId, text: &str, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
    let hash = hash(engine, text.as_bytes(), source, &keys.current);
    let number = keys.current.number.to_le_bytes();
    SealedProgram([MAGIC, &number[..], hash.as_bytes(), text.as_bytes()].concat())
}

pub(crate) fn unseal(
    engine: &EngineId,
    sealed: &SealedProgram,
    source: &SourceHash,
    keys: &SealKeys,
) -> Result<String, SealError> {
    let bytes = sealed.0.strip_prefix(MAGIC).ok_or(SealError::Malformed)?;
    let (number, bytes) = bytes.split_first_chunk::<4>().ok_or(SealError::Malformed)?;
    let (told, text) = bytes.split_first_chunk::<32>().ok_or(SealError::Malformed)?;
    let number = u32::from_le_bytes(*number);
    let key = keys.by_number(number).ok_or(SealError::UnknownKey { number })?;
    if hash(engine, text, source, key) != *told {
        return Err(SealError::Mismatch);
    }
    String::from_utf8(text.to_vec()).map_err(|_| SealError::Malformed)
}

fn hash(engine: &EngineId, text: &[u8], source: &SourceHash, key: &SealKey) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&key.secret);
    // Each part of unknown length after its length, so that no two lists of parts give the same bytes.
    let id = engine.as_str().as_bytes();
    hasher.update(&(id.len() as u64).to_le_bytes()).update(id);
    hasher.update(&key.number.to_le_bytes()).update(&source.0).update(text);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SourceHash = SourceHash([1; 32]);

    fn key(number: u32) -> SealKey {
        SealKey { number, secret: [number as u8; 32] }
    }

    #[test]
    fn opens_only_what_it_sealed() {
        let (engine, keys) = (EngineId::new("fake/1"), SealKeys { current: key(1), previous: vec![] });
        let sealed = seal(&engine, "output 1", &SOURCE, &keys);
        assert_eq!(unseal(&engine, &sealed, &SOURCE, &keys).as_deref(), Ok("output 1"));
        for bit in 0..sealed.0.len() * 8 {
            let mut changed = sealed.clone();
            changed.0[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(&engine, &changed, &SOURCE, &keys).is_err(), "bit {bit}");
        }
        for length in 0..sealed.0.len() {
            let cut = SealedProgram(sealed.0[..length].to_vec());
            assert!(unseal(&engine, &cut, &SOURCE, &keys).is_err(), "length {length}");
        }
        let rotated = SealKeys { current: key(2), previous: vec![key(1)] };
        assert!(unseal(&engine, &sealed, &SOURCE, &rotated).is_ok());
        let dropped = SealKeys { current: key(2), previous: vec![] };
        let same_number = SealKeys { current: SealKey { number: 1, secret: [9; 32] }, previous: vec![] };
        for (engine, source, keys, error) in [
            (&EngineId::new("fake/2"), SOURCE, &keys, SealError::Mismatch),
            (&engine, SourceHash([2; 32]), &keys, SealError::Mismatch),
            (&engine, SOURCE, &same_number, SealError::Mismatch),
            (&engine, SOURCE, &dropped, SealError::UnknownKey { number: 1 }),
        ] {
            assert_eq!(unseal(engine, &sealed, &source, keys), Err(error));
        }
    }
}
