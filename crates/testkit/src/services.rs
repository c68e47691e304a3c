//! Host services for tests: each does one thing that an executor must cope with.
//!
//! | service | namespace and operations |
//! |---|---|
//! | [`Echo`] | `echo.first` (the first argument), `echo.all` (all of them), `echo.bytes` (their buffers) |
//! | [`Failing`] | `failing.failed`, `badArguments`, `rateLimited`, `denied` |
//! | [`Counting`] | `counting.next`: 1, 2, 3, … over all runs |
//! | [`Slow`] | `slow.wait`: answers when the test says so |
//! | [`Panicking`] | `panicking.call`: panics while a session is opened, called or closed |
//! | [`Blocking`] | `blocking.wait`: blocks its thread until the test says so |
//! | [`Journaled`] | any of them, with every opening, call and closing written down |

mod journal;
mod waiting;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use async_trait::async_trait;
use isolet_core_traits::{
    CloseReason, HostFailure, HostFailureKind, HostNamespace, HostOperation, HostService, HostSession, Payload, RunInfo,
};
use serde_json::value::RawValue;

pub use self::journal::{Journal, Journaled};
pub use self::waiting::{Blocking, Slow};

pub(crate) fn namespace(name: &str, operations: &[&str]) -> HostNamespace {
    let operations = operations.iter().map(|name| HostOperation::new(*name)).collect();
    HostNamespace { name: name.into(), exposed: true, operations }
}

/// Gives back what it gets.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

#[async_trait]
impl HostService for Echo {
    fn namespace(&self) -> HostNamespace {
        namespace("echo", &["first", "all", "bytes"])
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Echo {
    async fn call(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        match operation {
            0 => first_argument(arguments),
            1 => Ok(arguments),
            _ => {
                let tags: Vec<_> =
                    (0..arguments.buffers.len()).map(|index| serde_json::json!({ "$buffer": index })).collect();
                Ok(Payload { json: serde_json::Value::from(tags).to_string(), buffers: arguments.buffers })
            }
        }
    }
}

/// The first argument of a call with all its buffers; `null` if there is none.
pub(crate) fn first_argument(arguments: Payload) -> Result<Payload, HostFailure> {
    let parsed: Result<Vec<Box<RawValue>>, _> = serde_json::from_str(&arguments.json);
    let values = parsed.map_err(|error| {
        HostFailure::new(HostFailureKind::BadArguments, "TypeError", format!("the arguments are no array: {error}"))
    })?;
    let json = values.first().map_or("null", |value| value.get()).to_owned();
    Ok(Payload { json, buffers: arguments.buffers })
}

/// Fails, in the way that the operation names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Failing;

impl Failing {
    /// The failure of an operation: with code `E_TEST`, retryable after 1,500 ms if it is a rate limit.
    pub fn failure(kind: HostFailureKind) -> HostFailure {
        let name = match kind {
            HostFailureKind::Failed => "HostError",
            HostFailureKind::BadArguments => "TypeError",
            HostFailureKind::RateLimited => "RateLimitError",
            HostFailureKind::Denied => "SandboxViolation",
        };
        let is_rate = kind == HostFailureKind::RateLimited;
        HostFailure {
            code: Some("E_TEST".into()),
            retryable: is_rate,
            retry_after_ms: is_rate.then_some(1_500),
            ..HostFailure::new(kind, name, "told to fail")
        }
    }
}

const KINDS: [HostFailureKind; 4] =
    [HostFailureKind::Failed, HostFailureKind::BadArguments, HostFailureKind::RateLimited, HostFailureKind::Denied];

#[async_trait]
impl HostService for Failing {
    fn namespace(&self) -> HostNamespace {
        namespace("failing", &["failed", "badArguments", "rateLimited", "denied"])
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(Self))
    }
}

#[async_trait]
impl HostSession for Failing {
    async fn call(&self, operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        let kind = KINDS.get(usize::from(operation)).copied().unwrap_or(HostFailureKind::Failed);
        Err(Self::failure(kind))
    }
}

/// Counts its calls, over all runs. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Counting(Arc<AtomicU64>);

impl Counting {
    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.0.load(SeqCst)
    }
}

#[async_trait]
impl HostService for Counting {
    fn namespace(&self) -> HostNamespace {
        namespace("counting", &["next"])
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        Ok(Box::new(self.clone()))
    }
}

#[async_trait]
impl HostSession for Counting {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        let count = self.0.fetch_add(1, SeqCst) + 1;
        Ok(Payload { json: count.to_string(), buffers: Vec::new() })
    }
}

/// When [`Panicking`] panics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanicsIn {
    /// While a session is opened.
    Open,
    /// In a call.
    Call,
    /// While a session is closed.
    Close,
}

/// Panics. Its panics say [`Panicking::SECRET`], which no report may show.
#[derive(Debug, Clone, Copy)]
pub struct Panicking(pub PanicsIn);

impl Panicking {
    /// The text of its panics.
    pub const SECRET: &'static str = "a secret of the host";

    fn at(self, place: PanicsIn) {
        assert!(self.0 != place, "{}", Self::SECRET);
    }
}

#[async_trait]
impl HostService for Panicking {
    fn namespace(&self) -> HostNamespace {
        namespace("panicking", &["call"])
    }

    async fn open(&self, _run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        self.at(PanicsIn::Open);
        Ok(Box::new(*self))
    }
}

#[async_trait]
impl HostSession for Panicking {
    async fn call(&self, _operation: u16, _arguments: Payload) -> Result<Payload, HostFailure> {
        self.at(PanicsIn::Call);
        Ok(Payload { json: "null".into(), buffers: Vec::new() })
    }

    async fn close(&self, _reason: CloseReason) {
        self.at(PanicsIn::Close);
    }
}
