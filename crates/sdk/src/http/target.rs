//! Where a request goes, checked against what its run may reach.

use std::net::IpAddr;

use isolet_core_traits::{Grants, HostFailure};
use reqwest::Url;

use super::address::is_public;
use super::failure;

/// The longest URL.
const URL_BYTES_MAX: usize = 16 << 10;

/// A URL that a run may ask for. What its name resolves to is checked later, when it is connected to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Target {
    /// With the scheme `http` or `https`, a host and no credentials.
    pub(super) url: Url,
    /// The host: a name in lower case, or an address, IPv6 without brackets.
    pub host: String,
    /// The port, also if it is the scheme's own.
    pub port: u16,
    /// The addresses that may be reached at this port although they are not public, in order.
    pub addresses: Vec<IpAddr>,
}

/// Checks whether a run with these grants may ask for a URL.
///
/// ```
/// use std::sync::Arc;
///
/// use isolet_core_traits::{Grants, Permissions};
/// use isolet_sdk::http::check_url;
///
/// let permissions = Permissions { http: vec!["*.example.com".parse()?], ..Permissions::default() };
/// let grants = Grants::new([Arc::new(permissions)]);
/// assert!(check_url("https://api.example.com/orders", &grants).is_ok());
/// assert!(check_url("https://example.org/", &grants).is_err());
/// # Ok::<(), isolet_core_traits::PatternError>(())
/// ```
///
/// # Errors
/// A [`HostFailure`]: a `TypeError` for what is no such URL, and a `PermissionError` that says what to grant.
pub fn check_url(text: &str, grants: &Grants) -> Result<Target, HostFailure> {
    Target::check(parse(text)?, grants)
}

/// An absolute URL of the scheme `http` or `https`, without credentials and fragment.
pub(super) fn parse(text: &str) -> Result<Url, HostFailure> {
    if text.len() > URL_BYTES_MAX {
        return Err(failure::bad_arguments(format!(
            "the URL has {} bytes, at most {URL_BYTES_MAX} are allowed",
            text.len()
        )));
    }
    let url = Url::parse(text).map_err(|error| failure::bad_arguments(format!("the URL cannot be read: {error}")))?;
    cleaned(url).map_err(|what| failure::bad_arguments(what.to_owned()))
}

/// Without its fragment, or what is wrong with it.
pub(super) fn cleaned(mut url: Url) -> Result<Url, &'static str> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err("the URL's scheme is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the URL holds credentials: send them as a header");
    }
    if url.as_str().len() > URL_BYTES_MAX {
        return Err("the URL is too long");
    }
    url.set_fragment(None);
    Ok(url)
}

impl Target {
    /// The URL, without its fragment.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }

    /// The host as patterns have it, with the port if it is not the scheme's own.
    pub(super) fn shown(&self) -> String {
        shown(&self.host, self.url.port())
    }

    /// Checks a URL that was [parsed](parse).
    pub(super) fn check(url: Url, grants: &Grants) -> Result<Self, HostFailure> {
        let of_scheme = if url.scheme() == "https" { 443 } else { 80 };
        let port = url.port().unwrap_or(of_scheme);
        let host = url.host_str().ok_or_else(|| failure::bad_arguments("the URL has no host".to_owned()))?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let shown = shown(&host, url.port());
        if !grants.permit_host(&host, port, of_scheme) {
            return Err(failure::host_denied(&shown));
        }
        if let Ok(address) = host.parse::<IpAddr>()
            && !is_public(address)
            && !grants.name_address(address, port, of_scheme)
        {
            return Err(failure::address_denied(&shown));
        }
        let addresses = grants.named_addresses(port, of_scheme);
        Ok(Self { url, host, port, addresses })
    }
}

