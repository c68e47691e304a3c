//! The executor over the fake engine, with real threads, runtimes and services.

mod cancel;
mod concurrency;
mod events;
mod grants;
mod host;
mod lifecycle;
mod logs;
mod parking;
mod parking_ends;
mod plans;
mod refusals;
mod scheduling;
mod setup;
mod shutdown;
mod statuses;
mod stored;
mod telemetry;
