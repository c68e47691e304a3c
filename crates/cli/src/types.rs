//! `isolet types`.

use anyhow::Context;
use isolet::db::Sqlite;
use isolet::events::{Broadcast, Events};
use isolet::http::Http;
use isolet::{Isolet, Policy};

use crate::Stop;
use crate::arguments::TypesArguments;
use crate::terminal::Terminal;

/// Prints the declarations, and gives the exit code.
pub(crate) fn types(arguments: &TypesArguments, terminal: &mut Terminal) -> Result<u8, Stop> {
    let builder = Isolet::builder().policy(Policy::of(arguments.profile)).http(Http::new());
    // No file is opened for it, and nothing is published.
    let builder = builder.db(Sqlite::file("")).host(Events::new(Broadcast::new(1)));
    let declarations = builder.declarations();
    let declarations = declarations.context("cannot tell").map_err(Stop::Machine)?;
    terminal.output(declarations.trim_end()).map_err(Stop::Machine)?;
    Ok(0)
}
