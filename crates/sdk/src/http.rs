//! Requests for scripts: `fetch`, and `http.get` and its like.
//!
//! ```text
//! script:  fetch(url, {…}) ─▶ Request: read and checked ─▶ hop: target ─▶ client ─▶ response ─▶ body, capped ─▶ redacted
//!                                                           ▲   granted?    one for each        │
//!                                                           │   address?    tenant and origin   │
//!                                                           └──────────── redirect ─────────────┘
//! ```
//!
//! - [`check_url`] says whether a URL may be asked for: its host and port are granted, and a literal address is public or
//!   granted itself.
//! - Names are resolved when a connection is made, by a resolver that gives permitted addresses only; the connection goes
//!   to one of those. A connection is used again only for the same tenant, origin and granted addresses.
//! - Redirects are followed by hand, so that each hop is checked as the first one was.
//!
//! It keeps no cookies, reads no proxy from the environment, and speaks HTTP/1.1.

mod address;
mod body;
mod client;
mod exchange;
mod failure;
mod headers;
mod redirect;
mod request;
mod resolver;
mod script;
mod secrets;
mod service;
mod target;

pub use address::is_public;
pub use resolver::{Resolver, SystemResolver};
pub use secrets::{Secret, SecretError, SecretSource};
pub use service::{Http, HttpBuilder, HttpError, HttpLimits};
pub use target::{Target, check_url};
