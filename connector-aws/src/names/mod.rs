//! The names of AWS: partitions, regions, ARNs, and the checked texts that configs are made of.
//!
//! Every check is written by hand and reads its input once, so a hostile text of any length is answered
//! at once. No error quotes the text it refuses: some of these stand beside secrets.

mod arn;
mod checked;
mod config;
mod partition;
mod resource;

pub use arn::Arn;
pub use config::{
    AccountId, ExternalId, MfaSerial, PolicyArn, Region, RoleArn, RoleArns, SessionName, SourceIdentity,
};
pub use connector_core::{EndpointUrl, KeyPrefix};
pub use partition::Partition;
pub use resource::{BucketName, ClusterName, RepositoryName, SecretName};

#[cfg(test)]
mod hostile_tests;
