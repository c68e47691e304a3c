//! `isolet run`.

use std::time::Instant;

use anyhow::{Context, Result};
use isolet::db::Sqlite;
use isolet::events::Events;
use isolet::http::Http;
use isolet::otlp::Otlp;
use isolet::{
    Capability, DbAccess, ErrorReport, Execution, ExecutionId, Isolet, JsonText, Permissions, Policy, Report, ScriptId,
    Source, TenantId,
};

use crate::Stop;
use crate::arguments::{Format, RunArguments};
use crate::limits::limits;
use crate::render::{Times, diagnostic, inert, log_line, notes, one_line, pretty};
use crate::stored::Session;
use crate::terminal::{Terminal, say};
use crate::{events, input, interruption, scripts};

/// Runs every file, one after another on one executor, and gives the exit code. A collector is told.
pub(crate) fn run(arguments: &RunArguments, otlp: Option<Otlp>, terminal: &mut Terminal) -> Result<u8, Stop> {
    let sources = scripts::sources(&arguments.files, arguments.kind).map_err(Stop::Usage)?;
    let input = input::input(arguments.input.as_deref()).map_err(Stop::Usage)?;
    let session = Session::of(&arguments.stored)?;
    let events = events::events(arguments.nats.as_deref(), terminal.palette()).map_err(Stop::Usage)?;
    let runner = Runner::new(arguments, input, otlp.as_ref(), session.as_ref(), &events);
    let mut runner = runner.map_err(Stop::Machine)?;
    let stored = arguments.stored.script.iter().map(|name| Script::Stored(name.clone()));
    let scripts: Vec<Script> = sources.into_iter().map(Script::Source).chain(stored).collect();
    let mut exit_code = 0;
    for script in &scripts {
        if terminal.reader_is_gone() || runner.is_interrupted() {
            break;
        }
        if scripts.len() > 1 && arguments.format == Format::Pretty {
            let dim = terminal.palette().dim;
            terminal.say(&format!("{dim}── {}{dim:#}\n", script.name()));
        }
        exit_code = exit_code.max(runner.run(script, terminal).map_err(Stop::Machine)?);
    }
    if let Some(session) = session {
        session.end([runner.isolet]);
    }
    if let Some(Err(error)) = otlp.map(Otlp::shutdown) {
        terminal.say(&format!("warning: {}\n", one_line(&error.to_string())));
    }
    Ok(exit_code)
}

/// What is to be run.
enum Script {
    Source(Source),
    /// One of the tenant's, in the store.
    Stored(ScriptId),
}

impl Script {
    fn name(&self) -> &ScriptId {
        match self {
            Self::Source(source) => source.name(),
            Self::Stored(name) => name,
        }
    }

    fn execution(&self, tenant: &TenantId) -> Execution {
        match self {
            Self::Source(source) => Execution::new(source.clone(), tenant.clone()),
            Self::Stored(name) => Execution::stored(name.clone(), tenant.clone()),
        }
    }
}

struct Runner<'a> {
    arguments: &'a RunArguments,
    input: JsonText,
    isolet: Isolet,
    /// For the very first run, where times are shown: that is what it costs to begin with nothing.
    cold: Option<Isolet>,
}

impl<'a> Runner<'a> {
    fn new(
        arguments: &'a RunArguments,
        input: JsonText,
        otlp: Option<&Otlp>,
        session: Option<&Session>,
        events: &Events,
    ) -> Result<Self> {
        let isolet = |vms_warm, otlp: Option<&Otlp>| {
            let policy = Policy::of(arguments.profile);
            let policy = if arguments.allow_eval { policy.with(Capability::Eval) } else { policy };
            let db = if arguments.db_read_only { DbAccess::Read } else { DbAccess::Write };
            let (http, topics) = (arguments.allow_net.clone(), arguments.allow_events.clone());
            let permissions = Permissions { http, db, events: topics, ..Permissions::default() };
            let builder = Isolet::builder().limits(limits(arguments)).policy(policy);
            let builder = builder.http(Http::new()).host(events.clone()).permissions(permissions);
            let builder = if let Some(file) = &arguments.db { builder.db(Sqlite::file(file)) } else { builder };
            let builder = if let Some(otlp) = otlp { builder.meter(otlp.meter()) } else { builder };
            let builder = if let Some(session) = session { session.provide(builder) } else { builder };
            builder.vms_warm(vms_warm).vms_max(arguments.pool_size).build().context("cannot start")
        };
        // A collector would take the figures of two for those of one.
        let cold = if arguments.repeat > 1 { Some(isolet(0, None)?) } else { None };
        let isolet = isolet(arguments.pool_size, otlp)?;
        interruption::watch(cold.iter().chain([&isolet]).cloned().collect())?;
        Ok(Self { arguments, input, isolet, cold })
    }

