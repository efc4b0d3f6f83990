//! Leaks: unique canaries through whole lives of connectors and through faults, searched for in everything that
//! is left behind. Where a secret may stand is named, sink by sink, in [`watch::SINKS`] and [`watch::PROGRAMS`]; everywhere else is a leak.
//!
//! Rows C1, C10, C11, C20, S31 and S34 of the requirements; invariant 1 of the design. Linux only: what a child process was given is read from `/proc`.
#![cfg(target_os = "linux")]

mod azure;
mod children;
mod cloud;
mod clusters;
mod emulator;
mod faults;
mod google;
mod input;
mod journal;
mod life;
mod planted;
mod registries;
mod shown;
mod terminal;
mod watch;
