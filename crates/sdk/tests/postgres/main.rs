//! `db` for scripts over Postgres: real scripts, a real server.

mod bounds;
mod confinement;
#[path = "../db/setup.rs"]
mod setup;
#[path = "../db/shared.rs"]
mod shared;
mod tenants;
mod tls;
mod values;

use isolet_sdk::db::{DbLimits, Postgres};
use isolet_testkit::Postgres as Server;

const SECRET: [u8; 32] = [7; 32];

/// A database of its own.
fn postgres() -> Postgres {
    Postgres::new(&Server::shared().database(), SECRET).expect("the URL is good")
}

fn with(limits: DbLimits) -> setup::World {
    setup::World::new(postgres().limits(limits).into())
}
