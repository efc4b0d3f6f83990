//! End to end: the built `connector` program and the libraries, against real servers, with real clients.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start real programs and read real clocks: they are the surroundings that the crates are kept from"
)]

mod agent;
mod azure;
mod clients;
mod conformance;
mod docker;
mod doctor;
mod emulator;
mod faults;
mod google;
mod kills;
mod kubernetes;
mod leaks;
mod linked;
mod login;
mod matrix;
mod programs;
mod sessions;
mod sso;
mod stage;
