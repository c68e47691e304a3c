//! Credentials that the host sends for scripts, which never see them.

use std::fmt;
use std::sync::Arc;

use isolet_core_traits::{HostPattern, PatternError, RunInfo};
use memchr::memmem;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use super::target::Target;

/// Shorter ones could not be told from other text where they are to be taken out.
const SECRET_BYTES_MIN: usize = 8;
/// What stands where a secret stood. No longer than any secret, so that no response grows.
const MARK: &[u8; SECRET_BYTES_MIN] = b"[secret]";

/// A credential with a name: a header that goes with the requests that ask for it, to its hosts alone.
///
/// ```
/// use isolet_sdk::http::Secret;
///
/// let stripe = Secret::bearer("stripe", "sk_live_0123456789")?.host("api.stripe.com")?;
/// assert_eq!(format!("{stripe:?}"), r#"Secret("stripe")"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Secret(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    name: String,
    header: HeaderName,
    value: HeaderValue,
    hosts: Vec<HostPattern>,
    over_http: bool,
    /// What is taken out of responses.
    forms: Vec<Vec<u8>>,
}

/// Why something makes no [`Secret`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// Its name is empty, or has something else than letters, digits, `_`, `-` and `.`.
    #[error("{name:?} is no name of a secret: give letters, digits, _, - and .")]
    Name {
        /// The name.
        name: String,
    },
    /// There is no such header, or it cannot have this value.
    #[error("the secret {name:?} makes no header")]
    Header {
        /// The secret's name.
        name: String,
    },
    /// It is too short to be told from other text.
    #[error("the secret {name:?} is shorter than {SECRET_BYTES_MIN} bytes")]
    TooShort {
        /// Its name.
        name: String,
    },
}

impl Secret {
    /// A token: `authorization: Bearer TOKEN`.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn bearer(name: &str, token: &str) -> Result<Self, SecretError> {
        Self::new(name, AUTHORIZATION, &format!("Bearer {token}"), &[token])
    }

    /// A user and a password: `authorization: Basic …`.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn basic(name: &str, user: &str, password: &str) -> Result<Self, SecretError> {
        let both = format!("{user}:{password}");
        Self::new(name, AUTHORIZATION, &format!("Basic {}", base64(both.as_bytes(), 0, true)), &[password])
    }

    /// A header of any name, for example `x-api-key`.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn header(name: &str, header: &str, value: &str) -> Result<Self, SecretError> {
        let wrong = |_| SecretError::Header { name: name.to_owned() };
        Self::new(name, HeaderName::from_bytes(header.as_bytes()).map_err(wrong)?, value, &[value])
    }

    fn new(name: &str, header: HeaderName, value: &str, sensitive: &[&str]) -> Result<Self, SecretError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if name.is_empty() || !name.bytes().all(letter) {
            return Err(SecretError::Name { name: name.to_owned() });
        }
        if sensitive.iter().any(|text| text.len() < SECRET_BYTES_MIN) {
            return Err(SecretError::TooShort { name: name.to_owned() });
        }
        let mut value = HeaderValue::from_str(value).map_err(|_| SecretError::Header { name: name.to_owned() })?;
        value.set_sensitive(true);
        let forms = sensitive.iter().flat_map(|text| forms(text)).collect();
        let (name, hosts) = (name.to_owned(), Vec::new());
        Ok(Self(Arc::new(Inner { name, header, value, hosts, over_http: false, forms })))
    }

    /// Sends it to these hosts, too. Without any it is sent nowhere.
    ///
    /// # Errors
    /// [`PatternError`] if that names no host.
    pub fn host(mut self, pattern: &str) -> Result<Self, PatternError> {
        let pattern = pattern.parse()?;
        Arc::make_mut(&mut self.0).hosts.push(pattern);
        Ok(self)
    }

    /// Sends it in plain `http`, too, where everybody on the way can read it.
    pub fn over_http(mut self) -> Self {
        Arc::make_mut(&mut self.0).over_http = true;
        self
    }

    /// What scripts call it.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Whether it is that very one.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether it may go to a target.
    pub(super) fn is_for(&self, target: &Target) -> bool {
        let is_secure = target.url.scheme() == "https";
        let of_scheme = if is_secure { 443 } else { 80 };
        let is_host = |pattern: &HostPattern| pattern.permits(&target.host, target.port, of_scheme);
        (is_secure || self.0.over_http) && self.0.hosts.iter().any(is_host)
    }

    /// Puts it among the headers, in the place of what the script has put there.
    pub(super) fn attach(&self, headers: &mut HeaderMap) {
        headers.insert(self.0.header.clone(), self.0.value.clone());
    }

    /// Takes it out of bytes from a server: as it is, in base64, in hex, and escaped for URLs and JSON.
    ///
    /// A server that wants to give it away can write it in other ways.
    pub(super) fn redact(&self, bytes: Vec<u8>) -> Vec<u8> {
        self.0.forms.iter().fold(bytes, |bytes, form| redacted(bytes, form))
    }

    /// [`redact`](Self::redact) for text.
    pub(super) fn redact_text(&self, text: String) -> String {
        let bytes = self.redact(text.into_bytes());
        String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secret").field(&self.0.name).finish()
    }
}

/// Tells the secrets of each run. A list of secrets is one, the same for all; so is a closure `|run, name| …`.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret that a run may use under a name. It must be quick: what it tells should lie in memory.
    fn secret(&self, run: &RunInfo, name: &str) -> Option<Secret>;
}

