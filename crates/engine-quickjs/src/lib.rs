//! QuickJS as an isolet engine: a state machine without I/O.
