//! One case: a script, what it may use, and what its host does.

use std::time::Duration;

use isolet_core_traits::{RunLimits, SourceKind};

use super::choices::{Choices, chosen};
use super::script;

/// How far the clock of a case moves with each reading.
pub(super) const TICK: Duration = Duration::from_millis(1);

/// One case. Every byte string is one, see [`decode`](Self::decode).
#[derive(Debug, Clone)]
pub struct Case {
    /// The script.
    pub text: String,
    /// How it is read.
    pub kind: SourceKind,
    /// Whether it may turn text into code.
    pub eval: bool,
    /// What a run of it may use. The wall time is a number of clock readings.
    pub limits: RunLimits,
    pub(super) input: &'static str,
    pub(super) random_seed: u64,
    /// Its first run is the first one of its program in the VM.
    pub(super) is_cold: bool,
    /// The program that is run was sealed and opened.
    pub(super) is_sealed: bool,
    /// The VM is called in states that do not allow it.
    pub(super) is_misused: bool,
    pub(super) is_cancelled: bool,
    /// How the host answers calls, in the order in which they are made, again and again.
    pub(super) replies: [u8; 4],
    /// What happens when the run waits: the first time, the second time, and so on; later, all calls are answered.
    pub(super) turns: [u8; 6],
}

/// Bits of the first byte.
mod flag {
    pub(super) const GENERATED: u8 = 1;
    pub(super) const EVAL: u8 = 1 << 3;
    pub(super) const COLD: u8 = 1 << 4;
    pub(super) const SEALED: u8 = 1 << 5;
    pub(super) const MISUSED: u8 = 1 << 6;
    pub(super) const CANCELLED: u8 = 1 << 7;
}

/// Bits 1 and 2 of the first byte.
const KINDS: [SourceKind; 4] = [SourceKind::Script, SourceKind::Module, SourceKind::Body, SourceKind::Auto];

const MEMORY_BYTES: [u64; 8] = [16 << 20, 1 << 20, 64 << 10, 128 << 10, 256 << 10, 512 << 10, 2 << 20, 4 << 20];
const READINGS: [u32; 8] = [12, 40, 8, 6, 4, 3, 2, 1];
const INPUTS: [&str; 8] = [
    "[1,{\"a\":\"x\"}]",
    "null",
    "{\"n\":1,\"items\":[{\"price\":3},{\"price\":4}]}",
    "\"\u{e4}\u{1f600}\\ud800\"",
    "{\"__proto__\":{\"toJSON\":1},\"constructor\":1,\"then\":2}",
    "[[[[[[[[1e400]]]]]]]]",
    "{\"toString\":\"x\",\"0\":1,\"length\":100000}",
    "-0",
];

impl Case {
    /// How many bytes come before the script.
    pub const HEAD_BYTES: usize = 16;

    /// Reads a case. Bytes that are missing are zero, which means the simplest choice.
    ///
    /// ```text
    /// 0       1 2     3         4        5       6 .. 9   10 .. 15  16 ..
    /// flags   memory  readings  limits   input   replies  turns     the script: UTF-8, or choices of the generator
    /// ```
    pub fn decode(bytes: &[u8]) -> Self {
        let mut choices = Choices::new(bytes);
        let [flags, memory, fine, readings, limits, input] = choices.bytes();
        let (replies, turns) = (choices.bytes(), choices.bytes());
        let kind = chosen(&KINDS, flags >> 1);
        let has = |flag| flags & flag != 0;
        let text = match has(flag::GENERATED) {
            true => script::generate(kind, choices),
            false => script::bounded(&String::from_utf8_lossy(choices.rest())),
        };
        Self {
            text,
            kind,
            eval: has(flag::EVAL),
            limits: RunLimits { memory_bytes: memory_bytes(memory, fine), ..self::limits(limits, readings) },
            input: chosen(&INPUTS, input),
            random_seed: u64::from(input),
            is_cold: has(flag::COLD),
            is_sealed: has(flag::SEALED),
            is_misused: has(flag::MISUSED),
            is_cancelled: has(flag::CANCELLED),
            replies,
            turns,
        }
    }

    /// The bytes of the simplest case with this script.
    pub fn encode(kind: SourceKind, text: &str) -> Vec<u8> {
        let kind = KINDS.iter().position(|known| *known == kind).unwrap_or_default();
        let mut bytes = vec![0; Self::HEAD_BYTES];
        bytes[0] = (kind as u8) << 1;
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }
}

fn memory_bytes(memory: u8, fine: u8) -> u64 {
    let bytes = chosen(&MEMORY_BYTES, memory);
    bytes - u64::from(fine) * (bytes / 512)
}

fn limits(choice: u8, readings: u8) -> RunLimits {
    let bit = |at: u8| usize::from(choice >> at & 1);
    let readings = chosen(&READINGS, readings) + u32::from(readings >> 6);
    RunLimits {
        wall_time: TICK * readings,
        slice: 7 * TICK,
        memory_bytes: 0,
        output_bytes: [1 << 20, 4 << 10, 64, 0][bit(0) * 2 + bit(1)],
        log_bytes: [64 << 10, 100][bit(2)],
        log_lines: [1_000, 3][bit(3)],
        host_calls_pending: [1_000, 4, 1, 0][bit(4) * 2 + bit(5)],
        host_payload_bytes: [64 << 10, 2 << 10, 64, 0][bit(6) * 2 + bit(7)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_string_is_a_case() {
        assert_eq!(Case::decode(&[]).text, "");
        let mut random = 1u64;
        for length in 0..300 {
            let next = |_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (random >> 33) as u8
            };
            let case = Case::decode(&(0..length).map(next).collect::<Vec<_>>());
            assert!((1 << 15..=16 << 20).contains(&case.limits.memory_bytes) && !case.limits.wall_time.is_zero());
        }
    }

    #[test]
    fn a_script_comes_back() {
        for kind in KINDS {
            let case = Case::decode(&Case::encode(kind, "a + b"));
            assert_eq!((case.kind, case.text.as_str()), (kind, "a + b"));
        }
    }
}
