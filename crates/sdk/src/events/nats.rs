//! Events to a NATS server.
//!
//! ```text
//!            ┌ publish ─▶ isolet.<tenant>.<topic>   ┐ one connection, whose server takes
//! publishers ┤                                      ├ one message after the other
//!            └ then, of all who wait together, an echo ─▶ own inbox ─▶ all of them are answered
//! with a stream: publish, and the stream answers each in the inbox
//! ```

mod address;
mod answers;
mod link;
mod message;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use isolet_core_traits::permissions::is_dotted_name;
use rustls::pki_types::CertificateDer;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout_at};

use self::address::Address;
use self::link::Link;
use self::message::Message;
use super::{Event, EventSink, SinkError};
use crate::tls::certificates;

const TIMEOUT: Duration = Duration::from_secs(5);
const IN_FLIGHT_MAX: usize = 1_024;

/// What has not come about in time.
const SILENT: &str = "the NATS server has confirmed nothing";
const NOT_STORED: &str = "no stream, of which one must take the subject, has confirmed the event";

/// A NATS server, to which every event goes as the message `<prefix>.<tenant>.<topic>`.
///
/// An event is taken once the server has it: what then becomes of it is the affair of those who have subscribed, and of
/// nobody if nobody has. With [`stream`](Self::stream) it is taken once a stream has stored it.
///
/// - The body is the payload as JSON. The headers are `isolet-tenant`, `isolet-script`, `isolet-execution`, and
///   `traceparent` if the execution has one.
/// - In the subject a tenant's name is one token: every byte but letters, digits, `-` and `_` is `%XX`, so that no name
///   makes another tenant's subject. In the headers only `%` and what is not printable ASCII is.
/// - It is connected to with the first event, or by [`ready`](Self::ready), and for as long as this lives: it is sought
///   again when it is gone. Events meanwhile wait for it, and fail after the [timeout](Self::timeout).
/// - An event that failed retryably may have been taken all the same, or be taken later: 256 at most may be on their way
///   for longer than their publishers have waited.
///
/// The server's user must be permitted to publish to `<prefix>.>`, and to publish and subscribe to `_INBOX.>`. The
/// connection has a thread of its own; whoever publishes needs a tokio runtime with a timer.
///
/// ```no_run
/// use isolet_sdk::events::{Events, Nats};
///
/// let events = Events::new(Nats::new("nats://isolet:secret@nats.internal:4222")?.prefix("acme-prod")?);
/// # let _ = events;
/// # Ok::<(), isolet_sdk::events::NatsError>(())
/// ```
pub struct Nats {
    config: Config,
    in_flight: Semaphore,
    link: OnceCell<Link>,
}

#[derive(Clone)]
struct Config {
    address: Address,
    prefix: String,
    has_stream: bool,
    timeout: Duration,
    in_flight_max: usize,
    /// Besides the system's.
    roots: Vec<CertificateDer<'static>>,
}

/// What is wrong with a [`Nats`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NatsError {
    /// The URL is none of a NATS server. It is not told: it may hold a password.
    #[error("the URL of the NATS server is wrong: {message}")]
    Url {
        /// What is wrong with it.
        message: &'static str,
    },
    /// The prefix of subjects is no name.
    #[error("the prefix must be a name: parts of letters, digits, _ and - with dots between them, 256 bytes at most")]
    Prefix,
    /// The text holds no certificate.
    #[error("the text holds no certificate in PEM")]
    Certificate,
    /// The server is not there, or does not let us in, or not do what we need.
    #[error("the NATS server is not ready: {message}")]
    NotReady {
        /// Why not.
        message: String,
    },
}

impl Nats {
    /// The server of a URL: `nats://` or, for a connection that is secure in any case, `tls://`; then a `token@` or
    /// `user:password@`, if the server asks for it; the host, and the port if it is not 4222. Other servers of its cluster
    /// are learned from it. Nothing is connected to yet.
    ///
    /// # Errors
    /// [`NatsError::Url`]
    pub fn new(url: &str) -> Result<Self, NatsError> {
        let config = Config {
            address: Address::parse(url)?,
            prefix: "isolet".into(),
            has_stream: false,
            timeout: TIMEOUT,
            in_flight_max: IN_FLIGHT_MAX,
            roots: Vec::new(),
        };
        Ok(Self::of(config))
    }

