//! The connection, which async-nats makes anew whenever it breaks.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::{Client, ConnectOptions, PublishError};
use tokio::sync::watch;

use super::Config;
use super::address::Login;
use super::answers::{Answers, Listener};
use super::message::Message;
use crate::events::SinkError;
use crate::tls::Tls;

/// Messages that the client holds for a server that does not read. They are sent when it does, whoever still waits.
const HELD_MAX: usize = 256;

/// Between attempts to connect: twice as long each time, from the first to the last of these.
const RETRIES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(2)];

/// A connection that may be up or down.
pub(super) struct Link {
    client: Client,
    inbox: String,
    answers: Arc<Answers>,
    /// Where a stream is to answer, there is no need of echoes.
    has_stream: bool,
    /// Wakes the listener, and ends it when this is dropped.
    wake: watch::Sender<()>,
}

impl Link {
    /// Begins to connect, and does not wait for it.
    pub(super) async fn new(config: &Config) -> Result<Self, SinkError> {
        let (wake, woken) = watch::channel(());
        let (answers, gone) = (Arc::new(Answers::new(config.address.is_secure())), woken.clone());
        let told = answers.clone();
        let mut options = ConnectOptions::new()
            .name("isolet")
            .retry_on_initial_connect()
            .connection_timeout(config.timeout)
            .ping_interval(config.timeout.max(Duration::from_secs(1)))
            .client_capacity(HELD_MAX)
            .require_tls(config.address.is_secure())
            .tls_client_config(tls(config).await?)
            .event_callback(move |event| {
                told.told(&event);
                std::future::ready(())
            })
            // There is no way to end attempts: nobody needs them when the link is gone.
            .reconnect_delay_callback(move |attempts| match gone.has_changed() {
                Ok(_) => delay(attempts),
                Err(_) => Duration::MAX,
            });
        options = match config.address.login.clone() {
            Login::Nobody => options,
            Login::Token(token) => options.token(token),
            Login::User { name, password } => options.user_and_password(name, password),
        };
        let failed = |error: String| SinkError::retryable(format!("no connection could be begun: {error}"));
        let client = options.connect(config.address.server.clone()).await.map_err(|error| failed(error.to_string()))?;
        let inbox = client.new_inbox();
        let received = client.subscribe(format!("{inbox}.*")).await.map_err(|error| failed(error.to_string()))?;
        let listener = Listener {
            client: client.clone(),
            inbox: inbox.clone(),
            received,
            answers: answers.clone(),
            patience: config.timeout,
            woken,
        };
        tokio::spawn(listener.run());
        Ok(Self { client, inbox, answers, has_stream: config.has_stream, wake })
    }

    /// Returns when there is a connection.
    pub(super) async fn is_up(&self) {
        self.answers.is_up().await;
    }

    /// What went wrong last, unless all is well again.
    pub(super) fn problem(&self) -> Option<String> {
        self.answers.problem()
    }

    /// Returns when the server, or a stream of it, has the message.
    pub(super) async fn deliver(&self, message: Message) -> Result<(), SinkError> {
        let Message { subject, headers, body } = message;
        let bytes = body.len();
        let mut answer = self.answers.expect(&subject, connects(&self.client));
        let sent = match self.has_stream {
            true => {
                let reply = format!("{}.{}", self.inbox, answer.number());
                self.client.publish_with_reply_and_headers(subject, reply, headers, body.into()).await
            }
            false => self.client.publish_with_headers(subject, headers, body.into()).await,
        };
        sent.map_err(|error| self.refused(&error, bytes))?;
        if !self.has_stream {
            answer.is_sent();
            self.wake.send_replace(());
        }
        answer.received().await
    }

    /// Returns when the server has answered, whatever streams it has.
    pub(super) async fn echo(&self) -> Result<(), SinkError> {
        let mut answer = self.answers.expect("", connects(&self.client));
        answer.is_sent();
        self.wake.send_replace(());
        answer.received().await
    }

    fn refused(&self, error: &PublishError, bytes: usize) -> SinkError {
        match error.kind() {
            PublishErrorKind::MaxPayloadExceeded => {
                let max = self.client.max_payload();
                let told = format!("its payload has {bytes} bytes, and with headers no more than {max} are taken");
                SinkError::permanent(format!("the event is larger than the server's max_payload: {told}")).told(told)
            }
            _ => SinkError::retryable(error.to_string()),
        }
    }
}

/// How many connections there have been. While it is the same, everything went over one and the same.
pub(super) fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(std::sync::atomic::Ordering::Relaxed)
}

fn delay(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    RETRIES[0].saturating_mul(2_u32.saturating_pow(doublings)).min(RETRIES[1])
}

/// A server may ask for TLS although the URL does not.
async fn tls(config: &Config) -> Result<rustls::ClientConfig, SinkError> {
    let tls = Tls::new(config.roots.clone());
    let secure = match tls.secure().await {
        Err(_) if !config.address.is_secure() && config.roots.is_empty() => tls.none(),
        secure => secure,
    };
    secure.map_err(|error| SinkError::retryable(format!("this machine makes no secure connections: {error}")))
}
