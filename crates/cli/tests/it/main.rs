//! The command line as its users see it: what it prints, and how it ends.

mod bench;
mod db;
mod events;
mod examples;
mod folder;
#[cfg(unix)]
mod interruption;
mod json;
mod limits;
mod net;
mod otlp;
mod policy;
mod pretty;
mod repeat;
mod stored;
mod time_zone;
mod usage;
