//! The ways to authenticate, one file per method. The parsed config is the method.

mod common;
mod finish;
mod subject;
mod token;

mod external_account;
mod impersonation;
mod implicit;
mod oauth2_token;
mod service_account;
mod user_account;

pub use common::{JsonFile, Network};
pub use connector_core::{CaBundle, Timestamp};
pub use external_account::ExternalAccount;
pub use impersonation::Impersonation;
pub use implicit::Implicit;
pub use oauth2_token::Oauth2Token;
pub use service_account::ServiceAccount;
pub use user_account::{LoginFlow, UserAccount};

pub(crate) use implicit::metadata_answers;

#[cfg(test)]
mod tests;
