//! One host call: known, within budget and rate, made in its session, its reply checked.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use isolet_core_traits::{
    Guard, HostFailure, HostFailureKind, HostNamespace, HostOperation, HostSession, JsonText, OperationId, Payload,
    RunInfo,
};
use isolet_limits::{ApiCallRate, BudgetSpent, Limits, OnRateLimit, RateLimited, RunBudget};
use tokio::sync::OnceCell;
use tracing::Instrument;

use super::Host;
use crate::panics::{CatchPanic, Panic, catch};
use crate::spans;

/// What a call's promise settles with.
pub(super) type Answer = Result<Payload, HostFailure>;

/// What all calls of one run share.
pub(super) struct HostRun {
    pub(super) host: Arc<Host>,
    pub(super) info: RunInfo,
    sessions: Vec<OnceCell<Arc<dyn HostSession>>>,
    calls: RunBudget,
    bytes_out: RunBudget,
    bytes_in: RunBudget,
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
            calls: RunBudget::new(limits.api_calls_per_run.map(u64::from)),
            bytes_out: RunBudget::new(Some(limits.host_bytes_out_per_run)),
            bytes_in: RunBudget::new(Some(limits.host_bytes_in_per_run)),
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
        let span = spans::host_call(&self.info, namespace, operation, &arguments);
        let call = async {
            let answer = match self.permit(id, namespace, operation) {
                Ok(()) => self.permitted_call(id, operation, arguments).await,
                Err(denied) => Err(denied),
            };
            spans::host_call_ended(&span, &answer);
            answer
        };
        call.instrument(span.clone()).await
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
        self.admit(operation.cost, arguments.bytes() as u64).await?;
        let session = self.session(id.namespace).await?;
        let reply = if operation.blocking {
            self.call_blocking(session, id.operation, arguments).await?
        } else {
            session.call(id.operation, arguments).await?
        };
        self.checked(reply)
    }

    /// Counts the call against the run's budgets and the tenant's rate.
    async fn admit(&self, cost: u32, bytes: u64) -> Result<(), HostFailure> {
        if self.bytes_in.is_spent() {
            return Err(over_budget("this run has had all the bytes of replies that it may have"));
        }
        self.calls.take(u64::from(cost)).map_err(|BudgetSpent { used, max, .. }| {
            over_budget(&format!("this run may make {max} API calls, and made {used}"))
        })?;
        let within = match self.bytes_out.take(bytes) {
            Ok(()) => self.admit_at_rate(cost).await.inspect_err(|_| self.bytes_out.give_back(bytes)),
            Err(BudgetSpent { used, max, .. }) => Err(over_budget(&format!(
                "this run may send {max} bytes in host calls and sent {used}, this one has {bytes}"
            ))),
        };
        within.inspect_err(|_| self.calls.give_back(u64::from(cost)))
    }

    async fn admit_at_rate(&self, cost: u32) -> Result<(), HostFailure> {
        while let Err(limited) = self.host.rates.check(self.rate, &self.info.tenant, cost) {
            match (self.on_rate_limit, limited.retry_after) {
                (OnRateLimit::Wait, Some(wait)) => tokio::time::sleep(wait).await,
                _ => return Err(rate_limit_error(&limited)),
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

    /// A reply goes into the engine only if it is JSON within the limits.
    fn checked(&self, reply: Payload) -> Answer {
        let (bytes, bytes_max) = (reply.bytes(), self.reply_bytes_max);
        if bytes > bytes_max {
            return Err(host_error(&format!("the reply has {bytes} bytes, at most {bytes_max} are allowed")));
        }
        self.bytes_in.take(bytes as u64).map_err(|BudgetSpent { used, max, .. }| {
            self.bytes_in.exhaust();
            over_budget(&format!("this run may get {max} bytes in replies and got {used}, this one has {bytes}"))
        })?;
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

/// Waiting does not help: a run's budget is not filled up again.
fn over_budget(message: &str) -> HostFailure {
    HostFailure::new(HostFailureKind::RateLimited, "RateLimitError", message)
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
