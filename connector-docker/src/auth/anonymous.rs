//! Method `anonymous`: no login, for what a registry shows everybody.

use connector_core::{
    AuthMethod, Authenticated, CaBundle, Call, Identity, Life, MethodAbout, Problem, Result,
};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::connector::Docker;
use crate::credential::Login;
use crate::names::RegistryHost;
use crate::session::{Session, check_plain_http, session};

/// No login, for what a registry shows everybody.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Anonymous {
    /// The registry's host or URL; `docker.io` when it is not said.
    #[serde(default)]
    #[schemars(extend("default" = "docker.io"))]
    pub registry: RegistryHost,
    /// `true` speaks plain http, which is taken on loopback only; `false` speaks https only. When it is not said,
    /// a registry on loopback is tried with https, and then in clear, as docker does.
    pub plain_http: Option<bool>,
    /// Certificates to trust beside the system's: PEM text, or the absolute path of a file with them.
    pub ca_bundle: Option<CaBundle>,
}

impl Anonymous {
    /// Nobody, at a registry.
    #[must_use]
    pub fn new(registry: RegistryHost) -> Self {
        Self { registry, ..Self::default() }
    }
}

impl AuthMethod for Anonymous {
    const ID: &'static str = "anonymous";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Anonymous",
        "Uses what a registry shows everybody. Docker's helper answers that it has no login, so that docker asks \
         without one.",
        Life::None,
        Identity::Service,
    );
    type Connector = Docker;

    fn check(&self) -> Vec<Problem> {
        check_plain_http(&self.registry, self.plain_http)
    }

    fn scope(&self) -> Option<&str> {
        Some(self.registry.as_str())
    }

    async fn authenticate(&self, cx: &Call<'_>, _: Option<&()>) -> Result<Authenticated<Session>> {
        session(cx, &self.registry, self.plain_http, self.ca_bundle.as_ref(), Login::Anonymous)
    }
}
