//! What scripts are told when a request fails.

use std::error::Error;
use std::io;
use std::time::Duration;

use isolet_core_traits::{HostFailure, HostFailureKind};

use super::resolver::{NotPermitted, Unresolved};

/// The failures of requests, as `HttpError`s, by their code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// The name has no address, or none could be found out.
    Dns,
    /// No connection could be made.
    Connect,
    /// No secure connection could be made.
    Tls,
    /// It took too long.
    Timeout,
    /// The response is too large.
    TooLarge,
    /// A redirect that is not followed.
    Redirect,
    /// What came is not a whole response.
    Protocol,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::Dns => "ERR_HTTP_DNS",
            Self::Connect => "ERR_HTTP_CONNECT",
            Self::Tls => "ERR_HTTP_TLS",
            Self::Timeout => "ERR_HTTP_TIMEOUT",
            Self::TooLarge => "ERR_HTTP_TOO_LARGE",
            Self::Redirect => "ERR_HTTP_REDIRECT",
            Self::Protocol => "ERR_HTTP_PROTOCOL",
        }
    }
}

/// Not retryable.
pub(super) fn failed(code: Code, message: impl Into<String>) -> HostFailure {
    HostFailure { code: Some(code.name().into()), ..HostFailure::new(HostFailureKind::Failed, "HttpError", message) }
}

pub(super) fn bad_arguments(message: String) -> HostFailure {
    HostFailure::new(HostFailureKind::BadArguments, "TypeError", message)
}

/// `host` as patterns have it, with the port if it is not the scheme's own.
pub(super) fn host_denied(host: &str) -> HostFailure {
    let what = format!("this script may not send requests to {host}");
    HostFailure::permission(what, &format!("{host:?} to its permissions' \"http\""))
}

pub(super) fn address_denied(host: &str) -> HostFailure {
    let what = format!("this script may not send requests to {host}, which is no public address");
    HostFailure::permission(what, &format!("that very address to its permissions' \"http\""))
}

pub(super) fn secret_unknown(name: &str) -> HostFailure {
    HostFailure::permission(format!("this script has no secret {name:?}"), "it to the host's secrets for this script")
}

pub(super) fn secret_denied(name: &str, host: &str) -> HostFailure {
    let what = format!("the secret {name:?} is not sent to {host}");
    HostFailure::permission(what, "this host to the secret's, or ask by https")
}

/// What became of a request that took too long. It may have arrived.
pub(super) fn timeout(after: Duration, is_idempotent: bool) -> HostFailure {
    let message = format!("no whole response came within {} ms", after.as_millis());
    HostFailure { retryable: is_idempotent, ..failed(Code::Timeout, message) }
}

/// What became of a request to `host`. The error's own words may tell of the host's inside: none of them is used.
pub(super) fn of_request(error: &reqwest::Error, host: &str, is_idempotent: bool) -> HostFailure {
    if find::<NotPermitted>(error).is_some() {
        let what = format!("{host} resolves to an address that is not permitted");
        return HostFailure::permission(what, "that very address to the script's permissions' \"http\"");
    }
    if find::<Unresolved>(error).is_some() {
        return HostFailure { retryable: true, ..failed(Code::Dns, format!("the name {host} could not be resolved")) };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        let why = match error {
            rustls::Error::InvalidCertificate(_) => "its certificate is not valid for it",
            _ => "the handshake failed",
        };
        return failed(Code::Tls, format!("no secure connection to {host}: {why}"));
    }
    if error.is_connect() {
        let message = format!("no connection to {host} could be made");
        return HostFailure { retryable: true, ..failed(Code::Connect, message) };
    }
    let message = format!("{host} sent no whole response");
    HostFailure { retryable: is_idempotent, ..failed(Code::Protocol, message) }
}

/// The first of the error's causes that is an `E`. What an [`io::Error`] wraps is none of its sources.
fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut next = Some(error as &(dyn Error + 'static));
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}
