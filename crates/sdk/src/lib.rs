//! Host services for the scripts of isolet.
//!
//! - [`HostApi`]: an API of your own in a few lines, typed by serde.
//! - `http`, with the feature of that name: `fetch`, and `http.get` and its like.
//! - [`events`]: publishing to a sink; with the feature `nats`, to NATS.
//!
//! Each is a [`HostService`](isolet_core_traits::HostService) to be given to the executor's builder. What a script may
//! call is decided by its [`Permissions`](isolet_core_traits::Permissions), which permit nothing by default.

pub mod api;
#[cfg(any(feature = "db-sqlite", feature = "db-postgres"))]
pub mod db;
pub mod events;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "db-postgres", feature = "http", feature = "nats"))]
mod tls;

pub use api::{ApiError, BigInt, Bytes, CallContext, HostApi};
