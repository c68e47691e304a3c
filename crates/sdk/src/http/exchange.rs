//! One request of a script: hop after hop, each checked anew.

use isolet_core_traits::{HostFailure, JsonError, Payload, RunInfo};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Serialize;
use serde_json::json;

use super::failure::{self, Code};
use super::request::{RedirectMode, Request};
use super::secrets::Secret;
use super::service::Shared;
use super::target::Target;
use super::{body, headers, redirect};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What a request is made with.
pub(super) struct Exchange<'a> {
    pub(super) shared: &'a Shared,
    pub(super) run: &'a RunInfo,
    /// Those that the request asked for.
    pub(super) secrets: Vec<Secret>,
}

/// What is told to the script.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    status: u16,
    status_text: &'static str,
    url: String,
    redirected: bool,
    /// What the body is: `json`, `text` or `bytes`.
    kind: &'static str,
    /// A line for each.
    headers: String,
    #[serde(serialize_with = "first_buffer")]
    body: Vec<u8>,
}

impl Exchange<'_> {
    /// Makes the request and those that its redirects ask for.
    pub(super) async fn perform(&self, mut request: Request) -> Result<Answer, HostFailure> {
        let mut redirects = 0;
        loop {
            let target = Target::check(request.url.clone(), &self.run.grants)?;
            let response = self.send(&request, &target).await?;
            let status = response.status();
            if status.is_informational() {
                let message = format!("{} sent no response, but the status {}", target.shown(), status.as_u16());
                return Err(failure::failed(Code::Protocol, message));
            }
            let Some(location) = redirect::location(status, response.headers()) else {
                return self.answer(response, &request, &target, redirects > 0).await;
            };
            match request.redirect {
                RedirectMode::Manual => return self.answer(response, &request, &target, false).await,
                RedirectMode::Error => {
                    return Err(failure::failed(Code::Redirect, format!("{} sent a redirect", target.shown())));
                }
                RedirectMode::Follow if redirects == self.shared.limits.redirects_max => {
                    return Err(failure::failed(Code::Redirect, format!("more than {redirects} redirects")));
                }
                RedirectMode::Follow => redirect::follow(&mut request, status, location)?,
            }
            redirects += 1;
        }
    }

    async fn send(&self, request: &Request, target: &Target) -> Result<Response, HostFailure> {
        let headers = self.headers(request, target)?;
        let client = self.shared.clients.client(&self.run.tenant, target).await?;
        let mut sent = reqwest::Request::new(request.method.clone(), target.url.clone());
        *sent.headers_mut() = headers;
        *sent.body_mut() = request.body.clone().map(Into::into);
        let response = client.execute(sent).await;
        response.map_err(|error| failure::of_request(&error, &target.shown(), request.is_idempotent()))
    }

    /// The script's, with what the host adds.
    fn headers(&self, request: &Request, target: &Target) -> Result<HeaderMap, HostFailure> {
        let mut headers = request.headers.clone();
        // A redirect to another origin has taken their names from the request.
        for secret in self.secrets.iter().filter(|secret| request.secrets.iter().any(|name| name == secret.name())) {
            if !secret.is_for(target) {
                return Err(failure::secret_denied(secret.name(), &target.shown()));
            }
            secret.attach(&mut headers);
        }
        if request.body.is_none() && matches!(request.method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        if let Some(Ok(traceparent)) = self.run.traceparent.as_deref().map(HeaderValue::from_str) {
            headers.insert(TRACEPARENT, traceparent);
        }
        Ok(headers)
    }

    async fn answer(
        &self,
        response: Response,
        request: &Request,
        target: &Target,
        redirected: bool,
    ) -> Result<Answer, HostFailure> {
        let mut answer = Answer::new(response.status(), &target.url, redirected, response.headers());
        let bytes_max = self.shared.limits.response_bytes.saturating_sub(answer.bytes());
        let failed = |error: &reqwest::Error| failure::of_request(error, &target.shown(), request.is_idempotent());
        answer.body = body::read(response, bytes_max, failed).await?;
        Ok(answer)
    }
}

impl Answer {
    fn new(status: StatusCode, url: &Url, redirected: bool, headers: &HeaderMap) -> Self {
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Self {
            status: status.as_u16(),
            status_text: status.canonical_reason().unwrap_or_default(),
            url: url.to_string(),
            redirected,
            kind: body::kind(content_type),
            headers: headers::write(headers),
            body: Vec::new(),
        }
    }

    /// Without what a server has given back of secrets.
    pub(super) fn redacted(mut self, secrets: &[Secret]) -> Self {
        for secret in secrets {
            self.url = secret.redact_text(self.url);
            self.headers = secret.redact_text(self.headers);
            self.body = secret.redact(self.body);
        }
        self
    }

    pub(super) fn into_payload(mut self) -> Payload {
        let body = std::mem::take(&mut self.body);
        let json = self.json().expect("texts and numbers are JSON");
        Payload { json, buffers: vec![body] }
    }

    /// Of the payload, without the body.
    fn bytes(&self) -> usize {
        self.json().map_or(0, |json| json.len())
    }

    fn json(&self) -> Result<String, JsonError> {
        Payload::from_value(self).map(|payload| payload.json)
    }
}

/// The tag of a payload's first buffer.
fn first_buffer<S: serde::Serializer>(_body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    json!({ "$buffer": 0 }).serialize(serializer)
}
