#![doc = include_str!("../README.md")]

// What is said: names of registries and repositories.
pub mod names;

// What is held and issued.
mod connector;
mod credential;
mod session;

// How one authenticates, and what is reached.
pub mod auth;
pub mod resource;

// What is made of a credential.
#[cfg(any(feature = "native", feature = "oci"))]
mod native;
mod tool;

// How a registry is talked to.
mod challenge;
mod error;
mod flow;

#[cfg(test)]
mod testing;

pub use connector::Docker;
pub use credential::{DockerCredential, Login};
#[cfg(feature = "native")]
pub use native::Engine;
pub use session::Session;

// The crates whose types are handed out.
#[cfg(feature = "native")]
pub use ::bollard;
#[cfg(feature = "oci")]
pub use ::oci_client;

connector_core::register! {
    connector Docker,
    method auth::Password,
    method auth::IdentityToken,
    method auth::Anonymous,
    resource resource::DockerRegistry,
}
