//! What is reached: one cluster.

mod kubernetes_cluster;

pub use kubernetes_cluster::KubernetesCluster;
