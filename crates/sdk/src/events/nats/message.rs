//! An event as a message of NATS.

use std::fmt::Write as _;

use async_nats::HeaderMap;

use crate::events::Event;

/// What is sent.
pub(super) struct Message {
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Message {
    /// The subject is `<prefix>.<tenant>.<topic>`: three parts, of which the tenant's is a single token whatever its name,
    /// and no two names give the same.
    pub(super) fn new(prefix: &str, event: &Event) -> Self {
        let tenant = encoded(event.tenant.as_str(), |byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let mut headers = HeaderMap::new();
        if let Some(traceparent) = &event.traceparent {
            headers.insert("traceparent", &**traceparent);
        }
        let ids = [event.tenant.as_str(), event.script.as_str(), event.execution.as_str()];
        for (name, id) in ["isolet-tenant", "isolet-script", "isolet-execution"].into_iter().zip(ids) {
            // A header ends with its line, and clients disagree about what is not ASCII.
            headers.insert(name, encoded(id, |byte| matches!(byte, b' '..=b'~') && byte != b'%'));
        }
        let subject = format!("{prefix}.{tenant}.{}", event.topic);
        Self { subject, headers, body: event.payload.as_str().to_owned() }
    }
}

/// All bytes but those that stay as `%XX`.
fn encoded(text: &str, stays: impl Fn(u8) -> bool) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match stays(byte) {
            true => encoded.push(char::from(byte)),
            // It cannot fail on a string.
            false => drop(write!(encoded, "%{byte:02X}")),
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::{ExecutionId, JsonText, ScriptId, TenantId};
    use proptest::prelude::*;

    use super::*;

    fn event(tenant: &str, script: &str) -> Event {
        Event {
            tenant: TenantId::new(tenant).expect("an id"),
            script: ScriptId::new(script).expect("an id"),
            execution: ExecutionId::new("e").expect("an id"),
            topic: "orders.created".into(),
            payload: JsonText::parse("{}").expect("JSON"),
            traceparent: None,
        }
    }

    #[test]
    fn names_of_tenants_are_single_tokens() {
        for (tenant, expected) in [
            ("acme", "isolet.acme.orders.created"),
            ("acme.orders", "isolet.acme%2Eorders.orders.created"),
            ("acme%2Eorders", "isolet.acme%252Eorders.orders.created"),
            ("*", "isolet.%2A.orders.created"),
            (">", "isolet.%3E.orders.created"),
            ("a b", "isolet.a%20b.orders.created"),
            ("$SYS", "isolet.%24SYS.orders.created"),
            ("é\u{2028}x", "isolet.%C3%A9%E2%80%A8x.orders.created"),
        ] {
            assert_eq!(Message::new("isolet", &event(tenant, "s")).subject, expected);
        }
    }

    #[test]
    fn headers_are_one_line_of_ascii() {
        let headers = Message::new("isolet", &event("acme", "Ünder 100%\u{2028}.js")).headers;
        let script = headers.get("isolet-script").map(|value| value.as_str());
        assert_eq!(script, Some("%C3%9Cnder 100%25%E2%80%A8.js"));
        assert!(headers.get("traceparent").is_none());
    }

    proptest! {
        #[test]
        fn no_two_tenants_share_a_subject(one in "\\PC{1,12}", other in "\\PC{1,12}") {
            let token = |tenant: &str| TenantId::new(tenant).ok().map(|_| Message::new("p", &event(tenant, "s")).subject);
            if let (Some(first), Some(second)) = (token(&one), token(&other)) {
                prop_assert_eq!(first == second, one == other);
                prop_assert_eq!(first.split('.').count(), 4);
                prop_assert!(first.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'*' | b'>')));
            }
        }
    }
}
