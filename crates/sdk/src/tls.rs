//! TLS: rustls with the system's roots, read when the first secure connection is made.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;

/// What clients share of TLS.
#[derive(Debug)]
pub(crate) struct Tls {
    provider: Arc<CryptoProvider>,
    /// Besides the system's.
    roots: Vec<CertificateDer<'static>>,
    secure: OnceCell<ClientConfig>,
}

impl Tls {
    pub(crate) fn new(roots: Vec<CertificateDer<'static>>) -> Self {
        Self { provider: Arc::new(ring::default_provider()), roots, secure: OnceCell::new() }
    }

    /// Trusts whom the system trusts.
    pub(crate) async fn secure(&self) -> Result<ClientConfig, rustls::Error> {
        let config = self.secure.get_or_try_init(async || {
            let (provider, roots) = (self.provider.clone(), self.roots.clone());
            let read = tokio::task::spawn_blocking(move || {
                let verifier = Verifier::new_with_extra_roots(roots, provider.clone())?;
                config(provider, Arc::new(verifier))
            });
            read.await.map_err(|error| rustls::Error::General(error.to_string()))?
        });
        config.await.cloned()
    }

    /// For clients that make no secure connection: it trusts nobody.
    #[cfg(any(feature = "http", feature = "nats"))]
    pub(crate) fn none(&self) -> Result<ClientConfig, rustls::Error> {
        let builder =
            ClientConfig::builder_with_provider(self.provider.clone()).with_safe_default_protocol_versions()?;
        Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
    }
}

/// Certificates from a text.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.ok().filter(|certificates| !certificates.is_empty())
}

fn config(provider: Arc<CryptoProvider>, verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    // It is dangerous only with a verifier that does not verify.
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}
