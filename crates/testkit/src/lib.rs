//! Test tools of isolet: a fake engine, the engine conformance suite and hostile scripts.
