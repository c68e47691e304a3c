//! What holds for a store in a file of SQLite.

#[path = "../contract/mod.rs"]
mod contract;
mod crash;
mod directory;
mod faults;
mod lookups;
mod migrations;
#[cfg(target_os = "linux")]
mod read_only;

whole_contract!(crate::directory::location());
