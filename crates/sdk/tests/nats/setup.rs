//! Executors whose scripts publish, servers, and who listens to them.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use futures_util::StreamExt;
use isolet_core_traits::{ExecutionId, JsonText, Permissions, Report, ScriptId, Source, SourceKind, TenantId};
use isolet_engine_quickjs::QuickJs;
use isolet_executor::{Execution, Executor};
use isolet_limits::{ApiCallRate, LimitOverrides, Limits};
use isolet_sdk::events::{Event, EventSink, Events, Nats};
use isolet_testkit::{NatsOptions, NatsServer};

/// Against tests that hang.
const BOUND: Duration = Duration::from_secs(120);

/// For what must succeed, on a machine that is busy, too.
pub(crate) const PATIENT: Duration = Duration::from_secs(100);

pub(crate) fn start(options: &NatsOptions) -> NatsServer {
    NatsServer::start(options).expect("nats-server is installed (`cargo xtask setup` brings it) and starts")
}

pub(crate) fn nats(url: &str) -> Nats {
    Nats::new(url).expect("the URL is good").timeout(PATIENT)
}

pub(crate) async fn bounded<T>(step: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, step).await.expect("it does not hang")
}

pub(crate) fn event(tenant: &str, topic: &str, payload: &str) -> Event {
    Event {
        tenant: TenantId::new(tenant).expect("an id"),
        script: ScriptId::new("test.js").expect("an id"),
        execution: ExecutionId::new("1").expect("an id"),
        topic: topic.into(),
        payload: JsonText::parse(payload).expect("JSON"),
        traceparent: None,
    }
}

/// What became of an event without a script: `taken`, or the error for the log.
pub(crate) async fn publish(nats: &Nats, tenant: &str, payload: &str) -> String {
    match bounded(nats.publish(event(tenant, "orders", payload))).await {
        Ok(()) => "taken".into(),
        Err(error) if error.retryable => format!("retryable: {}", error.message),
        Err(error) => format!("permanent: {}", error.message),
    }
}

/// Scripts of many tenants, whose events go to one sink.
pub(crate) struct World(Executor<QuickJs>);

impl World {
    pub(crate) fn new(sink: impl EventSink) -> Self {
        // Rates and caps are the executor's affair.
        let limits = Limits {
            api_rate: ApiCallRate::per_minute(60_000),
            wall_time: Duration::from_secs(300),
            ..Limits::default()
        };
        let engine = QuickJs::new().expect("the engine works here");
        let permissions = permissions(r#"{"events": ["orders", "users.created"]}"#);
        let executor = Executor::builder(engine).host(Events::new(sink)).permissions(permissions).limits(limits);
        Self(executor.build().expect("it is put together"))
    }

    pub(crate) async fn execute(&self, execution: Execution) -> Report {
        bounded(self.0.execute(execution)).await
    }

    /// What came of the body of a function: its output as JSON, or the error.
    pub(crate) async fn told(&self, tenant: &str, body: &str) -> String {
        told(&self.execute(execution(tenant, body)).await)
    }

    /// Runs a body and ends it after a time, whatever it is at.
    pub(crate) async fn kill(&self, tenant: &str, body: &str, after: Duration) -> String {
        let overrides = LimitOverrides { wall_time: Some(after), ..LimitOverrides::default() };
        told(&self.execute(execution(tenant, body).limits(overrides)).await)
    }
}

pub(crate) fn permissions(json: &str) -> Permissions {
    serde_json::from_str(json).expect("permissions")
}

pub(crate) fn execution(tenant: &str, body: &str) -> Execution {
    let source = Source::new("test.js", body, SourceKind::Body).expect("a source");
    // Each its own script: caps by script are not what is tested.
    static SCRIPTS: AtomicU64 = AtomicU64::new(0);
    let script = ScriptId::new(format!("test-{}", SCRIPTS.fetch_add(1, Relaxed))).expect("an id");
    Execution::new(source, TenantId::new(tenant).expect("an id")).script(script)
}

pub(crate) fn told(report: &Report) -> String {
    match &report.error {
        None => report.output.as_ref().map_or("undefined".into(), |output| output.get().to_owned()),
        Some(error) => format!("{}: {}: {}", report.status, error.name, error.message),
    }
}

/// The body of a function that publishes and tells what became of it.
pub(crate) fn caught(arguments: &str) -> String {
    format!(
        "try {{ await events.publish({arguments}); return 'taken' }} \
         catch (e) {{ return [e.name, e.code, e.retryable, e.message].join() }}"
    )
}

/// What [`caught`] gives where the sink had no news for the script.
pub(crate) const RETRYABLE: &str = r#""EventError,ERR_EVENT,true,the event was not taken""#;

/// Someone else at the server, who hears what is sent.
pub(crate) struct Ear {
    pub(crate) client: async_nats::Client,
    subscriber: async_nats::Subscriber,
}

/// Returns when the server has subscribed a client to all that it has asked for.
pub(crate) async fn subscribed(client: &async_nats::Client) {
    let inbox = client.new_inbox();
    let mut echo = client.subscribe(inbox.clone()).await.expect("it subscribes");
    client.publish(inbox, "".into()).await.expect("it publishes");
    bounded(echo.next()).await.expect("an echo");
}

/// A message as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl Ear {
    /// Hears everything of these subjects from now on.
    pub(crate) async fn new(server: &NatsServer, subjects: &str) -> Self {
        let client = bounded(async_nats::connect(server.url())).await.expect("the server is there");
        let subscriber = client.subscribe(subjects.to_owned()).await.expect("it subscribes");
        subscribed(&client).await;
        Self { client, subscriber }
    }

    pub(crate) async fn next(&mut self) -> Heard {
        let message = bounded(self.subscriber.next()).await.expect("a message");
        let headers = message.headers.iter().flat_map(|headers| headers.iter());
        let headers = headers.map(|(name, values)| (name.to_string(), values[0].to_string())).collect();
        let body = String::from_utf8(message.payload.to_vec()).expect("UTF-8");
        Heard { subject: message.subject.to_string(), body, headers }
    }

    /// What the server's own interface answers.
    pub(crate) async fn ask(&self, subject: &str, json: &serde_json::Value) -> serde_json::Value {
        let answer = bounded(self.client.request(subject.to_owned(), json.to_string().into())).await;
        serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON")
    }
}
