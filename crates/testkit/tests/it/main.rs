//! Tests of the testkit itself.

mod conformance;
mod fake;
mod services;
