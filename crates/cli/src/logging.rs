//! What isolet itself has to say: `tracing` events on stderr, if they are asked for, and figures and spans for a
//! collector.

use anyhow::{Result, anyhow};
use isolet::otlp::Otlp;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Shows events as `ISOLET_LOG`, or else `RUST_LOG`, asks for. Neither set: none. A collector gets spans.
pub(crate) fn start(otlp: Option<&Otlp>) -> Result<()> {
    let filter = |name| std::env::var(name).ok().filter(|text| !text.is_empty()).map(|text| (name, text));
    let filter = filter("ISOLET_LOG").or_else(|| filter("RUST_LOG"));
    if filter.is_none() && otlp.is_none() {
        return Ok(());
    }
    let events = filter.map(|(name, text)| {
        let filter = EnvFilter::try_new(&text).map_err(|error| anyhow!("{name} is no filter for events: {error}"));
        let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
        filter.map(|filter| layer.with_filter(filter))
    });
    let spans = otlp.map(|otlp| otlp.spans().with_filter(Targets::new().with_target("isolet", LevelFilter::DEBUG)));
    let subscriber = tracing_subscriber::registry().with(events.transpose()?).with(spans);
    subscriber.try_init().map_err(|error| anyhow!("cannot show events: {error}"))
}
