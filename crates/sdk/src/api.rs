//! APIs of the embedder's own, in a few lines.
//!
//! ```
//! use isolet_sdk::HostApi;
//! use serde_json::{Value, json};
//!
//! let crm = HostApi::new("crm").operation("lookup", async |call, query: Value| {
//!     Ok(json!({ "id": query["id"], "of": call.tenant.as_str() }))
//! });
//! # let _ = crm;
//! ```
//!
//! A script calls `await crm.lookup({id: 7})`. The argument and the result are whatever serde reads and writes as JSON;
//! [`Bytes`] and [`BigInt`] cross as what they are. It may be called once its name is among the script's
//! [permissions](isolet_core_traits::Permissions::apis).

mod context;
mod error;
pub(crate) mod values;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use isolet_core_traits::{
    CloseReason, HostFailure, HostNamespace, HostOperation, HostService, HostSession, Payload, RunInfo,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::context::CallContext;
pub use self::error::ApiError;
pub use self::values::{BigInt, Bytes};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Answer = Result<Payload, ApiError>;
type Open<S> = Arc<dyn Fn(RunInfo) -> BoxFuture<Result<S, ApiError>> + Send + Sync>;
type Close<S> = Arc<dyn Fn(Arc<S>, CloseReason) -> BoxFuture<()> + Send + Sync>;

/// How an operation is made.
enum Make<S> {
    Async(Box<dyn Fn(CallContext<S>, Payload) -> BoxFuture<Answer> + Send + Sync>),
    Blocking(Box<dyn Fn(CallContext<S>, Payload) -> Answer + Send + Sync>),
}

/// An API of the embedder's own: a global object of scripts, whose operations are closures.
///
/// `S` is what it keeps for each run, nothing by default: see [`with_session`](Self::with_session).
#[must_use = "an API is not there until the executor's builder has it"]
pub struct HostApi<S = ()> {
    name: String,
    operations: Vec<HostOperation>,
    made_by: Arc<Vec<Make<S>>>,
    open: Open<S>,
    close: Option<Close<S>>,
}

impl HostApi {
    /// An API that scripts see as the global `name`, a JavaScript identifier. The executor's builder refuses others, and
    /// names that are taken.
    pub fn new(name: impl Into<String>) -> Self {
        Self::with_session(name, async |_| Ok(()))
    }
}

impl<S: Send + Sync + 'static> HostApi<S> {
    /// An API that keeps what `open` gives for each run that calls it, from its first call on: a connection, a cache, a
    /// transaction. Operations find it in [`CallContext::session`].
    pub fn with_session<F, Fut>(name: impl Into<String>, open: F) -> Self
    where
        F: Fn(RunInfo) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S, ApiError>> + Send + 'static,
    {
        let open: Open<S> = Arc::new(move |run| Box::pin(open(run)));
        Self { name: name.into(), operations: Vec::new(), made_by: Arc::default(), open, close: None }
    }

    /// What is done with the session of a run once that is over: committed, or rolled back if it did not complete. It has
    /// 1 s. Calls that were outstanding are dropped by then, blocking ones excepted.
    pub fn on_close<F, Fut>(self, close: F) -> Self
    where
        F: Fn(Arc<S>, CloseReason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let close: Close<S> = Arc::new(move |session, reason| Box::pin(close(session, reason)));
        Self { close: Some(close), ..self }
    }

    /// An operation `name`, or a [`HostOperation`] with a cost and a signature of its own. In scripts it is a function of
    /// one argument that returns a promise. What the script passes is read as an `A`; nothing is read as `null`.
    ///
    /// The future runs on the embedder's runtime. It is dropped if the run ends before, or does not want the reply any more.
    pub fn operation<A, R, F, Fut>(self, operation: impl Into<HostOperation>, make: F) -> Self
    where
        A: DeserializeOwned + Send + 'static,
        R: Serialize,
        F: Fn(CallContext<S>, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, ApiError>> + Send + 'static,
    {
        let make = move |call: CallContext<S>, arguments| -> BoxFuture<Answer> {
            match values::first(arguments) {
                Ok(argument) => {
                    let made = make(call, argument);
                    Box::pin(async move { values::write(&made.await?) })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        self.with(HostOperation { arguments_max: 1, ..operation.into() }, Make::Async(Box::new(make)))
    }

    /// The same with a closure that blocks: it is called on a thread that may. It is not ended with its run.
    pub fn blocking<A, R, F>(self, operation: impl Into<HostOperation>, make: F) -> Self
    where
        A: DeserializeOwned,
        R: Serialize,
        F: Fn(CallContext<S>, A) -> Result<R, ApiError> + Send + Sync + 'static,
    {
        let make = move |call: CallContext<S>, arguments| values::write(&make(call, values::first(arguments)?)?);
        let operation = HostOperation { arguments_max: 1, blocking: true, ..operation.into() };
        self.with(operation, Make::Blocking(Box::new(make)))
    }

    fn with(mut self, operation: HostOperation, make: Make<S>) -> Self {
        self.operations.push(operation);
        // Sessions share the list, and there are none before the API is given away.
        if let Some(made_by) = Arc::get_mut(&mut self.made_by) {
            made_by.push(make);
        }
        self
    }
}

#[async_trait]
impl<S: Send + Sync + 'static> HostService for HostApi<S> {
    fn namespace(&self) -> HostNamespace {
        HostNamespace { name: self.name.clone(), exposed: true, operations: self.operations.clone() }
    }

    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        let session = (self.open)(run.clone()).await.map_err(|error| error.of(&self.name, "open"))?;
        let names = self.operations.iter().map(|operation| operation.name.clone()).collect();
        Ok(Box::new(ApiSession {
            api: self.name.clone(),
            names,
            made_by: self.made_by.clone(),
            close: self.close.clone(),
            call: CallContext::new(run.clone(), session),
        }))
    }
}

/// An API as one run sees it.
struct ApiSession<S> {
    api: String,
    names: Vec<String>,
    made_by: Arc<Vec<Make<S>>>,
    close: Option<Close<S>>,
    call: CallContext<S>,
}

impl<S> ApiSession<S> {
    fn failure(&self, operation: u16, error: ApiError) -> HostFailure {
        error.of(&self.api, self.names.get(usize::from(operation)).map_or("", String::as_str))
    }
}

#[async_trait]
impl<S: Send + Sync + 'static> HostSession for ApiSession<S> {
    async fn call(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let answer = match self.made_by.get(usize::from(operation)) {
            Some(Make::Async(make)) => make(self.call.clone(), arguments).await,
            _ => Err(ApiError::unknown_operation()),
        };
        answer.map_err(|error| self.failure(operation, error))
    }

    fn call_blocking(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let answer = match self.made_by.get(usize::from(operation)) {
            Some(Make::Blocking(make)) => make(self.call.clone(), arguments),
            _ => Err(ApiError::unknown_operation()),
        };
        answer.map_err(|error| self.failure(operation, error))
    }

    async fn close(&self, reason: CloseReason) {
        if let Some(close) = &self.close {
            close(self.call.session.clone(), reason).await;
        }
    }
}

impl<S> fmt::Debug for HostApi<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostApi")
            .field("name", &self.name)
            .field("operations", &self.operations)
            .finish_non_exhaustive()
    }
}
