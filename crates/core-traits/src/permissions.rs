//! What of the host a script may use, as data.
//!
//! ```json
//! {"http": ["api.example.com", "*.acme.test:8443"], "db": "read", "events": ["orders.*"], "apis": ["crm.lookup"]}
//! ```
//!
//! What is not named is denied. Permissions come in layers (the executor's for a tenant and script, those stored with the
//! script, those of one execution), and a call is made only if [every layer](Grants) permits it.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::ids::{ScriptId, TenantId};

/// What one layer permits. By default nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Permissions {
    /// The hosts that requests may go to.
    pub http: Vec<HostPattern>,
    /// The tenant's database.
    pub db: DbAccess,
    /// The topics that events may be published to.
    pub events: Vec<NamePattern>,
    /// The embedder's own APIs: `crm` for all of a namespace, `crm.lookup` for one operation.
    pub apis: Vec<NamePattern>,
}

/// What scripts may do with the tenant's database. Each includes those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DbAccess {
    /// Nothing.
    #[default]
    None,
    /// Queries.
    Read,
    /// Changes, too.
    Write,
}

impl Permissions {
    /// Everything. For a host that trusts its scripts, and for tests.
    pub fn all() -> Self {
        let any = || vec![NamePattern::ANY];
        Self { http: vec![HostPattern::ANY], db: DbAccess::Write, events: any(), apis: any() }
    }

    /// Permits an API of the embedder's own besides: `crm`, `crm.lookup` or `*`.
    ///
    /// # Errors
    /// [`PatternError`] if it is no such name.
    pub fn api(mut self, pattern: &str) -> Result<Self, PatternError> {
        self.apis.push(pattern.parse()?);
        Ok(self)
    }
}

/// The hosts of requests: `api.example.com`, `*.example.com` (any name below, not itself), `*`, or an address such as
/// `10.0.0.5` or `[fd00::1]`; each with a port if it is not the scheme's own: `api.example.com:8443`, or `:*` for any.
///
/// An address that is not public (loopback, private, link-local and the like) is reached only if it is named itself:
/// no name and no `*` stands for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPattern {
    name: HostName,
    port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum HostName {
    Any,
    /// Lower case, without a dot at its end.
    Exactly(String),
    /// With the dot before it.
    Below(String),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Port {
    OfScheme,
    Exactly(u16),
    Any,
}

impl HostPattern {
    /// Every name on the schemes' own ports.
    pub const ANY: Self = Self { name: HostName::Any, port: Port::OfScheme };

    /// Whether requests to the host `name` (as URLs have it: lower case, IPv6 without brackets) on `port` are permitted.
    /// `of_scheme` is the port that the URL's scheme has by itself.
    pub fn permits(&self, name: &str, port: u16, of_scheme: u16) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name);
        let has_name = match &self.name {
            HostName::Any => true,
            HostName::Exactly(exact) => name == exact,
            HostName::Below(suffix) => name.len() > suffix.len() && name.ends_with(suffix.as_str()),
            HostName::Address(address) => name.parse::<IpAddr>().is_ok_and(|named| named.to_canonical() == *address),
        };
        has_name && self.has_port(port, of_scheme)
    }

    /// Whether this names that very address, and the port.
    pub fn names_address(&self, address: IpAddr, port: u16, of_scheme: u16) -> bool {
        matches!(self.name, HostName::Address(named) if named == address.to_canonical())
            && self.has_port(port, of_scheme)
    }

    fn address(&self) -> Option<IpAddr> {
        match self.name {
            HostName::Address(address) => Some(address),
            _ => None,
        }
    }

    fn has_port(&self, port: u16, of_scheme: u16) -> bool {
        match self.port {
            Port::OfScheme => port == of_scheme,
            Port::Exactly(exact) => port == exact,
            Port::Any => true,
        }
    }
}

impl FromStr for HostPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let error = || PatternError::Host { pattern: text.chars().take(300).collect() };
        let lower = text.to_ascii_lowercase();
        if let Ok(address) = lower.parse::<IpAddr>() {
            return Ok(Self { name: HostName::Address(address.to_canonical()), port: Port::OfScheme });
        }
        let (name, port) = match lower.rsplit_once(':') {
            Some((name, "*")) => (name, Port::Any),
            Some((name, port)) if !port.ends_with(']') => (name, Port::Exactly(port.parse().map_err(|_| error())?)),
            _ => (lower.as_str(), Port::OfScheme),
        };
        let in_brackets = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let name = match in_brackets.unwrap_or(name).parse::<IpAddr>() {
            Ok(address) if address.is_ipv4() || in_brackets.is_some() => HostName::Address(address.to_canonical()),
            _ => named(name).ok_or_else(error)?,
        };
        Ok(Self { name, port })
    }
}

