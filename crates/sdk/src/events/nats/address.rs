//! Where the server is, and as whom to log in.

use async_nats::ServerAddr;

use super::NatsError;

/// A URL in its parts: what is logged of it is `server`, which has no credentials.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) server: ServerAddr,
    pub(super) login: Login,
}

#[derive(Clone)]
pub(super) enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

impl Address {
    /// Errors hold nothing of the URL, which may have a password in any of its parts if it is wrong.
    pub(super) fn parse(url: &str) -> Result<Self, NatsError> {
        let wrong = |message| NatsError::Url { message };
        if !url.starts_with("nats://") && !url.starts_with("tls://") {
            return Err(wrong("it must begin with nats:// or tls://"));
        }
        let server: ServerAddr = url.parse().map_err(|_| wrong("it is no URL"))?;
        let mut url = server.into_inner();
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it ends after the port: write / ? # @ of a password as %2F %3F %23 %40"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(wrong("it names no host"));
        }
        let text = |encoded: &str| decoded(encoded).ok_or_else(|| wrong("its credentials are no UTF-8"));
        let login = match (text(url.username())?, url.password()) {
            (name, None) if name.is_empty() => Login::Nobody,
            (token, None) => Login::Token(token),
            (name, Some(_)) if name.is_empty() => return Err(wrong("it has a password and no user")),
            (name, Some(password)) => Login::User { name, password: text(password)? },
        };
        let without = url.set_username("").and_then(|()| url.set_password(None));
        without.map_err(|()| wrong("it names no host"))?;
        let server = ServerAddr::from_url(url).map_err(|_| wrong("it is no URL"))?;
        Ok(Self { server, login })
    }

    /// Whether nothing is to be said in plain text.
    pub(super) fn is_secure(&self) -> bool {
        self.server.tls_required()
    }
}

/// Without `%XX`. A `%` that begins no such thing stands for itself, as in URLs.
fn decoded(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).ok()?);
                at += 3;
            }
            _ => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        match Address::parse(url) {
            Err(error) => error.to_string(),
            Ok(Address { server, login }) => {
                let login = match login {
                    Login::Nobody => "nobody".into(),
                    Login::Token(token) => format!("token {token}"),
                    Login::User { name, password } => format!("{name} with {password}"),
                };
                let security = if server.tls_required() { "secure" } else { "plain" };
                format!("{security} {} {} as {login}", server.host(), server.port())
            }
        }
    }

    #[test]
    fn urls_are_read() {
        for (url, expected) in [
            ("nats://a.test", "plain a.test 4222 as nobody"),
            ("tls://a.test:5222/", "secure a.test 5222 as nobody"),
            ("nats://[::1]:4223", "plain ::1 4223 as nobody"),
            ("nats://t0ken@a.test", "plain a.test 4222 as token t0ken"),
            ("nats://ann:secret@a.test", "plain a.test 4222 as ann with secret"),
            ("nats://ann:s%2Fe%3Fc%23r%40e%25t@a.test", "plain a.test 4222 as ann with s/e?c#r@e%t"),
            ("nats://ann:100%@a.test", "plain a.test 4222 as ann with 100%"),
        ] {
            assert_eq!(told(url), expected, "{url}");
            let server = Address::parse(url).expect("it is one").server;
            assert!(!server.as_url_str().contains('@'), "{server:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_without_the_url() {
        for (url, expected) in [
            ("a.test", "it must begin with nats:// or tls://"),
            ("http://ann:secret@a.test", "it must begin with nats:// or tls://"),
            ("ws://ann:secret@a.test", "it must begin with nats:// or tls://"),
            ("nats://", "it names no host"),
            ("nats://ann:secret@", "it is no URL"),
            ("nats://ann:sec/ret@a.test", "it is no URL"),
            ("nats://secret/secret@a.test", "it ends after the port: write / ? # @ of a password as %2F %3F %23 %40"),
            ("nats://a.test?secret", "it ends after the port: write / ? # @ of a password as %2F %3F %23 %40"),
            ("nats://:secret@a.test", "it has a password and no user"),
            ("nats://ann:%ff@a.test", "its credentials are no UTF-8"),
        ] {
            let told = told(url);
            assert_eq!(told, format!("the URL of the NATS server is wrong: {expected}"), "{url}");
        }
    }
}
