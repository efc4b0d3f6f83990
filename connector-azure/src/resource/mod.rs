//! What is reached, one file per resource type. The parsed id is the resource.

mod arm;
mod common;

#[cfg(feature = "aks")]
mod cluster_login;
#[cfg(feature = "registry")]
mod registry_login;

mod azure_generic;
mod blob_container;
mod cosmos_db;
#[cfg(feature = "registry")]
mod docker_registry;
#[cfg(feature = "aks")]
mod kubernetes_cluster;
mod secret;

pub use azure_generic::AzureGeneric;
pub use blob_container::BlobContainer;
pub use cosmos_db::CosmosDb;
#[cfg(feature = "registry")]
pub use docker_registry::DockerRegistry;
#[cfg(feature = "aks")]
pub use kubernetes_cluster::KubernetesCluster;
pub use secret::StoredSecret;

pub(crate) use arm::{SIDE_BY_SIDE, resources};

#[cfg(test)]
pub(crate) mod testing;