fn named(name: &str) -> Option<HostName> {
    if name == "*" {
        return Some(HostName::Any);
    }
    let (is_below, labels) = name.strip_prefix("*.").map_or((false, name), |labels| (true, labels));
    let labels = labels.strip_suffix('.').unwrap_or(labels);
    let is_label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        letters && (1..=63).contains(&label.len())
    };
    // A last label of digits, or of `0x` and digits, makes an address in one of its odd notations, which no URL keeps.
    let is_number = |label: &str| label.starts_with("0x") || label.bytes().all(|byte| byte.is_ascii_digit());
    let ends_well = labels.rsplit('.').next().is_some_and(|last| !is_number(last));
    let is_name = labels.len() <= 253 && labels.split('.').all(is_label) && ends_well;
    is_name.then(|| if is_below { HostName::Below(format!(".{labels}")) } else { HostName::Exactly(labels.into()) })
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            HostName::Any => f.write_str("*")?,
            HostName::Exactly(name) => f.write_str(name)?,
            HostName::Below(suffix) => write!(f, "*{suffix}")?,
            HostName::Address(IpAddr::V4(address)) => write!(f, "{address}")?,
            HostName::Address(IpAddr::V6(address)) => write!(f, "[{address}]")?,
        }
        match self.port {
            Port::OfScheme => Ok(()),
            Port::Exactly(port) => write!(f, ":{port}"),
            Port::Any => f.write_str(":*"),
        }
    }
}

impl TryFrom<String> for HostPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<HostPattern> for String {
    fn from(pattern: HostPattern) -> Self {
        pattern.to_string()
    }
}

/// Names in parts, which dots divide: `orders.created`, `orders` and `orders.*` (all below, and `orders` itself), `*`.
///
/// A name permits what is below it, so that a namespace permits its operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern(Option<Box<str>>);

impl NamePattern {
    /// Every name.
    pub const ANY: Self = Self(None);

    /// Whether `name` is permitted.
    pub fn permits(&self, name: &str) -> bool {
        let Some(permitted) = &self.0 else { return true };
        name.strip_prefix(&**permitted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

/// Whether `name` is one or more parts of letters, digits, `_`, `$` and `-` with dots between them, 256 bytes at most.
pub fn is_dotted_name(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-');
    name.len() <= 256 && name.split('.').all(|part| !part.is_empty() && part.bytes().all(is_letter))
}

impl FromStr for NamePattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self::ANY);
        }
        let name = text.strip_suffix(".*").unwrap_or(text);
        if !is_dotted_name(name) {
            return Err(PatternError::Name { pattern: text.chars().take(300).collect() });
        }
        Ok(Self(Some(name.into())))
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("*"))
    }
}

impl TryFrom<String> for NamePattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.to_string()
    }
}

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// No host.
    #[error(
        "{pattern:?} names no host: give a name (api.example.com), all names below one (*.example.com), \
         * or an address, with a port if it is not the scheme's own (api.example.com:8443, 127.0.0.1:*)"
    )]
    Host {
        /// The text.
        pattern: String,
    },
    /// No name in parts.
    #[error(
        "{pattern:?} is no name: give parts of letters, digits, _, $ and - with dots between them (orders.created), or *"
    )]
    Name {
        /// The text.
        pattern: String,
    },
}

/// The layers of permissions that hold for a run: all must permit a call. Cheap to clone. Without layers, nothing is
/// permitted.
#[derive(Debug, Clone, Default)]
pub struct Grants(Arc<[Arc<Permissions>]>);

impl Grants {
    /// These layers.
    pub fn new(layers: impl IntoIterator<Item = Arc<Permissions>>) -> Self {
        Self(layers.into_iter().collect())
    }

    /// These layers and one more, if there is one.
    #[must_use]
    pub fn with(&self, layer: Option<Arc<Permissions>>) -> Self {
        Self::new(self.0.iter().cloned().chain(layer))
    }