    fn is_interrupted(&self) -> bool {
        self.isolet.metrics().is_draining
    }

    /// Runs a script as often as asked for, and gives the highest exit code.
    fn run(&mut self, script: &Script, terminal: &mut Terminal) -> Result<u8> {
        let (format, count) = (self.arguments.format, self.arguments.repeat);
        let mut times = Times::default();
        let mut shown = None;
        let mut exit_code = 0;
        for _ in 0..count {
            let is_first = shown.is_none();
            let execution = self.execution(script, is_first, terminal);
            let isolet = self.cold.take().unwrap_or_else(|| self.isolet.clone());
            let start = Instant::now();
            let report = isolet.execute_blocking(execution);
            times.add(&report.metrics, start.elapsed());
            exit_code = exit_code.max(report.status.exit_code());
            match format {
                Format::Json => terminal.output(&json(&report)?)?,
                // Of repeated runs, those are worth showing that end in another way.
                Format::Pretty if shown != Some(report.status) => show(&report, !is_first, terminal)?,
                Format::Pretty => {}
            }
            shown = Some(report.status);
            if terminal.reader_is_gone() || self.is_interrupted() {
                return Ok(exit_code);
            }
        }
        if count > 1 && format == Format::Pretty {
            terminal.say(&times.table(terminal.palette()));
        }
        Ok(exit_code)
    }

    fn execution(&self, script: &Script, shows_logs: bool, terminal: &Terminal) -> Execution {
        let mut execution = script.execution(&self.arguments.tenant).input_json(self.input.clone());
        if let Some(user) = &self.arguments.user {
            execution = execution.user(user.clone());
        }
        if let Some(organization) = &self.arguments.organization {
            execution = execution.organization(organization.clone());
        }
        if let Some(seed) = self.arguments.seed {
            let id = ExecutionId::new(format!("seed-{seed}")).expect("no more than 25 printable characters");
            execution = execution.seed(seed).id(id);
        }
        if let Some(now) = self.arguments.now {
            execution = execution.now(now);
        }
        if shows_logs && self.arguments.format == Format::Pretty {
            let palette = terminal.palette();
            execution = execution.on_log(move |line| say(&log_line(line, palette)));
        }
        execution
    }
}

fn json(report: &Report) -> Result<String> {
    let json = serde_json::to_string(report).context("cannot write the report as JSON")?;
    Ok(inert(&json))
}

/// The output to stdout, the rest to stderr. The console lines may have been shown while the script ran.
fn show(report: &Report, with_logs: bool, terminal: &mut Terminal) -> Result<()> {
    let palette = terminal.palette();
    if with_logs {
        report.logs.iter().for_each(|line| terminal.say(&log_line(line, palette)));
    }
    terminal.say(&notes(report, palette));
    match &report.error {
        Some(error) => {
            let script = report.context.script.as_str();
            let error = ErrorReport { hint: error.hint.clone().or_else(|| flag_for(error)), ..error.clone() };
            terminal.say(&diagnostic(script, &error, report.killed.as_ref(), palette));
            Ok(())
        }
        None => terminal.output(&pretty(report.output.as_ref().map_or("null", |output| output.get()))),
    }
}

/// What to add to the command line for a script that may not do something.
fn flag_for(error: &ErrorReport) -> Option<String> {
    let lacks = |field: &str| error.name == "PermissionError" && error.message.ends_with(field);
    if lacks("\"http\"") {
        return Some("--allow-net HOST[:PORT] permits a host or an address".into());
    }
    lacks("\"events\"").then(|| "--allow-events TOPIC permits a topic and those below it".into())
}
