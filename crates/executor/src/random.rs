//! What is drawn at random: ids of executions and seeds of runs.

use std::hash::{BuildHasher, RandomState};

use isolet_core_traits::ExecutionId;

/// A random UUID, version 4.
pub(crate) fn execution_id() -> ExecutionId {
    let uuid = uuid::Builder::from_random_bytes(bytes()).into_uuid();
    ExecutionId::new(uuid.to_string()).expect("a UUID has 36 printable characters")
}

/// The seed of a run's `Math.random`.
pub(crate) fn seed() -> u64 {
    u64::from_ne_bytes(bytes())
}

/// Bytes from the system; from the process's hash keys if the system refuses, because an execution must not fail here.
fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        for chunk in bytes.chunks_mut(8) {
            let random = RandomState::new().hash_one(0u8).to_ne_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4() {
        let (one, other) = (execution_id(), execution_id());
        assert_ne!(one, other);
        assert_eq!((one.as_str().len(), &one.as_str()[14..15]), (36, "4"));
    }
}
