//! The names of Kubernetes: servers, clusters, service accounts, and the certificates that go with them.
//!
//! No error quotes the text it refuses: some of these stand beside secrets.

mod certificate;
mod config;
mod server;

pub use certificate::{CertificateText, Certificates};
pub use config::{Audience, ClusterName, Namespace, ServiceAccountName, TlsServerName};
pub use server::ServerUrl;
