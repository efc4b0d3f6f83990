//! The ways to authenticate, one file per method. The parsed config is the method.

mod common;

mod in_cluster;
mod kubeconfig;
mod password;
mod token;

pub use in_cluster::InCluster;
pub use kubeconfig::{Kubeconfig, KubeconfigText};
pub use password::Password;
pub use token::Token;

pub(crate) use in_cluster::is_in_cluster;

#[cfg(test)]
mod tests;
