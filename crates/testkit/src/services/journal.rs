//! Writes down what is done to a service, in order.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use isolet_core_traits::{
    CloseReason, ExecutionId, HostFailure, HostNamespace, HostService, HostSession, Payload, RunInfo,
};

/// What was done to services, in order. Clones share the entries.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// The entries until now: `open crm run-1`, `call crm.lookup run-1`, `answer crm.lookup run-1` (or `fail`, or
    /// `drop` for a call that was cancelled), `close crm run-1 Completed`.
    pub fn entries(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds an entry.
    pub fn write(&self, entry: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.into());
    }
}

/// A service with a journal.
#[derive(Debug, Clone)]
pub struct Journaled<S> {
    service: S,
    namespace: Arc<HostNamespace>,
    journal: Journal,
}

impl<S: HostService> Journaled<S> {
    /// Writes what is done to `service` into `journal`.
    pub fn new(service: S, journal: &Journal) -> Self {
        let namespace = Arc::new(service.namespace());
        Self { service, namespace, journal: journal.clone() }
    }
}

#[async_trait]
impl<S: HostService> HostService for Journaled<S> {
    fn namespace(&self) -> HostNamespace {
        (*self.namespace).clone()
    }

    async fn open(&self, run: &RunInfo) -> Result<Box<dyn HostSession>, HostFailure> {
        self.journal.write(format!("open {} {}", self.namespace.name, run.execution));
        let session = self.service.open(run).await?;
        let (namespace, journal) = (self.namespace.clone(), self.journal.clone());
        Ok(Box::new(JournaledSession { session, namespace, execution: run.execution.clone(), journal }))
    }
}

struct JournaledSession {
    session: Box<dyn HostSession>,
    namespace: Arc<HostNamespace>,
    execution: ExecutionId,
    journal: Journal,
}

impl JournaledSession {
    fn entry(&self, operation: u16) -> Entry<'_> {
        let HostNamespace { name: namespace, operations, .. } = &*self.namespace;
        let operation = operations.get(usize::from(operation)).map_or("?", |operation| &operation.name);
        let call = format!("{namespace}.{operation} {}", self.execution);
        self.journal.write(format!("call {call}"));
        Entry { journal: &self.journal, call, end: "drop" }
    }
}

/// One call: writes its end when it is dropped.
struct Entry<'a> {
    journal: &'a Journal,
    call: String,
    end: &'static str,
}

impl Entry<'_> {
    fn ended(mut self, result: Result<Payload, HostFailure>) -> Result<Payload, HostFailure> {
        self.end = if result.is_ok() { "answer" } else { "fail" };
        result
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.journal.write(format!("{} {}", self.end, self.call));
    }
}

#[async_trait]
impl HostSession for JournaledSession {
    async fn call(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let entry = self.entry(operation);
        entry.ended(self.session.call(operation, arguments).await)
    }

    fn call_blocking(&self, operation: u16, arguments: Payload) -> Result<Payload, HostFailure> {
        let entry = self.entry(operation);
        entry.ended(self.session.call_blocking(operation, arguments))
    }

    async fn close(&self, reason: CloseReason) {
        self.journal.write(format!("close {} {} {reason:?}", self.namespace.name, self.execution));
        self.session.close(reason).await;
    }
}
