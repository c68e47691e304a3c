//! Scripts give the same under Node as with isolet. Needs Node 18 or later.
//!
//! Node's side is `run.mjs`. Each script runs there in a process of its own, while one isolet runs all of them.

mod examples;
mod requests;
mod scripts;
mod sides;
mod web;