impl SecretSource for Vec<Secret> {
    fn secret(&self, _run: &RunInfo, name: &str) -> Option<Secret> {
        self.iter().find(|secret| secret.name() == name).cloned()
    }
}

impl<F: Fn(&RunInfo, &str) -> Option<Secret> + Send + Sync + 'static> SecretSource for F {
    fn secret(&self, run: &RunInfo, name: &str) -> Option<Secret> {
        self(run, name)
    }
}

fn redacted(bytes: Vec<u8>, form: &[u8]) -> Vec<u8> {
    let finder = memmem::Finder::new(form);
    let mut rest = bytes.as_slice();
    let mut clean = Vec::new();
    while let Some(at) = finder.find(rest) {
        clean.extend_from_slice(&rest[..at]);
        clean.extend_from_slice(MARK);
        rest = &rest[at + form.len()..];
    }
    if clean.is_empty() {
        return bytes;
    }
    clean.extend_from_slice(rest);
    clean
}

/// A secret as it may come back.
fn forms(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let escaped = |byte: &u8| match byte {
        byte if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) => char::from(*byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let json = serde_json::Value::from(text).to_string();
    let mut forms = vec![
        text.to_owned(),
        json.trim_matches('"').to_owned(),
        bytes.iter().map(escaped).collect(),
        hex.to_uppercase(),
        hex,
    ];
    for before in 0..3 {
        let form = base64(bytes, before, false);
        forms.push(form.replace('+', "-").replace('/', "_"));
        forms.push(form);
    }
    forms.sort();
    forms.dedup();
    forms.into_iter().map(String::into_bytes).filter(|form| form.len() >= MARK.len()).collect()
}

/// What base64 makes of bytes with `before` others before them: whole, with its padding, or only the letters that depend
/// on nothing else.
fn base64(bytes: &[u8], before: usize, whole: bool) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let padded: Vec<u8> = std::iter::repeat_n(0, before).chain(bytes.iter().copied()).collect();
    let mut text = String::new();
    for three in padded.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(three.get(at).copied().unwrap_or_default()));
        for at in 0..=three.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * at)) as usize & 63]));
        }
        (three.len()..3).filter(|_| whole).for_each(|_| text.push('='));
    }
    if whole {
        return text;
    }
    let (first, end) = ((before * 8).div_ceil(6), padded.len() * 8 / 6);
    text[first..end].to_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use isolet_core_traits::{Grants, Permissions};

    use super::*;
    use crate::http::check_url;

    #[test]
    fn base64_is_what_others_make() {
        for (text, expected) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(text.as_bytes(), 0, true), expected);
        }
    }

    #[test]
    fn a_secret_is_taken_out_of_what_comes_back() {
        let secret = Secret::bearer("a", "to/ken+\"1234\"").expect("a secret");
        for text in [
            "Bearer to/ken+\"1234\"!".to_owned(),
            r#"{"a":"to/ken+\"1234\""}"#.to_owned(),
            "?a=to%2Fken%2B%221234%22".to_owned(),
            "746f2f6b656e2b223132333422".to_owned(),
            "746F2F6B656E2B223132333422".to_owned(),
            base64(b"to/ken+\"1234\"", 0, true),
            base64(b"a:to/ken+\"1234\":b", 0, true),
            base64(b"ab:to/ken+\"1234\"", 0, true),
            base64(b"abc:to/ken+\"1234\"", 0, true).replace('/', "_").replace('+', "-"),
        ] {
            let redacted = secret.redact_text(text.clone());
            assert!(redacted.contains("[secret]") && redacted.len() <= text.len(), "{text}: {redacted}");
        }
        assert_eq!(secret.redact_text("to/ken+\"1234".into()), "to/ken+\"1234");
        let basic = Secret::basic("b", "me", "password").expect("a secret");
        assert!(basic.redact_text(base64(b"me:password", 0, true)).contains("[secret]"));
        assert_eq!(basic.redact(b"passwordpassword".to_vec()), b"[secret][secret]");
    }

    #[test]
    fn a_secret_goes_to_its_hosts() {
        let http = ["*:*", "127.0.0.1:*"].map(|pattern| pattern.parse().expect("a pattern")).to_vec();
        let grants = Grants::new([Arc::new(Permissions { http, ..Permissions::default() })]);
        let secret = Secret::header("a", "x-api-key", "12345678").expect("a secret").host("api.test").expect("a host");
        let is_for = |secret: &Secret, url: &str| secret.is_for(&check_url(url, &grants).expect("granted"));
        assert!(is_for(&secret, "https://api.test/"));
        for url in ["https://api.test:8443/", "https://www.api.test/", "https://b.test/", "http://api.test/"] {
            assert!(!is_for(&secret, url), "{url}");
        }
        assert!(is_for(&secret.clone().over_http(), "http://api.test/") && !is_for(&secret, "http://api.test/"));
    }

    #[test]
    fn what_makes_no_secret() {
        let error = |secret: Result<Secret, SecretError>| secret.map(|_| ()).expect_err("no secret");
        assert!(matches!(error(Secret::bearer("", "12345678")), SecretError::Name { .. }));
        assert!(matches!(error(Secret::bearer("a\nb", "12345678")), SecretError::Name { .. }));
        assert!(matches!(error(Secret::bearer("a", "1234567")), SecretError::TooShort { .. }));
        assert!(matches!(error(Secret::bearer("a", "1234\n5678")), SecretError::Header { .. }));
        assert!(matches!(error(Secret::header("a", "x y", "12345678")), SecretError::Header { .. }));
    }
}
