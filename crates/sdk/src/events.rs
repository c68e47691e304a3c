//! `events` for scripts: `await events.publish(topic, payload)`.
//!
//! The promise resolves when the [sink](EventSink) has taken the event. Topics are names in parts, `orders.created`; a
//! script publishes to those that its [permissions](isolet_core_traits::Permissions::events) have. The payload is JSON,
//! 64 KiB at most.
//!
//! ```
//! use isolet_sdk::events::{Broadcast, Events};
//!
//! let broadcast = Broadcast::new(1_000);
//! let subscriber = broadcast.subscribe();
//! let events = Events::new(broadcast);
//! # let _ = (events, subscriber);
//! ```

mod broadcast;
#[cfg(feature = "nats")]
mod nats;

use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::permissions::is_dotted_name;
use isolet_core_traits::{
    ExecutionId, Guard, HostFailure, HostFailureKind, HostNamespace, HostOperation, HostService, HostSession, JsonText,
    Payload, RunInfo, ScriptId, TenantId,
};
use serde_json::value::RawValue;

pub use self::broadcast::{Broadcast, Missed, Subscriber};
#[cfg(feature = "nats")]
pub use self::nats::{Nats, NatsError};
use crate::api::values;

/// Bytes of an event's payload as JSON.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// What a script has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Whose script it was. Its topics are its own: those of two tenants have nothing to do with each other.
    pub tenant: TenantId,
    /// The script.
    pub script: ScriptId,
    /// The execution.
    pub execution: ExecutionId,
    /// The topic, for example `orders.created`.
    pub topic: String,
    /// The payload.
    pub payload: JsonText,
    /// The W3C trace context of the execution.
    pub traceparent: Option<Arc<str>>,
}

/// Where events go.
#[async_trait]
pub trait EventSink: Send + Sync + 'static {
    /// Takes an event. When it returns, the event is as safe as the sink can make it. The future is dropped if the run ends
    /// before: then the event may have been taken or not.
    ///
    /// # Errors
    /// [`SinkError`], which rejects the script's promise.
    async fn publish(&self, event: Event) -> Result<(), SinkError>;
}

/// Why a sink did not take an event, or does not know whether it did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SinkError {
    /// For the log. Scripts are told only that the event was not taken.
    pub message: String,
    /// Whether the same event may be taken when it is published again.
    pub retryable: bool,
    /// What scripts are told besides, if anything. Must not tell anything of the host's inside.
    pub told: Option<String>,
}

impl SinkError {
    /// The event may be published again. `message` is for the log.
    pub fn retryable(message: impl Into<String>) -> Self {
        Self { message: message.into(), retryable: true, told: None }
    }

    /// The event will not be taken, however often it is published. `message` is for the log.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self { retryable: false, ..Self::retryable(message) }
    }

    /// Tells scripts `what`, after "the event was not taken: ".
    #[must_use]
    pub fn told(self, what: impl Into<String>) -> Self {
        Self { told: Some(what.into()), ..self }
    }
}

/// The service: what scripts see as `events`.
#[derive(Clone)]
pub struct Events(Arc<dyn EventSink>);

impl Events {
    /// Events go to `sink`.
    pub fn new(sink: impl EventSink) -> Self {
        Self(Arc::new(sink))
    }
}

#[async_trait]
impl HostService for Events {
    fn namespace(&self) -> HostNamespace {
        let signature = "(topic: string, payload?: unknown) => Promise<void>".into();
        let publish = HostOperation { arguments_max: 2, signature, ..HostOperation::new("publish") };
        HostNamespace { name: "events".into(), exposed: true, operations: vec![publish] }
    }

    fn guard(&self) -> Guard {
        Guard::Service
    }

    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Publisher { sink: self.0.clone(), run: run.clone() }))
    }
}

/// The service as one run sees it.
struct Publisher {
    sink: Arc<dyn EventSink>,
    run: RunInfo,
}

impl Publisher {
    fn event(&self, arguments: &Payload) -> Result<Event, HostFailure> {
        let json = values::plain(arguments).ok_or_else(|| wrong("a payload is JSON, without buffers and BigInts"))?;
        let arguments: Vec<&RawValue> =
            serde_json::from_str(&json).map_err(|_| wrong("a topic and a payload are needed"))?;
        let topic = arguments.first().and_then(|topic| serde_json::from_str::<String>(topic.get()).ok());
        let topic = topic.filter(|topic| is_dotted_name(topic)).ok_or_else(|| {
            wrong("the topic must be a name: parts of letters, digits, _, $ and - with dots between them, 256 bytes at most")
        })?;
        if !self.run.grants.permit_topic(&topic) {
            let what = format!("this script may not publish to {topic:?}");
            return Err(HostFailure::permission(what, &format!("{topic:?} to its permissions' \"events\"")));
        }
        let payload = arguments.get(1).map_or("null", |payload| payload.get());
        if payload.len() > PAYLOAD_BYTES_MAX {
            let bytes = payload.len();
            return Err(wrong(&format!(
                "the payload has {bytes} bytes of JSON, at most {PAYLOAD_BYTES_MAX} are allowed"
            )));
        }
        Ok(Event {
            tenant: self.run.tenant.clone(),
            script: self.run.script.clone(),
            execution: self.run.execution.clone(),
            topic,
            payload: JsonText::parse(payload).map_err(|error| wrong(&error.to_string()))?,
            traceparent: self.run.traceparent.clone(),
        })
    }
}

fn wrong(message: &str) -> HostFailure {
    HostFailure::new(HostFailureKind::BadArguments, "TypeError", format!("events.publish: {message}"))
}

#[async_trait]
impl HostSession for Publisher {
    async fn call(&self, _operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let event = self.event(&arguments)?;
        let topic = event.topic.clone();
        self.sink.publish(event).await.map_err(|SinkError { message, retryable, told }| {
            tracing::warn!(target: "isolet", tenant = %self.run.tenant, topic, message, "an event was not taken");
            let told = told.map_or_else(String::new, |told| format!(": {told}"));
            let message = format!("the event was not taken{told}");
            let failure = HostFailure::new(HostFailureKind::Failed, "EventError", message);
            HostFailure { code: Some("ERR_EVENT".into()), retryable, ..failure }
        })?;
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }
}
