#![doc = include_str!("../README.md")]

// What is said: names of Kubernetes, its kubeconfigs.
mod kubeconfig;
pub mod names;

// What is held and issued.
mod connector;
mod credential;
mod session;

// How one authenticates, and what is reached.
pub mod auth;
mod detect;
pub mod resource;

// What is made of a credential.
#[cfg(feature = "native")]
mod native;
mod tool;

// How a server is talked to.
mod api;
mod error;
mod jwt;
mod token_request;
mod verify;

#[cfg(test)]
mod testing;

pub use connector::Kubernetes;
pub use credential::{Certificate, KubernetesCredential, Login, Password, Trust};
pub use kubeconfig::{ContextLogin, CurrentContext, Plugin};
pub use session::Session;

// The crate whose types are handed out.
#[cfg(feature = "native")]
pub use ::kube;

connector_core::register! {
    connector Kubernetes,
    method auth::Token,
    method auth::Password,
    method auth::Kubeconfig,
    method auth::InCluster,
    resource resource::KubernetesCluster,
    credential KubernetesCredential,
}