    /// Whether requests to a host are permitted. See [`HostPattern::permits`].
    pub fn permit_host(&self, name: &str, port: u16, of_scheme: u16) -> bool {
        self.all(|layer| layer.http.iter().any(|pattern| pattern.permits(name, port, of_scheme)))
    }

    /// Whether that very address is permitted. See [`HostPattern::names_address`].
    pub fn name_address(&self, address: IpAddr, port: u16, of_scheme: u16) -> bool {
        self.all(|layer| layer.http.iter().any(|pattern| pattern.names_address(address, port, of_scheme)))
    }

    /// The addresses that are [named](Self::name_address) for a port, in order: what may be reached there besides public
    /// ones.
    pub fn named_addresses(&self, port: u16, of_scheme: u16) -> Vec<IpAddr> {
        let first = self.0.first().map_or(&[][..], |layer| &layer.http);
        let addresses: BTreeSet<_> = first.iter().filter_map(HostPattern::address).collect();
        addresses.into_iter().filter(|&address| self.name_address(address, port, of_scheme)).collect()
    }

    /// What may be done with the database.
    pub fn db(&self) -> DbAccess {
        self.0.iter().map(|layer| layer.db).min().unwrap_or_default()
    }

    /// Whether events may be published to a topic.
    pub fn permit_topic(&self, topic: &str) -> bool {
        self.all(|layer| layer.events.iter().any(|pattern| pattern.permits(topic)))
    }

    /// Whether an operation of the embedder's own may be called.
    pub fn permit_api(&self, namespace: &str, operation: &str) -> bool {
        let name = format!("{namespace}.{operation}");
        self.all(|layer| layer.apis.iter().any(|pattern| pattern.permits(&name)))
    }

    fn all(&self, permits: impl Fn(&Permissions) -> bool) -> bool {
        !self.0.is_empty() && self.0.iter().all(|layer| permits(layer))
    }
}

/// Tells the permissions of a tenant's scripts.
///
/// It is asked when an execution begins, so it must be quick: what it tells should lie in memory. A closure
/// `|tenant, script| …` is one; so are [`Permissions`], the same for all.
pub trait PermissionsPolicy: Send + Sync + 'static {
    /// The permissions of a script.
    fn permissions(&self, tenant: &TenantId, script: &ScriptId) -> Arc<Permissions>;
}

impl PermissionsPolicy for Arc<Permissions> {
    fn permissions(&self, _tenant: &TenantId, _script: &ScriptId) -> Arc<Permissions> {
        self.clone()
    }
}

