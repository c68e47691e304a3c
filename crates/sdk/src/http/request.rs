//! A request, read from the arguments of a call and checked, but for where it goes.

use std::time::Duration;

use isolet_core_traits::{HostFailure, Payload};
use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::failure::bad_arguments;
use super::service::HttpLimits;
use super::{headers, target};

/// What a script asks for. It changes as redirects are followed.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Vec<u8>>,
    pub(super) redirect: RedirectMode,
    pub(super) timeout: Duration,
    /// The names of secrets that are to go with it.
    pub(super) secrets: Vec<String>,
}

/// What is done with a redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RedirectMode {
    Follow,
    /// It is a failure.
    Error,
    /// It is the response.
    Manual,
}

/// `request(method, url, headers, body, redirect, timeoutMs, secrets)`: headers and secrets are lines.
#[derive(Deserialize)]
struct Arguments(String, String, String, Option<Body>, RedirectMode, Option<f64>, Option<String>);

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Buffer {
        #[serde(rename = "$buffer")]
        index: usize,
    },
}

/// The methods that do to a server what doing it once does.
const IDEMPOTENT: [Method; 5] = [Method::GET, Method::HEAD, Method::PUT, Method::DELETE, Method::OPTIONS];

impl Request {
    pub(super) fn read(mut arguments: Payload, limits: &HttpLimits) -> Result<Self, HostFailure> {
        let wrong = |_| bad_arguments("the arguments are none of a request".to_owned());
        let Arguments(method, url, headers, body, redirect, timeout_ms, secrets) =
            arguments.to_value().map_err(wrong)?;
        let method = self::method(&method)?;
        let body = body.map(|body| match body {
            Body::Text(text) => text.into_bytes(),
            Body::Buffer { index } => arguments.buffers.get_mut(index).map(std::mem::take).unwrap_or_default(),
        });
        if body.is_some() && matches!(method, Method::GET | Method::HEAD) {
            return Err(bad_arguments(format!("a {method} request has no body")));
        }
        let (bytes, bytes_max) = (body.as_ref().map_or(0, Vec::len), limits.request_bytes);
        if bytes > bytes_max {
            return Err(bad_arguments(format!("the body has {bytes} bytes, at most {bytes_max} are allowed")));
        }
        Ok(Self {
            method,
            url: target::parse(&url)?,
            headers: headers::read(&headers)?,
            body,
            redirect,
            timeout: timeout(timeout_ms, limits.timeout)?,
            secrets: secrets.iter().flat_map(|names| names.lines()).map(str::to_owned).collect(),
        })
    }

    pub(super) fn is_idempotent(&self) -> bool {
        IDEMPOTENT.contains(&self.method)
    }
}

/// A method as it is sent.
pub(super) fn method(text: &str) -> Result<Method, HostFailure> {
    let upper = text.to_ascii_uppercase();
    if matches!(upper.as_str(), "CONNECT" | "TRACE" | "TRACK") {
        return Err(bad_arguments(format!("the method {upper} is not allowed")));
    }
    let is_known = matches!(upper.as_str(), "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS");
    let method = Method::from_bytes(if is_known { upper.as_bytes() } else { text.as_bytes() });
    method.map_err(|_| bad_arguments("the method is none of HTTP's".to_owned()))
}

/// The call's own, or the longest there is.
fn timeout(of_call_ms: Option<f64>, max: Duration) -> Result<Duration, HostFailure> {
    let Some(of_call_ms) = of_call_ms else { return Ok(max) };
    if of_call_ms.is_nan() || of_call_ms <= 0.0 {
        return Err(bad_arguments("timeoutMs is no number above 0".to_owned()));
    }
    Ok(Duration::try_from_secs_f64(of_call_ms / 1e3).map_or(max, |timeout| timeout.min(max)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Request, HostFailure> {
        let arguments = Payload { json: json.into(), buffers: vec![vec![1, 2]] };
        Request::read(arguments, &HttpLimits { request_bytes: 4, ..HttpLimits::default() })
    }

    #[test]
    fn arguments_are_read() {
        let request = read(r#"["post","http://a.test","a:b\n",{"$buffer":0},"manual",250,"x\ny"]"#).expect("a request");
        assert_eq!((request.method, request.url.as_str()), (Method::POST, "http://a.test/"));
        assert_eq!((request.body, request.redirect), (Some(vec![1, 2]), RedirectMode::Manual));
        assert_eq!((request.timeout.as_millis(), request.secrets), (250, vec!["x".to_owned(), "y".to_owned()]));
        let request = read(r#"["GET","http://a.test","",null,"follow",1e300,null]"#).expect("a request");
        assert_eq!((request.body, request.timeout), (None, HttpLimits::default().timeout));
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for (json, expected) in [
            ("[]", "none of a request"),
            (r#"["GET","http://a.test","",null,"other",null,null]"#, "none of a request"),
            (r#"["GET","http://a.test","","x","follow",null,null]"#, "has no body"),
            (r#"["POST","http://a.test","","12345","follow",null,null]"#, "at most 4 are"),
            (r#"["connect","http://a.test","",null,"follow",null,null]"#, "CONNECT is not allowed"),
            (r#"["TRACE","http://a.test","",null,"follow",null,null]"#, "TRACE is not allowed"),
            (r#"["G T","http://a.test","",null,"follow",null,null]"#, "none of HTTP's"),
            (r#"["GET","http://a.test","",null,"follow",0,null]"#, "above 0"),
            (r#"["GET","http://a.test","",null,"follow",-1,null]"#, "above 0"),
            (r#"["GET","http://a.test","host:b\n",null,"follow",null,null]"#, "the host's"),
            (r#"["GET","/a","",null,"follow",null,null]"#, "relative URL"),
        ] {
            let failure = read(json).expect_err(json);
            assert!(failure.message.contains(expected), "{json}: {}", failure.message);
        }
    }
}
