//! Natives of `crypto.subtle`: digests and HMAC.

use hmac::{EagerHash, Hmac, KeyInit, Mac};
use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{refused, string};

pub(super) const NATIVES: [Native; 7] = [
    // `native.isHmac(name)`: whether it is the name of HMAC.
    Native { name: "isHmac", arguments: 1, call: is_hmac },
    // `native.hash(name)`: the name of a hash as the standard has it, or `null`.
    Native { name: "hash", arguments: 1, call: hash },
    // `native.block(hash)`: the bytes of its block.
    Native { name: "block", arguments: 1, call: block },
    Native { name: "digest", arguments: 2, call: digest },
    // `native.sign(hash, key, data)` and `native.verify(hash, key, signature, data)`, of HMAC.
    Native { name: "sign", arguments: 3, call: sign },
    Native { name: "verify", arguments: 4, call: verify },
    // `native.copy(bytes)`: the same bytes in a buffer of their own.
    Native { name: "copy", arguments: 1, call: copy },
];

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    const ALL: [Self; 4] = [Self::Sha1, Self::Sha256, Self::Sha384, Self::Sha512];

    fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name().eq_ignore_ascii_case(name))
    }
}

fn is_hmac(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name)] = arguments else { return Err(refused()) };
    Ok(NativeValue::Bool(name.eq_ignore_ascii_case("HMAC")))
}

fn hash(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name)] = arguments else { return Err(refused()) };
    Ok(string(Hash::named(name).map(|hash| hash.name().into())))
}

fn block(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name)] = arguments else { return Err(refused()) };
    Ok(NativeValue::Number(match Hash::named(name).ok_or_else(refused)? {
        Hash::Sha1 | Hash::Sha256 => 64.0,
        Hash::Sha384 | Hash::Sha512 => 128.0,
    }))
}

fn digest(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name), data] = arguments else { return Err(refused()) };
    let data = bytes(data)?;
    Ok(NativeValue::Bytes(match Hash::named(name).ok_or_else(refused)? {
        Hash::Sha1 => digest_of::<Sha1>(context, data),
        Hash::Sha256 => digest_of::<Sha256>(context, data),
        Hash::Sha384 => digest_of::<Sha384>(context, data),
        Hash::Sha512 => digest_of::<Sha512>(context, data),
    }))
}

/// What is hashed between two looks at the deadline.
const CHUNK_BYTES: usize = 1 << 20;

/// The digest, or nothing if the run is to end, which sees none of it.
fn digest_of<D: Digest>(context: &NativeContext<'_>, data: &[u8]) -> Vec<u8> {
    let mut digest = D::new();
    for chunk in data.chunks(CHUNK_BYTES) {
        if context.interrupted() {
            return Vec::new();
        }
        digest.update(chunk);
    }
    digest.finalize().to_vec()
}

fn sign(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name), key, data] = arguments else { return Err(refused()) };
    let (key, data) = (bytes(key)?, bytes(data)?);
    Ok(NativeValue::Bytes(match Hash::named(name).ok_or_else(refused)? {
        Hash::Sha1 => mac::<Sha1>(context, key, data)?.finalize().into_bytes().to_vec(),
        Hash::Sha256 => mac::<Sha256>(context, key, data)?.finalize().into_bytes().to_vec(),
        Hash::Sha384 => mac::<Sha384>(context, key, data)?.finalize().into_bytes().to_vec(),
        Hash::Sha512 => mac::<Sha512>(context, key, data)?.finalize().into_bytes().to_vec(),
    }))
}

/// Takes as long whatever the signature is.
fn verify(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::String(name), key, signature, data] = arguments else { return Err(refused()) };
    let (key, signature, data) = (bytes(key)?, bytes(signature)?, bytes(data)?);
    let verified = match Hash::named(name).ok_or_else(refused)? {
        Hash::Sha1 => mac::<Sha1>(context, key, data)?.verify_slice(signature),
        Hash::Sha256 => mac::<Sha256>(context, key, data)?.verify_slice(signature),
        Hash::Sha384 => mac::<Sha384>(context, key, data)?.verify_slice(signature),
        Hash::Sha512 => mac::<Sha512>(context, key, data)?.verify_slice(signature),
    };
    Ok(NativeValue::Bool(verified.is_ok()))
}

fn copy(_context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [data] = arguments else { return Err(refused()) };
    Ok(NativeValue::Bytes(bytes(data)?.to_vec()))
}

fn mac<D: EagerHash>(context: &NativeContext<'_>, key: &[u8], data: &[u8]) -> Result<Hmac<D>, NativeFailure> {
    let mut mac = <Hmac<D> as KeyInit>::new_from_slice(key).map_err(|_| refused())?;
    // A run that is to end sees nothing of what is left out.
    data.chunks(CHUNK_BYTES).take_while(|_| !context.interrupted()).for_each(|chunk| mac.update(chunk));
    Ok(mac)
}

/// A detached buffer has no bytes.
fn bytes(value: &NativeValue) -> Result<&[u8], NativeFailure> {
    match value {
        NativeValue::Bytes(bytes) => Ok(bytes),
        NativeValue::Undefined => Ok(&[]),
        _ => Err(refused()),
    }
}