    /// Subjects begin with this, in place of `isolet`.
    ///
    /// # Errors
    /// [`NatsError::Prefix`]
    pub fn prefix(self, prefix: impl Into<String>) -> Result<Self, NatsError> {
        let prefix = prefix.into();
        // Subjects of `$` are the server's own.
        let is_prefix = is_dotted_name(&prefix) && !prefix.contains('$');
        if is_prefix { Ok(Self::of(Config { prefix, ..self.config })) } else { Err(NatsError::Prefix) }
    }

    /// An event is taken once a stream (JetStream) has stored it. A stream must take the subjects `<prefix>.>`: none is made.
    pub fn stream(self) -> Self {
        Self::of(Config { has_stream: true, ..self.config })
    }

    /// How long an event may take, a connection included; 5 s by default. The server is looked after as often: without a
    /// sign of life for four times as long, the connection is made anew.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self::of(Config { timeout, ..self.config })
    }

    /// How many events may be on their way; 1,024 by default. Those above fail at once, retryably.
    pub fn in_flight_max(self, in_flight_max: usize) -> Self {
        Self::of(Config { in_flight_max, ..self.config })
    }

    /// Trusts servers with these certificates, too, as PEM; besides those that the system trusts.
    ///
    /// # Errors
    /// [`NatsError::Certificate`]
    pub fn root_certificates(self, pem: &str) -> Result<Self, NatsError> {
        let mut config = self.config;
        config.roots.extend(certificates(pem.as_bytes()).ok_or(NatsError::Certificate)?);
        Ok(Self::of(config))
    }

    /// Waits until the server answers: for those who would rather not start without it.
    ///
    /// # Errors
    /// [`NatsError::NotReady`] if it has not answered within the timeout. It is sought on.
    pub async fn ready(&self) -> Result<(), NatsError> {
        let answered = self.in_time(SILENT, async |link: &Link| link.echo().await).await;
        answered.map_err(|SinkError { message, .. }| NatsError::NotReady { message })
    }

    fn of(config: Config) -> Self {
        let in_flight = Semaphore::new(config.in_flight_max.min(Semaphore::MAX_PERMITS));
        Self { config, in_flight, link: OnceCell::new() }
    }

    /// Does `step` once there is a connection, both within the timeout. `late` says what has not come about in time.
    async fn in_time(
        &self,
        late: &str,
        step: impl AsyncFnOnce(&Link) -> Result<(), SinkError>,
    ) -> Result<(), SinkError> {
        let timeout = self.config.timeout;
        let in_vain = |late: &str, link: Option<&Link>| {
            let why = link.and_then(Link::problem).map_or_else(String::new, |problem| format!(": {problem}"));
            SinkError::retryable(format!("{late} within {} ms{why}", timeout.as_millis()))
        };
        let deadline = Instant::now() + timeout;
        let link = timeout_at(deadline, self.link.get_or_try_init(|| Link::new(&self.config))).await;
        let link = link.map_err(|_| in_vain("no connection was begun", None))??;
        let is_up = timeout_at(deadline, link.is_up()).await;
        is_up.map_err(|_| in_vain("there was no connection to the NATS server", Some(link)))?;
        let done = timeout_at(deadline, step(link)).await;
        done.map_err(|_| in_vain(late, Some(link)))?
    }
}

#[async_trait]
impl EventSink for Nats {
    async fn publish(&self, event: Event) -> Result<(), SinkError> {
        let Ok(_permit) = self.in_flight.try_acquire() else {
            let in_flight_max = self.config.in_flight_max;
            return Err(SinkError::retryable(format!("{in_flight_max} events are on their way, which is the most")));
        };
        let message = Message::new(&self.config.prefix, &event);
        drop(event);
        let late = if self.config.has_stream { NOT_STORED } else { SILENT };
        self.in_time(late, async |link: &Link| link.deliver(message).await).await
    }
}

#[async_trait]
impl EventSink for Arc<Nats> {
    async fn publish(&self, event: Event) -> Result<(), SinkError> {
        (**self).publish(event).await
    }
}

impl fmt::Debug for Nats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nats")
            .field("server", &self.config.address.server.as_url_str())
            .field("prefix", &self.config.prefix)
            .field("has_stream", &self.config.has_stream)
            .finish_non_exhaustive()
    }
}
