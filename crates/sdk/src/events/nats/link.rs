//! The connection, which async-nats makes anew whenever it breaks, on a thread of its own.

use std::sync::Arc;
use std::time::Duration;

use async_nats::client::PublishErrorKind;
use async_nats::{Client, ConnectOptions, PublishError, Subscriber};
use tokio::sync::{oneshot, watch};

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
        let answers = Arc::new(Answers::new(config.address.is_secure()));
        let (wake, woken) = watch::channel(());
        let (ready, begun) = oneshot::channel();
        let (its_config, its_answers) = (config.clone(), answers.clone());
        let thread = std::thread::Builder::new().name("isolet-nats".into());
        let thread = thread.spawn(move || serve(&its_config, its_answers, woken, ready));
        thread.map_err(|error| failed(&error))?;
        let (client, inbox) = begun.await.map_err(|error| failed(&error))??;
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

type Begun = Result<(Client, String), SinkError>;

/// The connection's own thread. When its listener ends, everything does.
fn serve(config: &Config, answers: Arc<Answers>, woken: watch::Receiver<()>, ready: oneshot::Sender<Begun>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(failed(&error)))),
    };
    runtime.block_on(async {
        let (client, inbox, received) = match begin(config, answers.clone()).await {
            Ok(begun) => begun,
            Err(error) => return drop(ready.send(Err(error))),
        };
        let listener = Listener { client: client.clone(), inbox: inbox.clone(), received, answers, woken };
        // If nobody is there any more, the listener ends at once.
        let _ = ready.send(Ok((client, inbox)));
        // A task among the others, rather than the one that always comes first.
        let _ = tokio::spawn(listener.run()).await;
    });
}

async fn begin(config: &Config, answers: Arc<Answers>) -> Result<(Client, String, Subscriber), SinkError> {
    let mut options = ConnectOptions::new()
        .name("isolet")
        .retry_on_initial_connect()
        .connection_timeout(config.timeout)
        .ping_interval(config.timeout.max(Duration::from_secs(1)))
        .client_capacity(HELD_MAX)
        .require_tls(config.address.is_secure())
        .tls_client_config(tls(config).await?)
        .reconnect_delay_callback(delay)
        .event_callback(move |event| {
            answers.told(&event);
            std::future::ready(())
        });
    options = match config.address.login.clone() {
        Login::Nobody => options,
        Login::Token(token) => options.token(token),
        Login::User { name, password } => options.user_and_password(name, password),
    };
    let client = options.connect(config.address.server.clone()).await.map_err(|error| failed(&error))?;
    let inbox = client.new_inbox();
    let received = client.subscribe(format!("{inbox}.*")).await.map_err(|error| failed(&error))?;
    Ok((client, inbox, received))
}

fn failed(error: &dyn std::error::Error) -> SinkError {
    SinkError::retryable(format!("no connection could be begun: {error}"))
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
