//! Method `client-credentials`: a service's own token (RFC 6749 §4.4).

use std::time::Duration;

use connector_core::{AuthMethod, Authenticated, Call, Identity, Life, MethodAbout, Problem, Result, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::{AccessScopes, Client, ClientAuth, NARROWS, Scopes};
use crate::names::{Scope, TokenUrl};
use crate::{Level, OAuth2, Session};

/// A client that authenticates as itself.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ClientCredentials {
    /// The token endpoint of the authorization server, such as `https://login.example.org/oauth2/token`.
    pub token_url: TokenUrl,
    /// The client's id, as it was registered with the server.
    #[schemars(length(min = 1, max = 512))]
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
    /// How the client says who it is: `basic`, in a header, or `body`.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// All scopes that may be asked for. None asks for what the server gives by default.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// The scopes that each access level needs, by which credentials are narrowed.
    #[serde(default)]
    pub access_scopes: Option<AccessScopes>,
    /// For whom the token shall be, where the server wants to know.
    #[serde(default)]
    pub audience: Option<String>,
    /// How many seconds a token lives when the server does not say.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub assumed_life: Option<u32>,
}

impl ClientCredentials {
    /// A client that asks for what the server gives by default.
    pub fn new(token_url: TokenUrl, client_id: impl Into<String>, client_secret: impl Into<Secret>) -> Self {
        Self {
            token_url,
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            client_auth: ClientAuth::default(),
            scopes: Vec::new(),
            access_scopes: None,
            audience: None,
            assumed_life: None,
        }
    }

    fn scopes(&self) -> Scopes<'_> {
        Scopes { all: &self.scopes, by_access: self.access_scopes.as_ref() }
    }

    fn client(&self) -> Client<'_> {
        Client {
            token_url: &self.token_url,
            id: &self.client_id,
            secret: Some(&self.client_secret),
            auth: self.client_auth,
            assumed_life: self.assumed_life.map(|it| Duration::from_secs(it.into())),
        }
    }
}

impl AuthMethod for ClientCredentials {
    const ID: &'static str = "client-credentials";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Client credentials",
        "Swaps a client's id and secret for access tokens of the client itself; no user is involved.",
        Life::Long,
        Identity::Service,
    )
    .temporary()
    .narrows(NARROWS);
    type Connector = OAuth2;

    fn check(&self) -> Vec<Problem> {
        self.scopes().check()
    }

    fn narrows(&self) -> Option<&'static str> {
        self.scopes().narrows()
    }

    async fn authenticate(&self, cx: &Call<'_>, level: Option<&Level>) -> Result<Authenticated<Session>> {
        let ask = self.scopes().ask(level);
        let audience = self.audience.as_deref().map(|it| ("audience", it));
        let parameters: Vec<_> = [("grant_type", "client_credentials")].into_iter().chain(audience).collect();
        let client = self.client();
        let answer = client.grant(cx, &ask, &parameters).await?;
        client.session(cx, ask, answer)
    }
}
