//! Method `secret-key`: a user's key as it is.

use connector_core::{
    AuthMethod, Authenticated, Call, Expiry, Identity, Life, MethodAbout, Problem, Result, Trust,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessKey, Network};
use super::sts::Sts;
use super::trust;
use crate::connector::Aws;
use crate::narrowing::Narrowing;
use crate::session::Session;

/// A user's key as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SecretKey {
    /// Where calls go.
    #[serde(flatten)]
    pub network: Network,
    /// The key.
    #[serde(flatten)]
    pub key: AccessKey,
}

impl SecretKey {
    /// A key, used as it is.
    #[must_use]
    pub fn new(network: Network, key: AccessKey) -> Self {
        Self { network, key }
    }
}

impl AuthMethod for SecretKey {
    const ID: &'static str = "secret-key";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Secret key",
        "Uses the access key of an IAM user, or of the root user, as it is. Nothing shorter-lived is made of \
         it, so only what is done on the connector's own side (listing, verifying, logging in to a registry, \
         signing for a cluster) works by default.",
        Life::Long,
        Identity::User,
    )
    .warning(
        "issuing aws credentials hands out the long-lived key itself, which needs `--allow long-lived`; prefer \
         iam-role, federation-token or session-token",
    );
    type Connector = Aws;

    fn check(&self) -> Vec<Problem> {
        [self.network.check(), self.key.check_long_lived()].concat()
    }

    fn scope(&self) -> Option<&str> {
        Some(self.network.region.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&Narrowing>) -> Result<Authenticated<Session>> {
        let mut session = Session::new(self.key.keys(), self.network.place(cx)?);
        session.long_lived = true;
        let expiry = Expiry::Never("a user's access key lives until somebody deactivates it".into());
        Ok(Authenticated::new(session, expiry).not_narrowed("a user's access key cannot be narrowed"))
    }

    async fn trust(&self, cx: &Call<'_>) -> Result<Option<Trust>> {
        let place = self.network.place(cx)?;
        let caller = Sts::new(cx, &place, Some(&self.key.keys())).caller().await?;
        Ok(Some(trust::of_caller(&caller)))
    }
}
