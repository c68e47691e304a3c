//! Host services for the scripts of isolet.
