//! What holds for a store in Postgres.

#[path = "../contract/mod.rs"]
mod contract;

whole_contract!((isolet_testkit::Postgres::shared().database(), ()));
