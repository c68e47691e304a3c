//! Headers as scripts give and get them: a text with a line `name:value` for each, which the sandbox's `Headers` has.

use isolet_core_traits::HostFailure;
use reqwest::header::{
    ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, PRAGMA,
    RANGE, USER_AGENT,
};

use super::failure::bad_arguments;

/// What a script may send of headers.
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 64 << 10;

/// What is the host's to say: how a message is framed and how long its connection lasts, where it goes, how its body is
/// encoded, and the trace that it belongs to.
const FORBIDDEN: [&str; 15] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "forwarded",
];

/// Whoever reads these takes a proxy's word for them.
const FORBIDDEN_PREFIXES: [&str; 3] = ["proxy-", "sec-", "x-forwarded-"];

/// What may follow a redirect to another origin: no credentials are among it.
const ACROSS_ORIGINS: [HeaderName; 8] =
    [ACCEPT, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_TYPE, PRAGMA, RANGE, USER_AGENT];

/// Reads a script's headers.
pub(super) fn read(text: &str) -> Result<HeaderMap, HostFailure> {
    let lines = text.lines().count();
    if lines > HEADERS_MAX || text.len() > HEADER_BYTES_MAX {
        let what = format!("the request has {lines} headers of {} bytes", text.len());
        return Err(bad_arguments(format!("{what}: at most {HEADERS_MAX} of {HEADER_BYTES_MAX} bytes are allowed")));
    }
    let mut headers = HeaderMap::new();
    for line in text.lines() {
        let (name, value) = line.split_once(':').ok_or_else(|| bad_arguments("a header has no value".to_owned()))?;
        let wrong = || bad_arguments(format!("{name:?} is not the name of a header, or its value is none of one"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        check(&name)?;
        let bytes: Option<Vec<u8>> = value.chars().map(|c| u8::try_from(c).ok()).collect();
        let value = HeaderValue::from_bytes(&bytes.ok_or_else(wrong)?).map_err(|_| wrong())?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn check(name: &HeaderName) -> Result<(), HostFailure> {
    let text = name.as_str();
    let is_forbidden = FORBIDDEN.contains(&text) || FORBIDDEN_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
    match is_forbidden {
        true => Err(bad_arguments(format!("the header {text} is the host's: leave it out"))),
        false => Ok(()),
    }
}

/// Leaves what may follow to another origin.
pub(super) fn keep_across_origins(headers: &mut HeaderMap) {
    for name in headers.keys().filter(|name| !ACROSS_ORIGINS.contains(name)).cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// A response's headers.
pub(super) fn write(headers: &HeaderMap) -> String {
    let mut text = String::new();
    for (name, value) in headers {
        text.push_str(name.as_str());
        text.push(':');
        text.extend(value.as_bytes().trim_ascii().iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_written() {
        let text = "accept:text/html\nx-a:1\nx-a:é, 2\nauthorization:Bearer a\ncookie:a=b\n";
        assert_eq!(write(&read(text).expect("headers")), text);
        let mut headers = read(text).expect("headers");
        keep_across_origins(&mut headers);
        assert_eq!(write(&headers), "accept:text/html\n");
    }

    #[test]
    fn what_is_the_hosts_is_refused() {
        for name in FORBIDDEN.into_iter().chain(["proxy-authorization", "x-forwarded-for", "sec-websocket-key", "Host"])
        {
            let failure = read(&format!("accept:*/*\n{name}:1\n")).expect_err(name);
            assert!(failure.message.ends_with("is the host's: leave it out"), "{}", failure.message);
        }
        let many = "a:b\n".repeat(HEADERS_MAX + 1);
        let long = format!("a:{}\n", "b".repeat(HEADER_BYTES_MAX));
        for wrong in ["a", ":b", "a b:c", "a:\u{100}", "a:\0", "a:b\rc", "é:a", &many, &long] {
            read(wrong).expect_err(wrong);
        }
    }
}
