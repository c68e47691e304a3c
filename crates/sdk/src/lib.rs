//! Host services for the scripts of isolet.

#[cfg(any(feature = "db-sqlite", feature = "db-postgres"))]
pub mod db;
