//! One host call: known, within budget and rate, made in its session, its reply checked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::{
    Guard, HostFailure, HostFailureKind, HostNamespace, HostOperation, HostSession, JsonText, OperationId, Payload,
    RunInfo,
};
use isolet_limits::{ApiCallRate, Limits, OnRateLimit, RateLimited, RunCallBudget};
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::Host;
use crate::panics::{CatchPanic, Panic, catch};

/// What a call's promise settles with.
pub(super) type Answer = Result<Payload, HostFailure>;

/// What all calls of one run share.
pub(super) struct HostRun {
    pub(super) host: Arc<Host>,
    pub(super) info: RunInfo,
    sessions: Vec<OnceCell<Arc<dyn HostSession>>>,
    budget: RunCallBudget,
    rate: ApiCallRate,
    on_rate_limit: OnRateLimit,
    reply_bytes_max: usize,
    panic: Mutex<Option<Panic>>,
}

impl HostRun {
    pub(super) fn new(host: Arc<Host>, info: RunInfo, limits: &Limits) -> Self {
        let sessions = host.services.iter().map(|_| OnceCell::new()).collect();
        Self {
            host,
            info,
            sessions,
            budget: RunCallBudget::new(limits.api_calls_per_run),
            rate: limits.api_rate,
            on_rate_limit: limits.on_rate_limit,
            reply_bytes_max: limits.host_reply_bytes,
            panic: Mutex::new(None),
        }
    }

    /// The sessions that were opened.
    pub(super) fn opened(&self) -> impl Iterator<Item = Arc<dyn HostSession>> {
        self.sessions.iter().filter_map(|session| session.get().cloned())
    }

    pub(super) fn panic(&self) -> Option<Panic> {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Makes a call, whatever comes of it.
    pub(super) async fn answer(self: Arc<Self>, id: OperationId, arguments: Payload) -> Answer {
        let answer = CatchPanic::new(self.call(id, arguments)).await;
        answer.unwrap_or_else(|panic| Err(self.panicked(panic)))
    }

    async fn call(&self, id: OperationId, arguments: Payload) -> Answer {
        if self.host.is_timer(id) {
            return sleep(&arguments).await;
        }
        let Some((namespace, operation)) = self.host.interface.operation(id) else { return Err(unknown_operation()) };
        let span = tracing::debug_span!(
            target: "isolet",
            "host_call",
            execution = %self.info.execution,
            tenant = %self.info.tenant,
            namespace = namespace.name,
            operation = operation.name,
        );
        let call = async {
            self.permit(id, namespace, operation)?;
            self.permitted_call(id, operation, arguments).await
        };
        call.instrument(span).await
    }

    /// An operation that no service guards by itself must be permitted by its name.
    fn permit(&self, id: OperationId, namespace: &HostNamespace, operation: &HostOperation) -> Result<(), HostFailure> {
        let is_guarded = self.host.guard(id.namespace) == Some(Guard::Service);
        if is_guarded || self.info.grants.permit_api(&namespace.name, &operation.name) {
            return Ok(());
        }
        let (namespace, operation) = (&namespace.name, &operation.name);
        Err(HostFailure::permission(
            format!("this script may not call {namespace}.{operation}"),
            &format!("{namespace:?} or {:?} to its permissions' \"apis\"", format!("{namespace}.{operation}")),
        ))
    }

    async fn permitted_call(&self, id: OperationId, operation: &HostOperation, arguments: Payload) -> Answer {
        self.admit(operation.cost).await?;
        let session = self.session(id.namespace).await?;
        let reply = if operation.blocking {
            self.call_blocking(session, id.operation, arguments).await?
        } else {
            session.call(id.operation, arguments).await?
        };
        self.checked(reply)
    }

    /// Counts the call against the run's budget and the tenant's rate.
    async fn admit(&self, cost: u32) -> Result<(), HostFailure> {
        self.budget.take(cost).map_err(|spent| {
            let message = format!("this run may make {} API calls, and made {}", spent.calls_max, spent.used);
            HostFailure::new(HostFailureKind::RateLimited, "RateLimitError", message)
        })?;
        while let Err(limited) = self.host.rates.check(self.rate, &self.info.tenant, cost) {
            match (self.on_rate_limit, limited.retry_after) {
                (OnRateLimit::Wait, Some(wait)) => tokio::time::sleep(wait).await,
                _ => {
                    self.budget.give_back(cost);
                    return Err(rate_limit_error(&limited));
                }
            }
        }
        Ok(())
    }

    async fn session(&self, namespace: u16) -> Result<Arc<dyn HostSession>, HostFailure> {
        let at = usize::from(namespace);
        let (Some(service), Some(session)) = (self.host.services.get(at), self.sessions.get(at)) else {
            return Err(unknown_operation());
        };
        let open = async || Ok(Arc::from(service.open(&self.info).await?));
        session.get_or_try_init(open).await.cloned()
    }

    async fn call_blocking(&self, session: Arc<dyn HostSession>, operation: u16, arguments: Payload) -> Answer {
        let call = move || catch(|| session.call_blocking(operation, arguments));
        match self.host.runtime.spawn_blocking(call).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(panic)) => Err(self.panicked(panic)),
            Err(_) => Err(host_error("the host is shutting down")),
        }
    }

    /// A reply goes into the engine only if it is JSON within the limit.
    fn checked(&self, reply: Payload) -> Answer {
        let (bytes, bytes_max) = (reply.bytes(), self.reply_bytes_max);
        if bytes > bytes_max {
            return Err(host_error(&format!("the reply has {bytes} bytes, at most {bytes_max} are allowed")));
        }
        match JsonText::parse(reply.json.as_str()) {
            Ok(_) => Ok(reply),
            Err(_) => Err(host_error("the host's reply is not valid JSON")),
        }
    }

    /// Keeps the first panic for the log; the script is told nothing of it.
    fn panicked(&self, panic: Panic) -> HostFailure {
        self.panic.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(panic);
        host_error("the host failed while it made the call")
    }
}

/// Waits for as many milliseconds as the call says.
async fn sleep(arguments: &Payload) -> Answer {
    let wait = arguments.to_value::<[f64; 1]>().ok();
    let wait = wait.and_then(|[milliseconds]| Duration::try_from_secs_f64(milliseconds / 1e3).ok());
    tokio::time::sleep(wait.ok_or_else(unknown_operation)?).await;
    Ok(Payload { json: "null".into(), buffers: Vec::new() })
}

fn host_error(message: &str) -> HostFailure {
    HostFailure::new(HostFailureKind::Failed, "HostError", message)
}

fn unknown_operation() -> HostFailure {
    HostFailure::new(HostFailureKind::Denied, "SandboxError", "the host does not offer this operation")
}

fn rate_limit_error(limited: &RateLimited) -> HostFailure {
    let rate = &limited.rate;
    let message = format!(
        "over the tenant's rate of {} API calls in {} s with a burst of {}",
        rate.calls,
        rate.per.as_secs_f64(),
        rate.burst
    );
    HostFailure {
        retryable: limited.retry_after.is_some(),
        retry_after_ms: limited.retry_after_ms(),
        ..HostFailure::new(HostFailureKind::RateLimited, "RateLimitError", message)
    }
}
