//! `isolet records`.

use std::sync::Arc;

use anyhow::{Context, Result};
use isolet::store::{Durability, Page, Record, RecordQuery, RecordStore, RecordSummary, RecordsConfig, StoreError};
use serde_json::json;

use super::arguments::{GetRecordArguments, ListRecordsArguments, RecordsArguments, RecordsCommand};
use super::{Session, stop};
use crate::Stop;
use crate::arguments::Format;
use crate::render::{inert, one_line, pretty};
use crate::terminal::Terminal;
use crate::units::date_and_time;

/// Tells what is asked for, and gives the exit code.
pub(crate) fn records(arguments: &RecordsArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    match &arguments.command {
        RecordsCommand::List(arguments) => list(arguments, terminal),
        RecordsCommand::Get(arguments) => get(arguments, terminal),
    }
}

fn list(arguments: &ListRecordsArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let ListRecordsArguments { script, status, from, until, after, limit, place } = arguments;
    let after = after.as_deref().map(str::parse).transpose().map_err(stop)?;
    let (script, count_max) = (script.clone(), *limit);
    let query = RecordQuery { script, status: *status, from: *from, until: *until, after, count_max };
    let session = Session::open(&place.store)?;
    let page = session.runtime.block_on(async { session.reader().page(&place.tenant, &query).await });
    session.end([]);
    show(&page.map_err(stop)?, place.format, terminal).map_err(Stop::Machine)
}

fn show(page: &Page, format: Format, terminal: &mut Terminal) -> Result<u8> {
    for RecordSummary { id, at, script, revision, status, run_us } in &page.records {
        let at = date_and_time(*at);
        terminal.output(&match format {
            Format::Json => inert(
                &json!({"id": id, "at": at, "script": script, "revision": revision, "status": status, "run_us": run_us})
                    .to_string(),
            ),
            Format::Pretty => {
                let (id, script) = (one_line(id.as_str()), one_line(script.as_str()));
                format!("{at}  {:17}{run_us:>10} µs  {id}  {script}", status.as_str())
            }
        })?;
    }
    if let Some(next) = page.next {
        terminal.say(&format!("there are more: --after {next}\n"));
    }
    Ok(0)
}

fn get(arguments: &GetRecordArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let GetRecordArguments { id, place } = arguments;
    let session = Session::open(&place.store)?;
    let record = session.runtime.block_on(async { session.reader().get(&place.tenant, id).await });
    session.end([]);
    let Some(record) = record.map_err(stop)? else {
        return Ok(terminal.error(&StoreError::Absent { what: "record" }.to_string(), 1));
    };
    let json = whole(&record).map_err(Stop::Machine)?;
    let shown = if place.format == Format::Json { inert(&json) } else { pretty(&json) };
    terminal.output(&shown).map_err(Stop::Machine)?;
    Ok(0)
}

/// The report with two fields more.
fn whole(record: &Record) -> Result<String> {
    let report = serde_json::to_string(&record.report).context("cannot write the report as JSON")?;
    let input = record.input.as_ref().map_or("null", |input| input.as_str());
    Ok(format!(r#"{{"at":"{}","input":{input},"report":{report}}}"#, date_and_time(record.at)))
}

impl Session {
    /// What asks for records and writes none.
    fn reader(&self) -> Arc<RecordStore> {
        let durability = Durability::Off;
        self.store.records(RecordsConfig { durability, ..RecordsConfig::default() })
    }
}
