//! The ways to authenticate, one file per method. The parsed config is the method.

mod common;

mod service_principal;

pub use common::Network;
pub use connector_core::{CaBundle, Timestamp};
pub use service_principal::{Certificate, ServicePrincipal};

/// Where Azure's machines ask for tokens of their identity (protocol: Azure Instance Metadata Service).
pub(crate) const IMDS: &str = "http://169.254.169.254";

#[cfg(test)]
mod tests;
