//! The command line `isolet`: runs and checks scripts as a service with the library would, and measures
//! what that takes.
//!
//! Outputs and reports go to stdout, everything that is said about them to stderr.
//! Exit codes: 0 if all went well, 1 if a script failed, 2 for wrong usage, 3 if a run was ended or refused; of several
//! scripts the highest.
//! Scripts have the host services that options ask for, and none by default.

mod arguments;
mod bench;
mod check;
mod events;
mod input;
mod interruption;
mod limits;
mod logging;
mod policy;
mod render;
mod run;
mod scripts;
mod stored;
mod terminal;
mod types;
mod units;

use std::process::ExitCode;

use clap::Parser;
use isolet::otlp::Otlp;

use crate::arguments::{Arguments, Command};
use crate::terminal::Terminal;

/// Why isolet could not do what it was asked for. What a script does wrong is none of these.
enum Stop {
    /// It was asked in a wrong way.
    Usage(anyhow::Error),
    /// The machine does not play along: no memory, no disk space.
    Machine(anyhow::Error),
}

fn main() -> ExitCode {
    let mut terminal = Terminal::new();
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return ExitCode::from(arguments::explain(&error, &terminal)),
    };
    let ended = perform(&arguments.command, &mut terminal);
    ExitCode::from(match ended {
        Ok(exit_code) => exit_code,
        Err(Stop::Usage(error)) => terminal.error(&format!("{error:#}"), 2),
        Err(Stop::Machine(error)) => terminal.error(&format!("{error:#}"), 3),
    })
}

fn perform(command: &Command, terminal: &mut Terminal) -> Result<u8, Stop> {
    let otlp = match command {
        Command::Run(arguments) => arguments.otlp.as_deref(),
        _ => None,
    };
    let otlp = otlp.map(|url| Otlp::new(url, "isolet")).transpose().map_err(|error| Stop::Usage(error.into()))?;
    logging::start(otlp.as_ref()).map_err(Stop::Usage)?;
    match command {
        Command::Run(arguments) => run::run(arguments, otlp, terminal),
        Command::Check(arguments) => check::check(arguments, terminal),
        Command::Policy(arguments) => policy::policy(arguments, terminal),
        Command::Types(arguments) => types::types(arguments, terminal),
        Command::Scripts(arguments) => stored::scripts(arguments, terminal),
        Command::Records(arguments) => stored::records(arguments, terminal),
        Command::Bench(arguments) => bench::bench(arguments, terminal),
    }
}
