//! The login that a connector made itself: kept, renewed, and made anew when it is over.

use connector_core::{Call, Result, Secret};
use serde::{Deserialize, Serialize};

use super::{LoginFlow, browser, device};
use crate::file::{AuthorizedUser, ClientSecrets};
use crate::mint::{self, Renewal, Token};
use crate::names::Scope;
use crate::session::Place;

/// The name under which a login is kept.
const KEPT: &str = "login";

/// A login with one client.
pub(super) struct Login<'a> {
    pub(super) client: &'a ClientSecrets,
    pub(super) place: &'a Place,
    pub(super) scopes: &'a [Scope],
    pub(super) flow: LoginFlow,
}

/// As it is kept, sealed.
#[derive(Deserialize)]
struct Kept {
    client_id: String,
    /// The endpoint that made it: no other one is given it.
    token_url: String,
    refresh_token: Secret,
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct ToKeep<'a> {
    client_id: &'a str,
    token_url: &'a str,
    refresh_token: &'a str,
    scopes: Vec<&'a str>,
}

impl Login<'_> {
    /// A token: of the login that was kept, else of a new one, for which a person has to be there.
    pub(super) async fn token(&self, cx: &Call<'_>) -> Result<Token> {
        let mut over = None;
        if let Some(kept) = self.kept(cx).await? {
            match mint::renew(cx, self.place, &self.user(kept)).await {
                Renewal::Token(token) => return Ok(token),
                Renewal::Over(error) => over = Some(error),
                Renewal::Failed(error) => return Err(error),
            }
        }
        let made = match self.flow {
            LoginFlow::Browser => browser::log_in(cx, self).await,
            LoginFlow::Device => device::log_in(cx, self).await,
        };
        let made = made.map_err(|error| match over {
            // What ended the old login is told too.
            Some(over) => error.with_cause(over.message()),
            None => error,
        })?;
        let scopes = self.scopes.iter().map(Scope::as_str).collect();
        let to_keep = ToKeep {
            client_id: &self.client.client_id,
            token_url: &mint::token_url(self.place),
            refresh_token: made.refresh_token.expose(),
            scopes,
        };
        let json = serde_json::to_string(&to_keep).map(Secret::new);
        let json = json.map_err(|_| connector_core::Error::unexpected("a login has no JSON form"))?;
        cx.keep_login(KEPT, json).await?;
        // A person took their time: lives count from here.
        let cx = &Call::new(cx, cx.duration());
        mint::renew(cx, self.place, &self.user(made.refresh_token)).await.into_result()
    }

    /// The login that was kept for this client, this endpoint and these scopes.
    async fn kept(&self, cx: &Call<'_>) -> Result<Option<Secret>> {
        let Some(text) = cx.kept(KEPT).await? else { return Ok(None) };
        let kept = serde_json::from_str::<Kept>(text.expose()).ok();
        let scopes = self.scopes.iter().map(Scope::as_str);
        let kept = kept.filter(|it| {
            it.client_id == self.client.client_id
                && it.token_url == mint::token_url(self.place)
                && it.scopes.iter().eq(scopes)
        });
        Ok(kept.map(|it| it.refresh_token))
    }

    fn user(&self, refresh_token: Secret) -> AuthorizedUser {
        AuthorizedUser {
            client_id: self.client.client_id.clone(),
            client_secret: self.client.client_secret.clone(),
            refresh_token,
            account: None,
            quota_project: None,
            token_uri: None,
            universe: None,
        }
    }
}
