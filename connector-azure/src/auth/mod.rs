//! The ways to authenticate, one file per method. The parsed config is the method.

mod common;

mod access_token;
mod connection_string;
mod implicit;
mod managed_identity;
mod service_principal;
mod user_account;
mod workload_identity;

pub use access_token::AccessToken;
pub use common::Network;
pub use connection_string::{ConnectionString, Text};
pub use connector_core::{CaBundle, Timestamp};
pub use implicit::Implicit;
pub use managed_identity::ManagedIdentity;
pub use service_principal::{Certificate, ServicePrincipal};
pub use user_account::{LoginFlow, UserAccount};
pub use workload_identity::WorkloadIdentity;

pub(crate) use managed_identity::machine_identity;
pub(crate) use user_account::{AZ, az as az_client};

/// Where Azure's machines ask for tokens of their identity (protocol: Azure Instance Metadata Service).
pub(crate) const IMDS: &str = "http://169.254.169.254";

#[cfg(test)]
mod tests;
