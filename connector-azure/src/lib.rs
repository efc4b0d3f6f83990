#![doc = include_str!("../README.md")]

// What is said: names of Azure, signatures of its storage.
pub mod names;
pub mod sas;

// What is held and issued.
mod connector;
mod credential;
mod narrowing;
mod session;

// How one authenticates, and what is reached.
pub mod auth;
mod certificate;
mod connection_string;
mod detect;
mod mint;
pub mod resource;
mod surroundings;

// What is made of a credential.
mod agent;
mod native;
mod tool;

// How Azure is talked to.
mod error;
mod storage;
mod wire;

#[cfg(test)]
mod testing;

pub use connector::Azure;
pub use credential::{AzureCredential, Shown};
pub use narrowing::Narrowing;
pub use native::AzureTokens;
pub use session::Session;

// The crates whose types are handed out.
pub use ::azure_core;
#[cfg(feature = "cosmos")]
pub use ::azure_data_cosmos;
#[cfg(feature = "storage")]
pub use ::azure_storage_blob;

connector_core::register! {
    connector Azure,
    method auth::Implicit,
    method auth::ServicePrincipal,
    method auth::WorkloadIdentity,
    method auth::UserAccount,
    method auth::ManagedIdentity,
    method auth::AccessToken,
    method auth::ConnectionString,
    resource resource::AzureGeneric,
    resource resource::BlobContainer,
    resource resource::CosmosDb,
    #[cfg(feature = "registry")] resource resource::DockerRegistry,
    #[cfg(feature = "aks")] resource resource::KubernetesCluster,
    resource resource::StoredSecret,
}
