//! The names of Azure: clouds, services, directories, subscriptions, and the checked texts that configs and ids are
//! made of.
//!
//! Every check is written by hand and reads its input once, so a hostile text of any length is answered at once. No
//! error quotes the text it refuses: some of these stand beside secrets.

mod audience;
mod cloud;
mod config;
mod resource;
mod service;

pub use audience::Audience;
pub use cloud::Cloud;
pub use config::{ClientId, IdentityId, ResourceGroup, StorageAccount, SubscriptionId, TenantId};
pub use connector_core::{EndpointUrl, KeyPrefix};
pub use resource::{ClusterName, ContainerName, CosmosAccount, RegistryName, SecretName, VaultName};
pub use service::{Endpoints, Service};

pub(crate) use config::is_guid;
pub(crate) use service::Endpoint;

#[cfg(test)]
mod tests;
