//! Scripts that send requests, with real QuickJS and real sockets on loopback: to a server that answers as it should, to
//! one that does not, and past the one that must not be reached.

mod connections;
mod integrity;
mod misbehaving;
mod pages;
mod reach;
mod requests;
mod secrets;
mod server;
mod setup;
mod signals;
mod tls;
