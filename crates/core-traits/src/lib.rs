//! The contract between isolet's engines, executor and hosts: plain data and traits.
