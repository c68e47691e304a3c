//! Where the events of scripts go: to a NATS server, or to whoever reads stderr.

use anyhow::Result;
use async_trait::async_trait;
use isolet::events::{Event, EventSink, Events, Nats, SinkError};

use crate::render::{Palette, event_line, not_taken};
use crate::terminal::say;

/// The service. A server is connected to when the first event goes there.
///
/// # Errors
/// If the URL is none.
pub(crate) fn events(nats: Option<&str>, palette: Palette) -> Result<Events> {
    Ok(match nats {
        Some(url) => Events::new(Sent(Nats::new(url)?, palette)),
        None => Events::new(Shown(palette)),
    })
}

/// Events as lines on stderr.
struct Shown(Palette);

#[async_trait]
impl EventSink for Shown {
    async fn publish(&self, event: Event) -> Result<(), SinkError> {
        say(&event_line(&event.topic, event.payload.as_str(), self.0));
        Ok(())
    }
}

/// Events to a server. Scripts are not told why it takes one not; here the author is the operator.
struct Sent(Nats, Palette);

#[async_trait]
impl EventSink for Sent {
    async fn publish(&self, event: Event) -> Result<(), SinkError> {
        let taken = self.0.publish(event).await;
        if let Err(error) = &taken {
            say(&not_taken(&error.message, self.1));
        }
        taken
    }
}
