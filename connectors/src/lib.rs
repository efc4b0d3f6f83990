#![doc = include_str!("../README.md")]

pub mod system;

#[cfg(feature = "agent")]
pub mod agent;
#[cfg(feature = "hub")]
pub mod hub;

pub use connector_core as core;
pub use connector_core::{
    Access, Connector, Context, Document, Envelope, Error, ErrorKind, Expiry, Grant, Registry, Result,
    Secret, Terms,
};
#[cfg(feature = "hub")]
pub use hub::Hub;

// Naming a provider's crate here is what links it, and linking it is what registers it.
#[cfg(feature = "aws")]
pub use connector_aws as aws;
#[cfg(feature = "azure")]
pub use connector_azure as azure;
#[cfg(feature = "docker")]
pub use connector_docker as docker;
#[cfg(feature = "gcp")]
pub use connector_gcp as gcp;
#[cfg(feature = "k8s-any")]
pub use connector_k8s as k8s;

/// The connector types of this family, each with the cargo feature that brings it.
const FEATURES: &[(&str, &str)] =
    &[("aws", "aws"), ("azure", "azure"), ("docker", "docker"), ("gcp", "gcp"), ("kubernetes", "k8s")];

/// Everything that is compiled in; a type of this family that is not is known by name, so that asking for
/// it says which feature brings it.
///
/// # Errors
/// Two different things under one id, which linking two versions of a crate can cause.
pub fn registry() -> Result<Registry> {
    let absent = FEATURES.iter().map(|(id, feature)| {
        (*id, format!("build with the cargo feature `{feature}` of `connectors` (or `connector-cli`)"))
    });
    let absent: Vec<(&str, String)> = absent.collect();
    Ok(Registry::linked()?.with_absent(absent.iter().map(|(id, how)| (*id, how.as_str()))))
}
