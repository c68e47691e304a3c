//! Figures and spans for a collector, as OTLP over HTTP. With the feature `otlp`.
//!
//! What they mean is told in `docs/observability.md`.
//!
//! ```no_run
//! use isolet::{Isolet, otlp::Otlp};
//! use tracing_subscriber::layer::SubscriberExt;
//!
//! let otlp = Otlp::new("http://localhost:4318", "pricing")?;
//! tracing::subscriber::set_global_default(tracing_subscriber::registry().with(otlp.spans()))?;
//! let isolet = Isolet::builder().meter(otlp.meter()).build()?;
//! // …
//! otlp.shutdown()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::time::Duration;

use async_trait::async_trait;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::Subscriber;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;
use ureq::Agent;
use ureq::http::Uri;

/// How long a collector may take to answer, and the end of it all.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a collector may answer: it has little to say.
const REPLY_BYTES_MAX: u64 = 1 << 20;

/// Sends figures every minute and spans every few seconds to a collector, from threads of its own.
#[derive(Debug)]
pub struct Otlp {
    meters: SdkMeterProvider,
    tracers: SdkTracerProvider,
}

/// Why nothing can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OtlpError {
    /// The address is none that can be spoken to.
    #[error("{url:?} is no address of a collector: write http://HOST:PORT")]
    Address {
        /// The address.
        url: String,
    },
    /// An exporter could not be made, or has not sent everything.
    #[error("the collector was not told everything: {message}")]
    Export {
        /// Why.
        message: String,
    },
}

impl Otlp {
    /// For the collector at `url`, `http://HOST:PORT`, perhaps with a path; figures go to `/v1/metrics` below it, spans to
    /// `/v1/traces`. `service` is the name under which it knows this process.
    ///
    /// # Errors
    /// [`OtlpError::Address`] if that is no such address; whether somebody answers there shows later.
    pub fn new(url: &str, service: &str) -> Result<Self, OtlpError> {
        let address = || OtlpError::Address { url: url.to_owned() };
        let uri: Uri = url.parse().map_err(|_| address())?;
        if uri.scheme_str() != Some("http") || uri.host().is_none_or(str::is_empty) || uri.query().is_some() {
            return Err(address());
        }
        let below = |path| format!("{}/{path}", url.trim_end_matches('/'));
        let failed = |message: String| OtlpError::Export { message };
        let metrics =
            MetricExporter::builder().with_http().with_http_client(Plain::new()).with_endpoint(below("v1/metrics"));
        let metrics = metrics.build().map_err(|error| failed(error.to_string()))?;
        let spans =
            SpanExporter::builder().with_http().with_http_client(Plain::new()).with_endpoint(below("v1/traces"));
        let spans = spans.build().map_err(|error| failed(error.to_string()))?;
        let resource = Resource::builder().with_service_name(service.to_owned()).build();
        Ok(Self {
            meters: SdkMeterProvider::builder().with_periodic_exporter(metrics).with_resource(resource.clone()).build(),
            tracers: SdkTracerProvider::builder().with_batch_exporter(spans).with_resource(resource).build(),
        })
    }

    /// For [`IsoletBuilder::meter`](crate::IsoletBuilder::meter).
    pub fn meter(&self) -> Meter {
        self.meters.meter("isolet")
    }

    /// A layer for `tracing`, which sends spans. Filter it: to the target `isolet`, for example.
    pub fn spans<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> OpenTelemetryLayer<S, SdkTracer> {
        tracing_opentelemetry::layer().with_tracer(self.tracers.tracer("isolet"))
    }

    /// Sends what has not been sent, and ends. Takes three seconds for each of both at most. Call it before the isolet
    /// whose figures are sent is dropped.
    ///
    /// # Errors
    /// [`OtlpError::Export`] if the collector did not take everything.
    pub fn shutdown(self) -> Result<(), OtlpError> {
        let ended = [self.meters.shutdown_with_timeout(PATIENCE), self.tracers.shutdown_with_timeout(PATIENCE)];
        let failed = ended.into_iter().find_map(Result::err);
        failed.map_or(Ok(()), |error| Err(OtlpError::Export { message: error.to_string() }))
    }
}

/// Plain HTTP. Exporters call it on threads of their own, so that it may block.
#[derive(Debug)]
struct Plain(Agent);

impl Plain {
    fn new() -> Self {
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false);
        Self(config.build().into())
    }
}

#[async_trait]
impl HttpClient for Plain {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let response = self.0.run(Request::from_parts(parts, &*body))?;
        let (parts, mut body) = response.into_parts();
        let bytes = body.with_config().limit(REPLY_BYTES_MAX).read_to_vec()?;
        Ok(Response::from_parts(parts, bytes.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked() {
        for url in ["http://localhost:4318", "http://[::1]:4318/", "http://10.0.0.1/collect/"] {
            assert!(Otlp::new(url, "test").is_ok(), "{url}");
        }
        for url in
            ["", "localhost:4318", "https://localhost:4318", "http://", "http://a b", "http://a/?b", "/v1/metrics"]
        {
            let error = Otlp::new(url, "test").expect_err(url).to_string();
            assert_eq!(error, format!("{url:?} is no address of a collector: write http://HOST:PORT"));
        }
    }
}
