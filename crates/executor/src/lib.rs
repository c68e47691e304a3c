//! Composes engine, sandbox, limits, cache and pool into one execution with one report.
