#![doc = include_str!("../README.md")]

// What is said: names of AWS, its policies, its profiles.
pub mod names;
pub mod policy;
pub mod profile;

// What is held and issued.
mod connector;
mod credential;
mod narrowing;
mod session;

// How one authenticates, and what is reached.
pub mod auth;
mod detect;
pub mod resource;
mod surroundings;

// What is made of a credential.
mod agent;
mod native;
mod tool;

// How AWS is talked to.
mod error;
mod whose_key;
mod wire;

#[cfg(test)]
#[cfg_attr(not(feature = "sso"), allow(dead_code, reason = "the login's tests use the rest"))]
mod testing;

pub use connector::Aws;
pub use credential::AwsCredential;
pub use narrowing::Narrowing;
pub use session::Session;

// The SDK crates whose types are handed out.
#[cfg(feature = "s3")]
pub use ::aws_sdk_s3;
#[cfg(feature = "secrets")]
pub use ::aws_sdk_secretsmanager;
pub use ::aws_types;

connector_core::register! {
    connector Aws,
    method auth::Implicit,
    method auth::SecretKey,
    method auth::StsToken,
    method auth::IamRole,
    method auth::SessionToken,
    method auth::FederationToken,
    method auth::WebIdentity,
    #[cfg(feature = "sso")]
    method auth::Sso,
    resource resource::AwsGeneric,
    #[cfg(feature = "s3")]
    resource resource::S3Bucket,
    #[cfg(feature = "eks")]
    resource resource::KubernetesCluster,
    #[cfg(feature = "ecr")]
    resource resource::DockerRegistry,
    #[cfg(feature = "secrets")]
    resource resource::StoredSecret,
}
