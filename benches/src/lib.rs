//! Benchmarks of isolet live in `benches/`; this library holds what they share.
