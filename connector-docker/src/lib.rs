#![doc = include_str!("../README.md")]

mod credential;
mod tool;

pub use credential::{DockerCredential, Login};

connector_core::register!(credential DockerCredential);
