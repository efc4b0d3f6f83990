//! Method `identity-token`: the refresh token that a registry's token service gave at a login.

use connector_core::{
    AuthMethod, Authenticated, CaBundle, Call, Identity, Life, MethodAbout, Problem, Result, Secret,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::password::check_secret;
use crate::connector::Docker;
use crate::credential::Login;
use crate::names::RegistryHost;
use crate::session::{Session, check_plain_http, session};

/// The refresh token that a registry's token service gave at a login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct IdentityToken {
    /// The identity token, as docker keeps it under `identitytoken`.
    pub identity_token: Secret,
    /// The registry's host or URL.
    pub registry: RegistryHost,
    /// `true` speaks plain http, which is taken on loopback only; `false` speaks https only. When it is not said,
    /// a registry on loopback is tried with https, and then in clear, as docker does.
    pub plain_http: Option<bool>,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a file with them.
    pub ca_bundle: Option<CaBundle>,
}

impl IdentityToken {
    /// An identity token for a registry.
    pub fn new(identity_token: impl Into<Secret>, registry: RegistryHost) -> Self {
        Self { identity_token: identity_token.into(), registry, plain_http: None, ca_bundle: None }
    }
}

impl AuthMethod for IdentityToken {
    const ID: &'static str = "identity-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Identity token",
        "Logs in with the refresh token that a registry's token service gave at an earlier login. Docker's own \
         helper gets it as it is, and nothing else does, unless the connector allows that.",
        Life::Long,
        Identity::User,
    );
    type Connector = Docker;

    fn check(&self) -> Vec<Problem> {
        let mut problems = check_plain_http(&self.registry, self.plain_http);
        problems.extend(check_secret("identity_token", &self.identity_token));
        problems
    }

    fn scope(&self) -> Option<&str> {
        Some(self.registry.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        let login = Login::IdentityToken(self.identity_token.clone());
        session(cx, &self.registry, self.plain_http, self.ca_bundle.as_ref(), login)
    }
}
