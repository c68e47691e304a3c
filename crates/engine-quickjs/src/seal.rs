//! Programs as sealed bytes.
//!
//! ```text
//! magic (8) | key number (4, LE) | MAC (32) | form (1) | text length (8, LE) | text | bytecode
//!                                    └ BLAKE3, keyed, over: all behind the MAC, engine id, source hash, key number and
//!                                      the length of all behind the MAC (8, LE)
//! ```
//!
//! What is long comes first: BLAKE3 takes several blocks together that begin at multiples of their size. Read from its
//! end, what is hashed can be taken apart in one way only.

use isolet_core_traits::{EngineId, SealError, SealKey, SealKeys, SealedProgram, SourceHash};

use crate::program::{Form, QuickJsProgram};

const MAGIC: &[u8; 8] = b"isolet\0\x02";
const MAC_AT: usize = 12;
const BODY_AT: usize = MAC_AT + 32;
const TEXT_AT: usize = 9;

pub(crate) fn seal(program: &QuickJsProgram, engine: &EngineId, source: &SourceHash, keys: &SealKeys) -> SealedProgram {
    let text = program.wide_text().unwrap_or_default();
    let form = Form::ALL.iter().position(|&form| form == program.form()).unwrap_or_default() as u8;
    let mut body = vec![form];
    body.extend((text.len() as u64).to_le_bytes());
    body.extend(text.as_bytes());
    body.extend(program.bytecode());
    let mac = mac(&keys.current, engine, source, &body);
    let number = keys.current.number.to_le_bytes();
    SealedProgram([MAGIC, &number[..], mac.as_bytes(), &body].concat())
}

pub(crate) fn unseal(
    SealedProgram(mut sealed): SealedProgram,
    engine: &EngineId,
    source: &SourceHash,
    keys: &SealKeys,
) -> Result<QuickJsProgram, SealError> {
    let (head, body) = sealed.split_at_checked(BODY_AT).ok_or(SealError::Malformed)?;
    let (magic, number, claimed) = (&head[..8], &head[8..MAC_AT], &head[MAC_AT..]);
    if magic != MAGIC {
        return Err(SealError::Malformed);
    }
    let number = number.try_into().map(u32::from_le_bytes).map_err(|_| SealError::Malformed)?;
    let claimed: [u8; 32] = claimed.try_into().map_err(|_| SealError::Malformed)?;
    let key = keys.by_number(number).ok_or(SealError::UnknownKey { number })?;
    // Comparing two hashes of BLAKE3 takes the same time wherever they differ.
    if mac(key, engine, source, body) != blake3::Hash::from_bytes(claimed) {
        return Err(SealError::Mismatch);
    }
    // The MAC held: the bytes were written by `seal` (B1).
    let Head { form, wide_text, bytes } = Head::read(body).ok_or(SealError::Malformed)?;
    // What is left is the bytecode, in the memory that it came in.
    sealed.drain(..BODY_AT + bytes);
    Ok(QuickJsProgram::new(form, sealed, wide_text))
}

/// What stands before the bytecode.
struct Head {
    form: Form,
    wide_text: Option<Box<str>>,
    /// Its own length.
    bytes: usize,
}

impl Head {
    fn read(body: &[u8]) -> Option<Self> {
        let form = *Form::ALL.get(usize::from(*body.first()?))?;
        let length = u64::from_le_bytes(body.get(1..TEXT_AT)?.try_into().ok()?);
        let bytes = TEXT_AT.checked_add(usize::try_from(length).ok()?)?;
        let text = std::str::from_utf8(body.get(TEXT_AT..bytes)?).ok()?;
        Some(Self { form, wide_text: (!text.is_empty()).then(|| text.into()), bytes })
    }
}

fn mac(key: &SealKey, engine: &EngineId, source: &SourceHash, body: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new_keyed(&key.secret);
    hasher.update(body).update(engine.as_str().as_bytes()).update(&source.0);
    hasher.update(&key.number.to_le_bytes()).update(&(body.len() as u64).to_le_bytes()).finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u32) -> SealKey {
        SealKey { number, secret: [number as u8; 32] }
    }

    fn sealed() -> (EngineId, SourceHash, SealKeys, SealedProgram) {
        let (engine, source) = (EngineId::new("e/1"), SourceHash([7; 32]));
        let keys = SealKeys { current: key(2), previous: vec![key(1)] };
        let program = QuickJsProgram::new(Form::Module, vec![1, 2, 3], Some("ä".into()));
        let sealed = seal(&program, &engine, &source, &keys);
        (engine, source, keys, sealed)
    }

    #[test]
    fn what_was_sealed_opens() {
        let (engine, source, mut keys, sealed) = sealed();
        for _ in 0..2 {
            let program = unseal(sealed.clone(), &engine, &source, &keys).expect("opens");
            assert_eq!((program.form(), program.bytecode()), (Form::Module, &[1, 2, 3][..]));
            assert_eq!(program.wide_text(), Some("ä"));
            keys = SealKeys { current: key(3), previous: vec![key(2)] };
        }
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let (engine, source, keys, sealed) = sealed();
        for bit in 0..sealed.0.len() * 8 {
            let mut bytes = sealed.0.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(unseal(SealedProgram(bytes), &engine, &source, &keys).is_err(), "bit {bit}");
        }
        for length in 0..sealed.0.len() {
            let cut = SealedProgram(sealed.0[..length].to_vec());
            assert!(unseal(cut, &engine, &source, &keys).is_err(), "length {length}");
        }
    }

    #[test]
    fn another_engine_source_or_key_is_refused() {
        let (engine, source, keys, sealed) = sealed();
        let other = SealKeys { current: SealKey { number: 2, secret: [9; 32] }, previous: vec![] };
        let unknown = SealKeys { current: key(5), previous: vec![] };
        for (engine, source, keys, error) in [
            (&EngineId::new("e/2"), &source, &keys, SealError::Mismatch),
            (&engine, &SourceHash([8; 32]), &keys, SealError::Mismatch),
            (&engine, &source, &other, SealError::Mismatch),
            (&engine, &source, &unknown, SealError::UnknownKey { number: 2 }),
        ] {
            assert_eq!(unseal(sealed.clone(), engine, source, keys).expect_err("refused"), error);
        }
    }
}
