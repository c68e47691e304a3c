//! What a run's end and its use become in the report.

use std::time::Duration;

use isolet_core_traits::{Abort, End, Output, OutputTruncated, ProgramOrigin, QueueReport, VmOrigin};
use serde_json::value::RawValue;

use crate::dispatch::Traffic;
use crate::drive::Ended;
use crate::panics::Panic;
use crate::run::Run;
use crate::verdict::{Used, Verdict};
use crate::workers::Lost;

impl Run {
    /// Where the program came from, and how long that took if it was not at hand.
    pub(crate) fn compiled(&mut self, origin: ProgramOrigin, time: Duration) {
        self.report.metrics.cache = Some(origin);
        if origin != ProgramOrigin::Hit {
            self.report.metrics.compile_us = microseconds(time);
        }
    }

    /// How it was admitted, and to what VM.
    pub(crate) fn granted(&mut self, queue: QueueReport, vm: Option<VmOrigin>) {
        self.report.queue = queue;
        self.report.metrics.vm = vm;
    }

    /// The run is over: its figures go into the report, and its output if it has one.
    pub(crate) fn conclude(&mut self, ended: Ended, traffic: Traffic) -> Result<(), Verdict> {
        let metrics = &mut self.report.metrics;
        metrics.run_us = microseconds(ended.run_time);
        metrics.cpu_us = microseconds(ended.cpu);
        metrics.host_wait_us = microseconds(ended.host_wait);
        metrics.reset_us = microseconds(ended.reset_time);
        metrics.preemptions = ended.preemptions;
        metrics.host_calls = traffic.calls;
        metrics.host_bytes_in = traffic.bytes_in;
        metrics.host_bytes_out = traffic.bytes_out;
        metrics.host_calls_denied = traffic.denied;
        let used = Used { wall: self.interrupt.elapsed(), cpu: ended.cpu, budget_spent: ended.budget_spent };
        let outcome = ended.outcome.map_err(|lost| match lost {
            Lost::Stuck if self.interrupt.poll() == Some(Abort::Cancelled) => Verdict::cancelled(),
            Lost::Stuck => Verdict::stuck(used, &self.limits),
            lost => Verdict::lost(lost),
        })?;
        metrics.memory_peak_bytes = outcome.memory_peak_bytes;
        self.report.truncated.logs = outcome.logs_truncated;
        self.report.warnings = outcome.warnings;
        match outcome.end {
            End::Output(output) => self.output(output),
            end => Err(Verdict::of(end, used, &self.limits, &self.source)),
        }
    }

    fn output(&mut self, output: Output) -> Result<(), Verdict> {
        match output {
            Output::Undefined => self.report.output_undefined = true,
            Output::Json(json) => {
                self.report.metrics.output_bytes = json.len() as u64;
                let json = RawValue::from_string(json.as_ref().to_owned());
                self.report.output = Some(json.map_err(|_| Verdict::engine_fault())?);
            }
            Output::Oversized { bytes, preview } => {
                self.report.metrics.output_bytes = bytes;
                let limit = self.limits.output_bytes as u64;
                self.report.truncated.output = Some(OutputTruncated { bytes, limit, preview });
            }
        }
        Ok(())
    }

    /// The execution is not ok. Gives back what only the log is told.
    pub(crate) fn fail(&mut self, verdict: Verdict) -> Option<Panic> {
        self.report.status = verdict.error.kind;
        self.report.error = Some(*verdict.error);
        self.report.killed = verdict.killed;
        self.report.queue = verdict.queue.unwrap_or(self.report.queue);
        verdict.panic
    }
}

pub(crate) fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
