//! Host services for the scripts of isolet.

#[cfg(feature = "http")]
pub mod http;
