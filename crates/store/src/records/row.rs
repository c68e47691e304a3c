//! What is kept of a report.

use std::borrow::Cow;

use isolet_core_traits::{
    ContextReport, ErrorReport, ExecutionId, JsonText, KilledReport, LogLine, LogsTruncated, Metrics, OutputTruncated,
    QueueReport, Report, ScriptId, Status, TenantId, Truncated, Warning,
};
use serde::Serialize;
use serde_json::value::RawValue;

use super::RecordsConfig;
use crate::time::now_ms;

/// What a row takes besides its texts, roughly.
const ROW_BYTES: usize = 256;

/// The longest start of an output that was left out, in bytes.
const PREVIEW_BYTES: usize = 256;

/// A record on its way to the database.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) tenant: TenantId,
    pub(super) at_ms: i64,
    pub(super) id: ExecutionId,
    pub(super) script: ScriptId,
    pub(super) revision: Option<String>,
    pub(super) status: Status,
    pub(super) run_us: i64,
    pub(super) report: String,
    pub(super) input: Option<JsonText>,
}

impl Row {
    pub(super) fn new(report: &Report, input: &JsonText, config: &RecordsConfig) -> Self {
        let context = &report.context;
        let is_short = |input: &&JsonText| config.input_bytes_max.is_some_and(|bytes_max| input.bytes() <= bytes_max);
        Self {
            tenant: context.tenant.clone(),
            at_ms: now_ms(),
            id: report.id.clone(),
            script: context.script.clone(),
            revision: context.revision.clone(),
            status: report.status,
            run_us: i64::try_from(report.metrics.run_us).unwrap_or(i64::MAX),
            report: json(report, config),
            input: Some(input).filter(is_short).cloned(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        ROW_BYTES + self.report.len() + self.input.as_ref().map_or(0, JsonText::bytes)
    }
}

/// A report, of which some may be left out. The same fields in the same order.
#[derive(Serialize)]
struct Kept<'a> {
    id: &'a ExecutionId,
    status: Status,
    output: Option<&'a RawValue>,
    output_undefined: bool,
    truncated: Cow<'a, Truncated>,
    error: &'a Option<ErrorReport>,
    killed: &'a Option<KilledReport>,
    warnings: &'a [Warning],
    logs: &'a [LogLine],
    context: &'a ContextReport,
    queue: &'a QueueReport,
    metrics: &'a Metrics,
}

fn json(report: &Report, config: &RecordsConfig) -> String {
    let Report { id, status, output, output_undefined, truncated, error, killed, warnings, logs, .. } = report;
    let Report { context, queue, metrics, .. } = report;
    let mut truncated = Cow::Borrowed(truncated);
    let mut output = output.as_deref();
    if let Some(long) = output.filter(|output| output.get().len() > config.output_bytes_max) {
        let text = long.get();
        let (bytes, limit) = (text.len() as u64, config.output_bytes_max as u64);
        let preview = text[..text.floor_char_boundary(PREVIEW_BYTES.min(config.output_bytes_max))].to_owned();
        truncated.to_mut().output = Some(OutputTruncated { bytes, limit, preview });
        output = None;
    }
    let kept = fitting(logs, config.log_bytes_max);
    if kept < logs.len() {
        let mut cut = truncated.logs.unwrap_or(LogsTruncated { lines: 0, bytes: 0 });
        cut.lines += (logs.len() - kept) as u64;
        cut.bytes += logs[kept..].iter().map(|line| line.message.len() as u64).sum::<u64>();
        truncated.to_mut().logs = Some(cut);
    }
    let (output_undefined, logs) = (*output_undefined, &logs[..kept]);
    let kept = Kept {
        id,
        status: *status,
        output,
        output_undefined,
        truncated,
        error,
        killed,
        warnings,
        logs,
        context,
        queue,
        metrics,
    };
    serde_json::to_string(&kept).expect("plain data without maps of odd keys")
}

/// How many lines, from the first, have no more bytes together.
fn fitting(logs: &[LogLine], bytes_max: usize) -> usize {
    let mut bytes = 0;
    let fits = |line: &&LogLine| {
        bytes += line.message.len();
        bytes <= bytes_max
    };
    logs.iter().take_while(fits).count()
}
