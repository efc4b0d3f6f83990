//! What AWS connectors reach, one file per resource type.
//!
//! A parsed id is checked to the last character, so nothing that a caller wrote reaches a URL or a policy
//! unchecked. What a form says beyond the canonical id (a partition, a region, an account) is compared
//! with the session's before anything is issued.

mod aws_generic;
mod common;
#[cfg(feature = "ecr")]
mod docker_registry;
#[cfg(feature = "ecr")]
mod ecr_login;
#[cfg(feature = "eks")]
mod eks_token;
#[cfg(feature = "eks")]
mod kubernetes_cluster;
#[cfg(feature = "s3")]
mod s3_bucket;
#[cfg(feature = "secrets")]
mod secret;

pub use aws_generic::AwsGeneric;
#[cfg(feature = "ecr")]
pub use docker_registry::{DockerRegistry, Front};
#[cfg(feature = "eks")]
pub use kubernetes_cluster::KubernetesCluster;
#[cfg(feature = "s3")]
pub use s3_bucket::S3Bucket;
#[cfg(feature = "secrets")]
pub use secret::StoredSecret;

#[cfg(all(test, feature = "s3", feature = "eks", feature = "ecr", feature = "secrets"))]
mod partition_tests;
#[cfg(test)]
#[cfg_attr(
    not(all(feature = "s3", feature = "eks", feature = "ecr", feature = "secrets")),
    allow(dead_code, reason = "the tests of what is left out use the rest")
)]
pub(crate) mod testing;
