//! Compiled programs of isolet: an LRU in memory with single flight.
