//! The names of Google Cloud: projects, accounts, scopes, and the checked texts that configs and ids are made of.
//!
//! Every check is written by hand and reads its input once, so a hostile text of any length is answered
//! at once. No error quotes the text it refuses: some of these stand beside secrets.

mod config;
mod resource;
mod service;

pub use config::{Email, ProjectId, Scope, UniverseDomain};
pub use connector_core::{EndpointUrl, KeyPrefix};
pub use resource::{BucketName, ClusterName, Location, RepositoryName, SecretName};
pub use service::{Endpoints, Service};

#[cfg(test)]
mod tests;
