//! Events over NATS: real scripts, a real server.

mod cuts;
mod delivery;
mod failures;
mod security;
mod setup;
mod streams;
mod tenants;
