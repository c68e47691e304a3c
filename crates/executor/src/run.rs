//! One execution on its way: what it is, and its report so far.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Weak};
use std::time::Duration;

use isolet_core_traits::{
    ContextReport, Engine, Grants, Interrupt, Invocation, JsonText, LogLine, Metrics, QueueReport, Report, RunInfo,
    Seed, Source, Status, StoredScript, Timestamp, Truncated,
};
use isolet_limits::{LimitOverrides, Limits, check_size};

use crate::context::ContextFields;
use crate::core::Core;
use crate::events;
use crate::execution::{Execution, OnLog};
use crate::panics::catch;
use crate::prepared::Prepared;
use crate::random;
use crate::task::Task;
use crate::verdict::Verdict;
use crate::workers::Claim;

/// One execution on its way.
pub(crate) struct Run {
    pub(crate) info: RunInfo,
    /// Empty until it is looked up, if it is a stored one.
    pub(crate) source: Source,
    pub(crate) is_stored: bool,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) limits: Limits,
    pub(crate) interrupt: Arc<Interrupt>,
    pub(crate) report: Report,
    overrides: LimitOverrides,
    input: JsonText,
    context: ContextFields,
    context_bytes: usize,
    seed: Option<u64>,
    now: Option<Timestamp>,
    on_log: Option<OnLog>,
    /// By a sink that must not be called on a worker.
    is_recorded: bool,
    console_to_tracing: bool,
    task: Weak<Task>,
}

impl Run {
    pub(crate) fn new<E: Engine>(execution: Execution, core: &Core<E>) -> Self {
        let script = execution.script.unwrap_or_else(|| execution.source.name().clone());
        let permitted = core.permissions_policy.permissions(&execution.tenant, &script);
        let info = RunInfo {
            execution: execution.id.unwrap_or_else(random::execution_id),
            tenant: execution.tenant,
            user: execution.user,
            organization: execution.organization,
            script,
            traceparent: execution.traceparent.map(|traceparent| traceparent.text()),
            grants: Grants::new([permitted].into_iter().chain(execution.permissions)),
        };
        let limits = Limits::clone(&core.limits_policy.limits(&info.tenant, &info.script));
        Self {
            report: blank(&info, execution.revision),
            info,
            source: execution.source,
            is_stored: execution.is_stored,
            is_recorded: core.reports.as_ref().is_some_and(|sink| !sink.is_instant()),
            prepared: execution.prepared,
            limits,
            interrupt: Arc::new(Interrupt::new(core.clock.clone())),
            overrides: execution.overrides,
            input: execution.input,
            context: execution.context,
            context_bytes: execution.context_bytes,
            seed: execution.seed,
            now: execution.now,
            on_log: execution.on_log,
            console_to_tracing: core.console_to_tracing,
            task: Weak::new(),
        }
    }

    /// It is driven by this task.
    pub(crate) fn driven_by(self, task: Weak<Task>) -> Self {
        Self { task, ..self }
    }

    /// At whose expense workers work for it, and until when; so much is expected of it.
    pub(crate) fn claim(&self, expected: Duration) -> Claim {
        Claim { weight: self.limits.weight, ..Claim::of(&self.info.tenant, expected, &self.interrupt) }
    }

    /// Names its program, well enough to prefer a VM that has run it: by the source's name and length.
    pub(crate) fn affinity(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (self.source.name(), self.source.text().len()).hash(&mut hasher);
        hasher.finish()
    }

    /// This is its script.
    pub(crate) fn found(&mut self, script: StoredScript) -> Result<(), Verdict> {
        self.limits = self.limits.within(&script.limits)?;
        self.info.grants = self.info.grants.with(script.permissions);
        self.report.context.revision = Some(script.revision.to_string());
        self.source = script.source;
        Ok(())
    }

    /// Its input, for whoever records it.
    pub(crate) fn input(&self) -> &JsonText {
        &self.input
    }

    /// Applies the execution's own limits and refuses what is too large, before anything is done for it.
    pub(crate) fn check(&mut self) -> Result<(), Verdict> {
        self.limits = self.limits.with(&self.overrides)?;
        check_size("source", self.source.text().len(), self.limits.source_bytes)?;
        check_size("input", self.input.bytes(), self.limits.input_bytes)?;
        check_size("context", self.context_bytes, self.limits.context_bytes)?;
        Ok(())
    }

    /// What its program is started with.
    pub(crate) fn invocation(&self) -> Result<Invocation, Verdict> {
        let context = self.context.merged(&self.info).map_err(|error| Verdict::invalid_context(&error))?;
        let source_name = self.source.name().clone();
        let random_seed = self.seed.map_or_else(|| Seed::Drawn(random::seed()), Seed::Given);
        Ok(Invocation { source_name, input: self.input.clone(), context, random_seed, now: self.now })
    }

    /// Its task, if it calls nobody else's code when a run ends well.
    pub(crate) fn quiet_task(&self) -> Option<Arc<Task>> {
        let is_heard = self.on_log.is_some() || self.console_to_tracing || self.is_recorded;
        self.task.upgrade().filter(|_| !is_heard)
    }

    /// Whoever polls its task for the first time should wait for its end.
    pub(crate) fn end_is_imminent(&self) {
        if let Some(task) = self.quiet_task() {
            task.end_is_imminent();
        }
    }

    /// Passes console lines on and keeps them for the report.
    pub(crate) fn log(&mut self, lines: Vec<LogLine>) {
        for line in &lines {
            if self.console_to_tracing {
                events::console(line, &self.info);
            }
            if let Some(on_log) = &self.on_log
                && catch(|| on_log(line)).is_err()
            {
                self.on_log = None;
            }
        }
        self.report.logs.extend(lines);
    }
}

/// A report of an execution that nothing has been done for.
fn blank(info: &RunInfo, revision: Option<String>) -> Report {
    Report {
        id: info.execution.clone(),
        status: Status::Ok,
        output: None,
        output_undefined: false,
        truncated: Truncated::default(),
        error: None,
        killed: None,
        warnings: Vec::new(),
        logs: Vec::new(),
        context: ContextReport {
            tenant: info.tenant.clone(),
            user: info.user.clone(),
            organization: info.organization.clone(),
            script: info.script.clone(),
            revision,
        },
        queue: QueueReport::default(),
        metrics: Metrics::default(),
    }
}
