//! Spans for `tracing`: where an execution's time goes. Whoever does not listen pays for one look at a static each.
//!
//! ```text
//! execution ─┬─ compile ── queue
//!            ├─ queue
//!            └─ run ─┬─ step (on a worker) ── reset
//!                    └─ host_call
//! ```

use isolet_core_traits::{HostFailure, HostNamespace, HostOperation, Payload, RunInfo};
use tracing::field::Empty;
use tracing::{Span, debug_span, trace_span};

pub(crate) fn execution(run: &RunInfo) -> Span {
    debug_span!(
        target: "isolet",
        "execution",
        id = %run.execution,
        tenant = %run.tenant,
        script = %run.script,
        traceparent = run.traceparent.as_deref(),
    )
}

/// A source becomes a program; who waits for another's compilation has none.
pub(crate) fn compile() -> Span {
    debug_span!(target: "isolet", "compile")
}

/// From a request to its grant.
pub(crate) fn queue() -> Span {
    debug_span!(target: "isolet", "queue")
}

/// From the grant of a VM to the end of the run.
pub(crate) fn run() -> Span {
    debug_span!(target: "isolet", "run")
}

/// One host call, from its permits to its answer.
pub(crate) fn host_call(
    run: &RunInfo,
    namespace: &HostNamespace,
    operation: &HostOperation,
    arguments: &Payload,
) -> Span {
    debug_span!(
        target: "isolet",
        "host_call",
        execution = %run.execution,
        tenant = %run.tenant,
        namespace = namespace.name,
        operation = operation.name,
        bytes_out = arguments.bytes(),
        bytes_in = Empty,
        error = Empty,
    )
}

/// What came of the host call of `span`.
pub(crate) fn host_call_ended(span: &Span, answer: &Result<Payload, HostFailure>) {
    match answer {
        Ok(reply) => span.record("bytes_in", reply.bytes()),
        Err(failure) => span.record("error", failure.name.as_str()),
    };
}

/// A VM is made.
pub(crate) fn vm() -> Span {
    debug_span!(target: "isolet", "vm")
}

/// One slice on a worker.
pub(crate) fn step(run: &Span, worker: usize) -> Span {
    trace_span!(target: "isolet", parent: run, "step", worker)
}

/// The VM is taken back to where it was.
pub(crate) fn reset() -> Span {
    trace_span!(target: "isolet", "reset")
}

#[cfg(test)]
mod tests {
    use isolet_core_traits::{ExecutionId, Grants, ScriptId, TenantId};

    use super::*;

    #[test]
    fn without_a_listener_nothing_is_allocated() {
        let info = RunInfo {
            execution: ExecutionId::new("e1").expect("an id"),
            tenant: TenantId::new("acme").expect("an id"),
            user: None,
            organization: None,
            script: ScriptId::new("a.js").expect("an id"),
            traceparent: None,
            grants: Grants::default(),
        };
        let allocated = allocation_counter::measure(|| {
            let spans = [execution(&info), compile(), queue(), run(), vm(), reset()];
            let _step = step(&spans[3], 1).entered();
            assert!(spans.iter().all(Span::is_disabled), "this binary has no listener");
        });
        assert_eq!(allocated.count_total, 0);
    }
}
