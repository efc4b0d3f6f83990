#![doc = include_str!("../README.md")]

mod credential;
mod tool;

pub use credential::{Certificate, KubernetesCredential, Login, Trust};

connector_core::register!(credential KubernetesCredential);
