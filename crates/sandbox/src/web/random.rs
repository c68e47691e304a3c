//! Natives of `crypto` that give random bytes.
//!
//! Each run has a stream of its own: BLAKE3, keyed with a secret of the process, over the run's seed. What a script sees of
//! the seed through `Math.random` tells nothing of the stream. A seed that the caller gave is its own key: whoever knows it
//! can foretell the stream, in any process.

use std::io::Read;
use std::sync::OnceLock;

use blake3::{Hasher, OutputReader};
use isolet_core_traits::{Native, NativeContext, NativeFailure, NativeValue, Seed};

use super::refused;

pub(super) const NATIVES: [Native; 2] = [
    // `native.random(count)`: so many bytes.
    Native { name: "random", arguments: 1, call: random },
    // `native.uuid()`: a UUID of version 4.
    Native { name: "uuid", arguments: 0, call: uuid },
];

/// As `getRandomValues` has it.
const BYTES_MAX: f64 = 65_536.0;

/// The key of streams that can be foretold.
const GIVEN: [u8; blake3::KEY_LEN] = *b"isolet: the seed of a given run.";

static SECRET: OnceLock<[u8; blake3::KEY_LEN]> = OnceLock::new();

/// A run's stream.
#[derive(Default)]
struct Stream(Option<OutputReader>);

fn random(context: &mut NativeContext<'_>, arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let [NativeValue::Number(count @ 0.0..=BYTES_MAX)] = arguments else { return Err(refused()) };
    let mut bytes = vec![0; *count as usize];
    fill(context, &mut bytes)?;
    Ok(NativeValue::Bytes(bytes))
}

fn uuid(context: &mut NativeContext<'_>, _arguments: &[NativeValue]) -> Result<NativeValue, NativeFailure> {
    let mut bytes = [0; 16];
    fill(context, &mut bytes)?;
    Ok(NativeValue::String(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()))
}

fn fill(context: &mut NativeContext<'_>, bytes: &mut [u8]) -> Result<(), NativeFailure> {
    let seed = context.seed();
    let Stream(stream) = context.state();
    let reader = match stream {
        Some(reader) => reader,
        None => {
            let key = match seed {
                Seed::Drawn(_) => secret()?,
                Seed::Given(_) => &GIVEN,
            };
            stream.insert(Hasher::new_keyed(key).update(&seed.value().to_le_bytes()).finalize_xof())
        }
    };
    reader.read_exact(bytes).map_err(|_| unavailable())
}

fn secret() -> Result<&'static [u8; blake3::KEY_LEN], NativeFailure> {
    if let Some(secret) = SECRET.get() {
        return Ok(secret);
    }
    let mut drawn = [0; blake3::KEY_LEN];
    getrandom::fill(&mut drawn).map_err(|_| unavailable())?;
    Ok(SECRET.get_or_init(|| drawn))
}

fn unavailable() -> NativeFailure {
    NativeFailure { name: "Error", message: "the system gives no random bytes".into() }
}
