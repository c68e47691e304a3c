//! What isolet itself has to say: `tracing` events on stderr, if they are asked for.

use anyhow::{Result, anyhow};
use tracing_subscriber::EnvFilter;

/// Shows events as `ISOLET_LOG`, or else `RUST_LOG`, asks for. Neither set: none.
pub(crate) fn start() -> Result<()> {
    let filter = |name| std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| (name, text));
    let Some((name, text)) = filter("ISOLET_LOG").or_else(|| filter("RUST_LOG")) else { return Ok(()) };
    let filter = EnvFilter::try_new(&text).map_err(|error| anyhow!("{name} is no filter for events: {error}"))?;
    let events = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false);
    events.try_init().map_err(|error| anyhow!("cannot show events: {error}"))
}
