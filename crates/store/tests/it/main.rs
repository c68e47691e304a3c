//! What holds for a store in a file of SQLite.

#[path = "../contract/mod.rs"]
mod contract;
mod directory;

whole_contract!(crate::directory::location());
