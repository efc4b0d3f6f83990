//! What the end-to-end tests and the demo stand on: real servers, real clients, and a strict local endpoint for
//! what no emulator checks.
//!
//! * [`install`] brings the clients and servers into `target/tools`, [`process`] runs them in a clean environment.
//! * [`ministack`] starts an AWS API server that checks signatures and policies, and fills it.
//! * [`recorder`] counts calls at the wire and injects faults in front of any server.
//! * [`strict_aws`] is an AWS endpoint that refuses what the emulator lets pass, [`strict_kubernetes`] an API server.
//! * [`strict_google`] is all of Google Cloud that the connectors meet, with what it refuses.
//! * [`strict_azure`] is the same for Azure.
//! * [`fake_gcs`] is a second opinion on Cloud Storage, without authentication.
//! * [`azurite`] is a second opinion on Blob Storage, with signatures checked and roles not.
//! * [`docker`] starts a real registry, a strict token service in front of it, and a real engine.
//! * [`cluster`] lets the same tests run against that one and real ones.
//! * [`cli`] runs the built `connector` program, [`canary`] searches everything for planted secrets.
//!
//! Helpers panic with a full sentence when their surroundings are not as they must be: a test has nobody to hand
//! an error to.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests start real programs and servers: they are the surroundings that the crates are kept from"
)]

pub mod canary;
pub mod cli;
pub mod docker;
pub mod fake_gcs;
pub mod install;
pub mod keys;
pub mod ministack;
pub mod paths;
pub mod process;
pub mod random;
mod server;
pub mod skip;

#[cfg(feature = "servers")]
pub mod azurite;
#[cfg(feature = "servers")]
mod clock;
#[cfg(feature = "servers")]
pub mod cluster;
#[cfg(feature = "servers")]
pub mod fault;
#[cfg(feature = "servers")]
pub mod loopback;
#[cfg(feature = "servers")]
pub mod recorder;
#[cfg(feature = "servers")]
pub mod strict_aws;
#[cfg(feature = "servers")]
pub mod strict_azure;
#[cfg(feature = "servers")]
pub mod strict_google;
#[cfg(feature = "servers")]
pub mod strict_kubernetes;
