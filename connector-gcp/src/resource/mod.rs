//! What is reached, one file per resource type. The parsed id is the resource.

mod common;

mod gcp_generic;
mod gcs_bucket;

#[cfg(feature = "registry")]
mod docker_registry;
#[cfg(feature = "gke")]
mod kubernetes_cluster;
mod secret;

#[cfg(feature = "registry")]
pub use docker_registry::DockerRegistry;
pub use gcp_generic::GcpGeneric;
pub use gcs_bucket::GcsBucket;
#[cfg(feature = "gke")]
pub use kubernetes_cluster::KubernetesCluster;
pub use secret::StoredSecret;

#[cfg(test)]
pub(crate) mod testing;
