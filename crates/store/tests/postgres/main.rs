//! What holds for a store in Postgres.

#[path = "../contract/mod.rs"]
mod contract;
mod crash;
mod faults;
mod processes;
mod proxy;

whole_contract!((isolet_testkit::Postgres::shared().database(), ()));
