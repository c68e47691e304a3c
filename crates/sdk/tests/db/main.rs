//! `db` for scripts over SQLite: real scripts, real files.

mod bounds;
mod confinement;
mod directory;
mod permissions;
mod setup;
mod shared;
mod tenants;
mod transactions;
mod values;
