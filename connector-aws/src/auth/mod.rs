//! The ways to authenticate, one file per method. The parsed config is the method.

mod common;
mod policies;
mod sts;
mod trust;

mod federation_token;
mod iam_role;
mod implicit;
mod secret_key;
mod session_token;
#[cfg(feature = "sso")]
mod sso;
mod sts_token;
mod web_identity;

pub use common::{AccessKey, Network};
pub use connector_core::{CaBundle, Timestamp};
pub use federation_token::FederationToken;
pub use iam_role::IamRole;
pub use implicit::Implicit;
pub use secret_key::SecretKey;
pub use session_token::SessionToken;
#[cfg(feature = "sso")]
pub use sso::Sso;
pub use sts_token::StsToken;
pub use web_identity::WebIdentity;

pub(crate) use implicit::instance_answers;
#[cfg(all(test, feature = "sso"))]
pub(crate) use sso::cache_name;
#[cfg(feature = "sso")]
pub(crate) use sso::{kept_by_aws, text_kept_by_aws};

#[cfg(test)]
mod tests;
