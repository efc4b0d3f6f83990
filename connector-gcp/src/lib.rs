#![doc = include_str!("../README.md")]

// What is said: names of Google Cloud, its access boundaries, its credential files.
pub mod boundary;
pub mod file;
pub mod names;

// What is held and issued.
mod connector;
mod credential;
mod narrowing;
mod session;

// How one authenticates, and what is reached.
pub mod auth;
mod detect;
mod mint;
pub mod resource;
mod surroundings;

// What is made of a credential.
mod agent;
mod native;
mod tool;

// How Google is talked to.
mod error;
mod wire;

#[cfg(test)]
mod testing;

pub use connector::Gcp;
pub use credential::GcpCredential;
pub use narrowing::Narrowing;
pub use session::Session;

// The crates whose types are handed out.
pub use ::google_cloud_auth;
#[cfg(feature = "storage")]
pub use ::google_cloud_storage;

connector_core::register! {
    connector Gcp,
    method auth::Implicit,
    method auth::UserAccount,
    method auth::ServiceAccount,
    method auth::ExternalAccount,
    method auth::Oauth2Token,
    method auth::Impersonation,
    resource resource::GcpGeneric,
    resource resource::GcsBucket,
    #[cfg(feature = "gke")]
    resource resource::KubernetesCluster,
    #[cfg(feature = "registry")]
    resource resource::DockerRegistry,
    resource resource::StoredSecret,
}
