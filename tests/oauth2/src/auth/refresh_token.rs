//! Method `refresh-token`: a user's token, renewed (RFC 6749 §6).

use std::time::Duration;

use connector_core::{
    AuthMethod, Authenticated, Call, Context, Error, Identity, Life, MethodAbout, Problem, Result, Secret,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::common::{AccessScopes, Client, ClientAuth, NARROWS, Scopes};
use crate::names::{Scope, TokenUrl};
use crate::{Level, OAuth2, Session};

/// A login that is renewed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RefreshToken {
    /// The token endpoint of the authorization server, such as `https://login.example.org/oauth2/token`.
    pub token_url: TokenUrl,
    /// The client's id, as it was registered with the server.
    #[schemars(length(min = 1, max = 512))]
    pub client_id: String,
    /// The client's secret; none for a public client.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// How the client says who it is: `basic`, in a header, or `body`.
    #[serde(default)]
    pub client_auth: ClientAuth,
    /// The refresh token of the login. One that the server gives in its place is kept sealed, beside the config.
    pub refresh_token: Secret,
    /// The scopes to ask for, of those that the user consented to. None asks for all of these.
    #[serde(default)]
    pub scopes: Vec<Scope>,
    /// The scopes that each access level needs, by which credentials are narrowed.
    #[serde(default)]
    pub access_scopes: Option<AccessScopes>,
    /// How many seconds a token lives when the server does not say.
    #[serde(default)]
    #[schemars(range(min = 1, max = 31_536_000))]
    pub assumed_life: Option<u32>,
    /// A refresh token is good for one call: who wants one waits for his turn.
    #[serde(skip)]
    turn: Mutex<()>,
}

/// Under which the newest refresh token is kept.
const KEPT: &str = "refresh-token";

/// The newest refresh token, with the one of the config that it descends from.
#[derive(Deserialize)]
struct Descendant {
    of: Secret,
    newest: Secret,
}

impl RefreshToken {
    fn scopes(&self) -> Scopes<'_> {
        Scopes { all: &self.scopes, by_access: self.access_scopes.as_ref() }
    }

    fn client(&self) -> Client<'_> {
        Client {
            token_url: &self.token_url,
            id: &self.client_id,
            secret: self.client_secret.as_ref(),
            auth: self.client_auth,
            assumed_life: self.assumed_life.map(|it| Duration::from_secs(it.into())),
        }
    }

    /// The newest one. What descends from another login, before the connector was updated, is not it.
    async fn newest(&self, cx: &Context) -> Result<Secret> {
        let Some(kept) = cx.kept(KEPT).await? else { return Ok(self.refresh_token.clone()) };
        let kept: Descendant = serde_json::from_str(kept.expose())
            .map_err(|_| Error::store("what was kept of the login is not what this method keeps"))?;
        let ours = kept.of.expose() == self.refresh_token.expose();
        Ok(if ours { kept.newest } else { self.refresh_token.clone() })
    }

    async fn keep(&self, cx: &Context, newest: &Secret) -> Result<()> {
        let kept = json!({ "of": self.refresh_token.expose(), "newest": newest.expose() });
        cx.keep(KEPT, Secret::new(kept.to_string())).await.map_err(|error| {
            error.context("the server replaced the refresh token, and the new one could not be kept")
        })
    }
}

impl AuthMethod for RefreshToken {
    const ID: &'static str = "refresh-token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Refresh token",
        "Renews a user's login: swaps a refresh token for access tokens. A server that replaces the refresh token \
         each time may end the login when an old one is used again; so each is used once, and the new one is kept \
         before anything else is done.",
        Life::Long,
        Identity::User,
    )
    .temporary()
    .narrows(NARROWS)
    .warning("carries what the user consented to; share the connector with nobody who should not have that");
    type Connector = OAuth2;

    fn check(&self) -> Vec<Problem> {
        self.scopes().check()
    }

    fn narrows(&self) -> Option<&'static str> {
        self.scopes().narrows()
    }

    async fn authenticate(&self, cx: &Call<'_>, level: Option<&Level>) -> Result<Authenticated<Session>> {
        let _turn = self.turn.lock().await;
        let current = self.newest(cx).await?;
        let ask = self.scopes().ask(level);
        let parameters = [("grant_type", "refresh_token"), ("refresh_token", current.expose())];
        let client = self.client();
        let answer = client.grant(cx, &ask, &parameters).await?;
        if let Some(newest) = answer.refresh_token.as_ref().filter(|it| it.expose() != current.expose()) {
            self.keep(cx, newest).await?;
        }
        client.session(cx, ask, answer)
    }
}
