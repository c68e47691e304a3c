//! `isolet check`.

use anyhow::{Context, Result};
use isolet::{ErrorReport, Isolet, Source, Status, TenantId};

use crate::Stop;
use crate::arguments::{CheckArguments, Format};
use crate::render::{diagnostic, inert};
use crate::scripts;
use crate::terminal::Terminal;

/// Compiles every file and gives the exit code.
pub(crate) fn check(arguments: &CheckArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let sources = scripts::sources(&arguments.files, arguments.kind).map_err(Stop::Usage)?;
    all(&sources, arguments.format, terminal).map_err(Stop::Machine)
}

fn all(sources: &[Source], format: Format, terminal: &mut Terminal) -> Result<u8> {
    let isolet = Isolet::builder().vms_warm(0).build().context("cannot start")?;
    let tenant = TenantId::new("local")?;
    let mut exit_code = 0;
    for source in sources {
        if terminal.reader_is_gone() {
            break;
        }
        let checked = isolet.check_blocking(source, &tenant);
        let status = checked.as_ref().err().map_or(Status::Ok, |error| error.kind);
        exit_code = exit_code.max(status.exit_code());
        show(source, status, checked.err().as_deref(), format, terminal)?;
    }
    Ok(exit_code)
}

fn show(
    source: &Source,
    status: Status,
    error: Option<&ErrorReport>,
    format: Format,
    terminal: &mut Terminal,
) -> Result<()> {
    let script = source.name().as_str();
    match (format, error) {
        (Format::Json, error) => {
            let (script, error) = (serde_json::to_string(script)?, serde_json::to_string(&error)?);
            terminal.output(&inert(&format!(r#"{{"script":{script},"status":"{status}","error":{error}}}"#)))
        }
        (Format::Pretty, None) => terminal.output(&format!("{script}: ok")),
        (Format::Pretty, Some(error)) => {
            terminal.say(&diagnostic(script, error, None, terminal.palette()));
            Ok(())
        }
    }
}
