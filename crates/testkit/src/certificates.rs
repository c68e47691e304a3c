//! Certificates of servers in tests. They hold for `localhost`, and nobody should trust them elsewhere: their keys are
//! public.

/// The certificate that servers' own are checked with, as PEM.
pub const ROOT: &str = include_str!("certificates/root.pem");

/// Another one, that has signed nothing of theirs.
pub const OTHERS: &str = include_str!("certificates/others.pem");

/// What a server shows, and its key.
pub(crate) const SERVER: &str = include_str!("certificates/server.pem");
pub(crate) const SERVER_KEY: &str = include_str!("certificates/server.key.pem");
