//! The whole way with real QuickJS: through the API that users have, with real threads and services.

mod console;
mod crowds;
mod escape;
mod events;
mod host;
mod host_api;
mod integrity;
mod leftovers;
mod lifecycle;
mod limits;
mod mistakes;
mod modules;
mod natives;
mod pages;
mod parking;
mod reproduction;
mod scripts;
mod setup;
mod timers;
mod web;
