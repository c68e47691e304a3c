//! Host operations: the only place where one is permitted, counted, traced and made.
//!
//! ```text
//!   Step::HostCalls ──▶ waiting (in order) ──▶ in flight (at most 16), a task each ──▶ HostReply
//!                                              known? budget? rate? → session (opened once) → call
//! ```
//!
//! The tasks run on the executor's runtime, blocking operations on its threads for that. They end with the run: a
//! [`Dispatch`] that is dropped ends its calls, one that is [closed](Dispatch::close) also closes its sessions.
//! A blocking operation cannot be ended: it may still be going on when its session is closed.

mod call;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use isolet_core_traits::{
    CallId, CloseReason, Guard, HostCall, HostFailureKind, HostInterface, HostReply, HostService, OperationId, RunInfo,
};
use isolet_limits::{ApiRates, Limits};
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use self::call::{Answer, HostRun};
use crate::panics::{CatchPanic, Panic};

/// The host's side of all runs of an executor. The interface's namespaces and the services have the same order; after
/// them come the timers, which no service implements.
pub(crate) struct Host {
    pub(crate) interface: HostInterface,
    pub(crate) services: Vec<Arc<dyn HostService>>,
    pub(crate) rates: ApiRates,
    pub(crate) runtime: Handle,
}

impl Host {
    /// Who checks whether a namespace may be called.
    fn guard(&self, namespace: u16) -> Option<Guard> {
        self.services.get(usize::from(namespace)).map(|service| service.guard())
    }

    fn is_timer(&self, operation: OperationId) -> bool {
        usize::from(operation.namespace) == self.services.len()
    }
}

/// The host calls of one run.
pub(crate) struct Dispatch {
    run: Arc<HostRun>,
    waiting: VecDeque<HostCall>,
    in_flight: JoinSet<Answer>,
    in_flight_max: usize,
    tasks: HashMap<Id, (CallId, AbortHandle)>,
    /// Those of the tasks that are timers.
    timers: HashSet<Id>,
    close_time: Duration,
    traffic: Traffic,
}

/// What the calls of a run amount to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) calls: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) denied: u64,
}

impl Dispatch {
    /// For a run under `limits`. Opens no session yet.
    pub(crate) fn new(host: &Arc<Host>, info: &RunInfo, limits: &Limits) -> Self {
        Self {
            run: Arc::new(HostRun::new(host.clone(), info.clone(), limits)),
            waiting: VecDeque::new(),
            in_flight: JoinSet::new(),
            in_flight_max: limits.host_calls_in_flight,
            tasks: HashMap::new(),
            timers: HashSet::new(),
            close_time: limits.close_wall_time,
            traffic: Traffic::default(),
        }
    }

    /// Takes calls on, in order. Timers are none that wait for others, or that others wait for.
    pub(crate) fn submit(&mut self, calls: Vec<HostCall>) {
        let (timers, calls): (Vec<_>, Vec<_>) =
            calls.into_iter().partition(|call| self.run.host.is_timer(call.operation));
        timers.into_iter().for_each(|timer| self.start(timer));
        self.waiting.extend(calls);
        self.launch();
    }

    /// Ends calls that the script does not want any more. They will have no reply.
    pub(crate) fn cancel(&mut self, calls: &[CallId]) {
        self.waiting.retain(|call| !calls.contains(&call.id));
        self.tasks.values().filter(|(call, _)| calls.contains(call)).for_each(|(_, task)| task.abort());
    }

    /// The next replies: at least one, and all that are there. Never ready if no call is outstanding.
    /// Nothing is lost if the future is dropped.
    pub(crate) async fn replies(&mut self) -> Vec<HostReply> {
        let mut replies = Vec::new();
        while replies.is_empty() {
            match self.in_flight.join_next_with_id().await {
                Some(joined) => replies.extend(self.reply(joined)),
                None => std::future::pending().await,
            }
            self.launch();
        }
        while let Some(joined) = self.in_flight.try_join_next_with_id() {
            replies.extend(self.reply(joined));
        }
        self.launch();
        replies
    }

    /// What the calls amounted to so far.
    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// The first panic of the host's code in this run.
    pub(crate) fn panic(&self) -> Option<Panic> {
        self.run.panic()
    }

    /// Ends the calls, then closes all sessions at once, each within its time.
    pub(crate) async fn close(mut self, reason: CloseReason) {
        if self.traffic.calls == 0 {
            return;
        }
        let close_time = self.close_time;
        let _ = tokio::time::timeout(close_time, self.in_flight.shutdown()).await;
        let mut closing = JoinSet::new();
        for session in self.run.opened() {
            let close = CatchPanic::new(async move { session.close(reason).await });
            closing.spawn_on(tokio::time::timeout(close_time, close), &self.run.host.runtime);
        }
        while let Some(closed) = closing.join_next().await {
            if !matches!(closed, Ok(Ok(Ok(())))) {
                tracing::debug!(target: "isolet", execution = %self.run.info.execution, "a host session was not closed");
            }
        }
    }

    fn launch(&mut self) {
        while self.in_flight.len() - self.timers.len() < self.in_flight_max
            && let Some(call) = self.waiting.pop_front()
        {
            self.traffic.calls += 1;
            self.traffic.bytes_out += call.payload.bytes() as u64;
            self.start(call);
        }
    }

    fn start(&mut self, HostCall { id, operation, payload }: HostCall) {
        let is_timer = self.run.host.is_timer(operation);
        let answer = self.run.clone().answer(operation, payload);
        let task = self.in_flight.spawn_on(answer, &self.run.host.runtime);
        if is_timer {
            self.timers.insert(task.id());
        }
        self.tasks.insert(task.id(), (id, task));
    }

    fn reply(&mut self, joined: Result<(Id, Answer), JoinError>) -> Option<HostReply> {
        let id = joined.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let is_timer = self.timers.remove(&id);
        let (call, _) = self.tasks.remove(&id)?;
        // The only way to fail is to have been ended: panics are answers.
        let (_, result) = joined.ok()?;
        match &result {
            _ if is_timer => {}
            Ok(payload) => self.traffic.bytes_in += payload.bytes() as u64,
            Err(failure) if failure.kind == HostFailureKind::Denied => self.traffic.denied += 1,
            Err(_) => {}
        }
        Some(HostReply { call, result })
    }
}
