//! What must hold of a URL that is permitted, whatever it is.
//!
//! The first byte of an input says what is granted, the rest is the URL; after a line break comes what is joined to it, as
//! a redirect does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use http::Uri;
use isolet_core_traits::{Grants, Permissions};
use isolet_sdk::http::{Target, check_url, is_public};
use url::Url;

/// What is granted, by the first byte.
static GRANTS: LazyLock<Vec<(Vec<&str>, Grants)>> = LazyLock::new(|| {
    let all = [
        vec!["*"],
        vec!["*:*"],
        vec!["api.test", "*.below.test:8443"],
        vec!["127.0.0.1:*", "10.0.0.5", "[fd00::1]:8080"],
        vec!["*:*", "127.0.0.1:80", "[::1]"],
        vec!["8.8.8.8", "[2606:4700::1111]:*"],
        vec![],
    ];
    all.map(|patterns| {
        let http = patterns.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        (patterns, Grants::new([Arc::new(Permissions { http, ..Permissions::default() })]))
    })
    .into()
});

/// An input for people.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let (patterns, _, url) = decode(bytes);
    format!("{url:?} with {patterns:?}")
}

/// Checks an input, or says what is wrong.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let (patterns, grants, url) = decode(bytes);
    let Ok(target) = check_url(&url, grants) else { return Ok(()) };
    let Target { host, port, addresses, .. } = &target;
    let parsed = Url::parse(target.url()).map_err(|error| format!("{} is no URL: {error}", target.url()))?;
    let is = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {target:?}")) };

    is(parsed.as_str() == target.url(), "it is another URL when it is parsed again")?;
    is(matches!(parsed.scheme(), "http" | "https"), "it has another scheme")?;
    is(parsed.username().is_empty() && parsed.password().is_none(), "it holds credentials")?;
    is(parsed.port_or_known_default() == Some(*port), "it has another port")?;
    is(parsed.host_str().map(bare) == Some(host), "it has another host")?;
    // What connects reads the URL in its own way.
    if let Ok(uri) = target.url().parse::<Uri>() {
        is(uri.host().map(bare) == Some(host), "another host is connected to")?;
        is(uri.port_u16().unwrap_or(if parsed.scheme() == "https" { 443 } else { 80 }) == *port, "so is another port")?;
        is(!uri.authority().is_some_and(|authority| authority.as_str().contains('@')), "it logs in")?;
    }

    is(is_granted(patterns, host, *port, parsed.scheme()), "it was not granted")?;
    match host.parse::<IpAddr>() {
        Ok(address) => is(
            may_be_public(address) && is_public(address) || addresses.contains(&address.to_canonical()),
            "its address is not public, and not named",
        )?,
        Err(_) => {
            is(!is_address_of_old(host), "its name is an address for the system")?;
            is(host.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@:\\%[]".contains(&byte)), "its name is none")?;
        }
    }
    let again = check_url(target.url(), grants).map_err(|failure| format!("it is refused: {}", failure.message))?;
    is((&again.host, again.port) == (host, *port), "it is checked differently")
}

fn decode(bytes: &[u8]) -> (&'static [&'static str], &'static Grants, String) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (patterns, grants) = &GRANTS[usize::from(*first) % GRANTS.len()];
    let text = String::from_utf8_lossy(rest).into_owned();
    let joined = text.split_once('\n').and_then(|(base, url)| Url::parse(base).ok()?.join(url).ok());
    (patterns, grants, joined.map_or(text, String::from))
}

fn bare(host: &str) -> &str {
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

/// The patterns, read once more and in another way.
fn is_granted(patterns: &[&str], host: &str, port: u16, scheme: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    patterns.iter().any(|pattern| {
        let (name, of_port) = match pattern.rsplit_once(':') {
            Some((name, of_port)) if !of_port.ends_with(']') => (name, of_port.parse().ok()),
            _ => (*pattern, Some(if scheme == "https" { 443 } else { 80 })),
        };
        let has_name = match (name.strip_prefix("*."), bare(name).parse::<IpAddr>(), host.parse::<IpAddr>()) {
            _ if name == "*" => true,
            (Some(below), ..) => {
                host.strip_suffix(below).is_some_and(|labels| labels.len() > 1 && labels.ends_with('.'))
            }
            (_, Ok(named), Ok(address)) => named == address.to_canonical(),
            (_, Ok(_), _) => false,
            _ => host == name,
        };
        // `None` is any.
        has_name && of_port.is_none_or(|of_port| of_port == port)
    })
}

/// As far as the standard library knows.
fn may_be_public(address: IpAddr) -> bool {
    let v4 = |address: Ipv4Addr| {
        let is_special = address.is_loopback() || address.is_private() || address.is_link_local();
        !(is_special || address.is_unspecified() || address.is_multicast() || address.is_broadcast())
    };
    let v6 = |address: Ipv6Addr| {
        let is_special = address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local();
        !(is_special || address.is_unspecified() || address.is_multicast())
    };
    match address.to_canonical() {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => v6(address),
    }
}

/// Whether `inet_aton` takes it for an address: one to four numbers, decimal, octal or hexadecimal.
fn is_address_of_old(host: &str) -> bool {
    let is_number = |part: &str| match part.strip_prefix("0x").or(part.strip_prefix("0X")) {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()),
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    host.split('.').count() <= 4 && host.split('.').all(is_number)
}
