//! Sizes that are checked before any VM is touched.

/// Something handed in is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {bytes} bytes, at most {bytes_max} are allowed")]
pub struct Oversized {
    /// What it is, for example `input`.
    pub what: &'static str,
    /// Its size in bytes.
    pub bytes: usize,
    /// The limit in bytes.
    pub bytes_max: usize,
}

/// Refuses more than `bytes_max` bytes.
///
/// # Errors
/// [`Oversized`], with the figures.
pub fn check_size(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), Oversized> {
    if bytes > bytes_max { Err(Oversized { what, bytes, bytes_max }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_up_to_the_limit_pass() {
        for (bytes, bytes_max, error) in [
            (0, 0, None),
            (4_194_304, 4_194_304, None),
            (5_000_000, 4_194_304, Some("input has 5000000 bytes, at most 4194304 are allowed")),
            (1, 0, Some("input has 1 bytes, at most 0 are allowed")),
        ] {
            let checked = check_size("input", bytes, bytes_max).err().map(|error| error.to_string());
            assert_eq!(checked.as_deref(), error);
        }
    }
}