fn shown(host: &str, port: Option<u16>) -> String {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    port.map_or(host.clone(), |port| format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::Permissions;

    use super::*;

    /// What comes of a URL: where it goes, or the code or the name of the error.
    fn check(granted: &[&str], rows: &[(&str, &str)]) {
        let http = granted.iter().map(|pattern| pattern.parse().expect("a pattern")).collect();
        let grants = Grants::new([Arc::new(Permissions { http, ..Permissions::default() })]);
        for (url, expected) in rows {
            let told = match check_url(url, &grants) {
                Ok(target) => format!("{} {} {}", target.host, target.port, target.url),
                Err(failure) => failure.code.unwrap_or(failure.name),
            };
            assert_eq!(told, *expected, "{url}");
        }
    }

    #[test]
    fn hosts_and_ports_are_granted() {
        check(
            &["api.test", "*.below.test:8443", "8.8.8.8"],
            &[
                ("https://api.test/a?b#c", "api.test 443 https://api.test/a?b"),
                ("HTTP://API.TEST", "api.test 80 http://api.test/"),
                ("http://api.test./", "api.test. 80 http://api.test./"),
                ("http:\\\\api.test\\a", "api.test 80 http://api.test/a"),
                ("https://api.test:80/", "ERR_PERMISSION"),
                ("https://a.below.test:8443/", "a.below.test 8443 https://a.below.test:8443/"),
                ("https://a.below.test/", "ERR_PERMISSION"),
                ("https://below.test:8443/", "ERR_PERMISSION"),
                ("https://api.test.evil.test/", "ERR_PERMISSION"),
                ("https://evil.test/api.test", "ERR_PERMISSION"),
                ("https://evil.test?@api.test", "ERR_PERMISSION"),
                ("https://evil.test\\@api.test", "ERR_PERMISSION"),
                ("https://8.8.8.8/", "8.8.8.8 443 https://8.8.8.8/"),
                ("https://134744072/", "8.8.8.8 443 https://8.8.8.8/"),
                ("https://[::ffff:8.8.8.8]/", "::ffff:808:808 443 https://[::ffff:808:808]/"),
                ("https://8.8.4.4/", "ERR_PERMISSION"),
            ],
        );
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        let type_errors = [
            "",
            "/a",
            "api.test",
            "//api.test",
            "ftp://api.test",
            "file:///etc/passwd",
            "data:,a",
            "javascript:1",
            "http://",
            "http://a b",
            "https://user@api.test/",
            "https://:secret@api.test/",
            "https://api.test@evil.test/",
            "http://api.test:99999/",
            "http://[::1",
            "http://1.2.3.4.5/",
            "http://api.test%00/",
            "ws://api.test",
        ];
        check(&["*"], &type_errors.map(|url| (url, "TypeError")));
        check(&["*"], &[(&format!("http://a.test/{}", "a".repeat(20_000)), "TypeError")]);
    }

    #[test]
    fn addresses_that_are_not_public_are_named_or_refused() {
        let denied = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://127.0.0.1./",
            "http://0/",
            "http://[::]/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[0:0:0:0:0:ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://[fd00:ec2::254]/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://100.100.100.200/",
            "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
            "http://127\u{3002}0\u{3002}0\u{3002}1/",
            "http://%31%32%37.0.0.1/",
        ];
        check(&["*", "*:*"], &denied.map(|url| (url, "ERR_PERMISSION")));
        check(
            &["127.0.0.1:8080"],
            &[
                ("http://127.0.0.1:8080/", "127.0.0.1 8080 http://127.0.0.1:8080/"),
                ("http://0x7f.1:8080/", "127.0.0.1 8080 http://127.0.0.1:8080/"),
                ("http://[::ffff:127.0.0.1]:8080/", "::ffff:7f00:1 8080 http://[::ffff:7f00:1]:8080/"),
                ("http://127.0.0.1/", "ERR_PERMISSION"),
                ("http://127.0.0.2:8080/", "ERR_PERMISSION"),
                ("http://[::1]:8080/", "ERR_PERMISSION"),
                ("http://localhost:8080/", "ERR_PERMISSION"),
            ],
        );
    }
}
