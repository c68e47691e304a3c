//! The host service, and what it is set up with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::{
    Guard, HostFailure, HostNamespace, HostOperation, HostService, HostSession, LazyScript, Payload, RunInfo,
};
use rustls::pki_types::CertificateDer;

use super::client::Clients;
use super::exchange::Exchange;
use super::request::Request;
use super::resolver::{Resolver, SystemResolver};
use super::secrets::{Secret, SecretSource};
use super::{failure, script};
use crate::tls::{Tls, certificates};

/// What scripts may ask for of requests, and what is kept for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpLimits {
    /// The longest time for a request with all of its redirects; a call may ask for less. It always ends with its run.
    /// 10 s by default.
    pub timeout: Duration,
    /// The largest body of a request. 1 MiB by default; the run's own limit for a call's payload holds besides.
    pub request_bytes: usize,
    /// The largest response, with its headers, once it is decompressed. 5 MiB by default; the run's own limit for a
    /// host's reply holds besides.
    pub response_bytes: usize,
    /// The most redirects that are followed. 5 by default.
    pub redirects_max: usize,
    /// The most lookups of names at once for one tenant. 8 by default.
    pub lookups_max: usize,
    /// The most tenants whose connections are kept: those of the others go. 256 by default.
    pub tenants_max: usize,
    /// The most origins of one tenant whose connections are kept. 16 by default.
    pub origins_max: usize,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            request_bytes: 1 << 20,
            response_bytes: 5 << 20,
            redirects_max: 5,
            lookups_max: 8,
            tenants_max: 256,
            origins_max: 16,
        }
    }
}

/// Why there is no [`Http`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The text holds no certificate.
    #[error("the text holds no certificate as PEM")]
    Certificate,
}

/// `fetch`, `Request`, `Response` and `http` for scripts, to the hosts that their
/// [permissions](isolet_core_traits::Permissions::http) name.
///
/// It needs a tokio runtime with I/O and a timer.
pub struct Http(Arc<Shared>);

/// What all sessions share.
pub(super) struct Shared {
    pub(super) clients: Clients,
    pub(super) limits: HttpLimits,
    secrets: Box<dyn SecretSource>,
}

/// Puts an [`Http`] together. Whatever is not set has a default that serves.
#[must_use = "a builder does nothing until it is asked to build"]
pub struct HttpBuilder {
    limits: HttpLimits,
    resolver: Arc<dyn Resolver>,
    secrets: Box<dyn SecretSource>,
    roots: Vec<CertificateDer<'static>>,
}

impl Http {
    /// With defaults and no secrets.
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Puts one together.
    pub fn builder() -> HttpBuilder {
        let secrets = Box::new(Vec::<Secret>::new());
        HttpBuilder { limits: HttpLimits::default(), resolver: Arc::new(SystemResolver), secrets, roots: Vec::new() }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self::new()
    }
}

impl HttpBuilder {
    /// Sizes, times and counts.
    pub fn limits(self, limits: HttpLimits) -> Self {
        Self { limits, ..self }
    }

    /// What finds out the addresses of names. By default the system.
    pub fn resolver(self, resolver: impl Resolver) -> Self {
        Self { resolver: Arc::new(resolver), ..self }
    }

    /// The credentials that scripts may have sent. By default none.
    pub fn secrets(self, secrets: impl SecretSource) -> Self {
        Self { secrets: Box::new(secrets), ..self }
    }

    /// Trusts the certificates of a text, too, beside those that the system trusts.
    ///
    /// # Errors
    /// [`HttpError::Certificate`] if there is none in it.
    pub fn root_certificates(mut self, pem: &str) -> Result<Self, HttpError> {
        self.roots.extend(certificates(pem.as_bytes()).ok_or(HttpError::Certificate)?);
        Ok(self)
    }

    /// Makes the service. The system's certificates are read when the first secure connection is made.
    pub fn build(self) -> Http {
        let Self { limits, resolver, secrets, roots } = self;
        let clients = Clients::new(resolver, Tls::new(roots), limits.clone());
        Http(Arc::new(Shared { clients, limits, secrets }))
    }
}

#[async_trait]
impl HostService for Http {
    fn namespace(&self) -> HostNamespace {
        let request = HostOperation { arguments_max: 7, ..HostOperation::new("request") };
        HostNamespace { name: script::NAMESPACE.into(), exposed: false, operations: vec![request] }
    }

    fn guard(&self) -> Guard {
        Guard::Service
    }

    fn scripts(&self) -> Vec<LazyScript> {
        vec![script::http()]
    }

    fn declarations(&self) -> String {
        script::DECLARATIONS.to_owned()
    }

    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Session { shared: self.0.clone(), run: run.clone(), sent: Mutex::default() }))
    }
}

/// The requests of one run.
struct Session {
    shared: Arc<Shared>,
    run: RunInfo,
    /// The secrets that went with any of its requests: a server may give them back later.
    sent: Mutex<Vec<Secret>>,
}

#[async_trait]
impl HostSession for Session {
    async fn call(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let request = Request::read(arguments, &self.shared.limits)?;
        let (timeout, is_idempotent) = (request.timeout, request.is_idempotent());
        let secrets = self.secrets(&request.secrets)?;
        let exchange = Exchange { shared: &self.shared, run: &self.run, secrets };
        let answer = tokio::time::timeout(timeout, exchange.perform(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(failure::timeout(timeout, is_idempotent)));
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Ok(answer) => Ok(answer.redacted(&sent).into_payload()),
            Err(failure) => Err(failure::redacted(failure, &sent)),
        }
    }
}

impl Session {
    fn secrets(&self, names: &[String]) -> Result<Vec<Secret>, HostFailure> {
        let mut secrets = Vec::new();
        for name in names {
            let secret = self.shared.secrets.secret(&self.run, name);
            secrets.push(secret.ok_or_else(|| failure::secret_unknown(name))?);
        }
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in &secrets {
            if !sent.iter().any(|known| known.has_forms_of(secret)) {
                sent.push(secret.clone());
            }
        }
        Ok(secrets)
    }
}

impl std::fmt::Debug for Http {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Http").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for HttpBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}
