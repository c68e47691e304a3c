//! Run other people's JavaScript inside a Rust service: many tenants, one process.