impl<F> PermissionsPolicy for F
where
    F: Fn(&TenantId, &ScriptId) -> Arc<Permissions> + Send + Sync + 'static,
{
    fn permissions(&self, tenant: &TenantId, script: &ScriptId) -> Arc<Permissions> {
        self(tenant, script)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_matched() {
        for (pattern, name, port, of_scheme, expected) in [
            ("api.example.com", "api.example.com", 443, 443, true),
            ("API.Example.com.", "api.example.com", 443, 443, true),
            ("api.example.com", "api.example.com.", 80, 80, true),
            ("api.example.com", "api.example.com", 8443, 443, false),
            ("api.example.com", "evil.api.example.com", 443, 443, false),
            ("api.example.com", "api.example.com.evil.test", 443, 443, false),
            ("api.example.com:8443", "api.example.com", 8443, 443, true),
            ("api.example.com:8443", "api.example.com", 443, 443, false),
            ("api.example.com:*", "api.example.com", 1, 443, true),
            ("*.example.com", "a.example.com", 443, 443, true),
            ("*.example.com", "a.b.example.com", 443, 443, true),
            ("*.example.com", "example.com", 443, 443, false),
            ("*.example.com", "evilexample.com", 443, 443, false),
            ("*", "anything.test", 443, 443, true),
            ("*", "anything.test", 22, 443, false),
            ("*:*", "anything.test", 22, 443, true),
            ("127.0.0.1:8080", "127.0.0.1", 8080, 80, true),
            ("127.0.0.1:8080", "127.0.0.1", 80, 80, false),
            ("[::1]:8080", "::1", 8080, 80, true),
            ("::1", "::1", 80, 80, true),
            ("[::ffff:127.0.0.1]", "127.0.0.1", 80, 80, true),
        ] {
            let parsed: HostPattern = pattern.parse().expect(pattern);
            assert_eq!(parsed.permits(name, port, of_scheme), expected, "{pattern} {name}:{port}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed), "{pattern}");
        }
    }

    #[test]
    fn only_an_address_names_an_address() {
        let names = |pattern: &str| {
            let pattern: HostPattern = pattern.parse().expect(pattern);
            pattern.names_address("127.0.0.1".parse().expect("an address"), 8080, 80)
        };
        assert!(names("127.0.0.1:8080") && names("127.0.0.1:*") && names("[::ffff:127.0.0.1]:8080"));
        assert!(!names("*:*") && !names("localhost:*") && !names("127.0.0.1") && !names("127.0.0.2:*"));
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for pattern in [
            "",
            " ",
            ":80",
            "a:b",
            "a:99999",
            "a b",
            "http://a",
            "a/b",
            "a..b",
            ".a",
            "*.",
            "*a",
            "a.*",
            "**",
            "127.1",
            "0x7f.1:80",
            "1.0x7f",
            "2130706433",
            "1.2.3.4.5",
            "[::1",
            "[a]",
            "user@a",
            "a,b",
            "é.test",
            "*.1.2.3.4",
        ] {
            pattern.parse::<HostPattern>().expect_err(pattern);
        }
    }

    #[test]
    fn names_permit_what_is_below() {
        for (pattern, name, expected) in [
            ("crm", "crm", true),
            ("crm", "crm.lookup", true),
            ("crm.*", "crm.lookup", true),
            ("crm.lookup", "crm.lookup", true),
            ("crm.lookup", "crm.lookups", false),
            ("crm.lookup", "crm", false),
            ("crm", "crm2.lookup", false),
            ("*", "anything", true),
        ] {
            assert_eq!(pattern.parse::<NamePattern>().expect(pattern).permits(name), expected, "{pattern} {name}");
        }
        for pattern in ["", ".", "a.", ".a", "a..b", "a b", "*.a", "a*", "é"] {
            pattern.parse::<NamePattern>().expect_err(pattern);
        }
    }

    #[test]
    fn every_layer_must_permit() {
        let layer = |json: &str| Arc::new(serde_json::from_str::<Permissions>(json).expect(json));
        let (wide, narrow) = (
            layer(r#"{"http": ["*"], "db": "write", "events": ["*"], "apis": ["crm", "erp"]}"#),
            layer(r#"{"http": ["a.test"], "db": "read", "events": ["orders"], "apis": ["crm.lookup"]}"#),
        );
        let both = Grants::new([wide.clone(), narrow]);
        assert!(both.permit_host("a.test", 443, 443) && !both.permit_host("b.test", 443, 443));
        assert!(both.permit_topic("orders.created") && !both.permit_topic("users"));
        assert!(both.permit_api("crm", "lookup") && !both.permit_api("crm", "remove") && !both.permit_api("erp", "x"));
        assert_eq!(
            (both.db(), Grants::new([wide]).db(), Grants::default().db()),
            (DbAccess::Read, DbAccess::Write, DbAccess::None)
        );
        let (two, one) =
            (layer(r#"{"http": ["10.0.0.6:*", "10.0.0.5:80", "a.test"]}"#), layer(r#"{"http": ["10.0.0.5"]}"#));
        assert_eq!(
            Grants::new([two.clone(), one]).named_addresses(80, 80),
            ["10.0.0.5".parse::<IpAddr>().expect("one")]
        );
        assert_eq!(Grants::new([two]).named_addresses(443, 443), ["10.0.0.6".parse::<IpAddr>().expect("one")]);
        assert!(!Grants::default().permit_api("crm", "lookup") && !Grants::default().permit_topic("a"));
        assert!(!Grants::new([layer("{}")]).permit_host("a.test", 443, 443));
    }

    #[test]
    fn permissions_are_data() {
        let text = r#"{"http":["*.a.test:8443","10.0.0.5"],"db":"read","events":["orders"],"apis":["*"]}"#;
        let permissions: Permissions = serde_json::from_str(text).expect("permissions");
        assert_eq!(serde_json::to_string(&permissions).expect("JSON"), text);
        for wrong in [r#"{"https":[]}"#, r#"{"db":"all"}"#, r#"{"http":["http://a"]}"#, r#"{"events":[""]}"#] {
            serde_json::from_str::<Permissions>(wrong).expect_err(wrong);
        }
    }
}
