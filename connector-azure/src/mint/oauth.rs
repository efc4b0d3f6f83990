//! The token endpoint of Entra ID (protocol: Microsoft identity platform, OAuth 2.0 version 2).

use std::time::Duration;

use connector_core::{Call, Result, Secret};
use serde::Deserialize;

use super::{Signer, Token, is_token};
use crate::error;
use crate::names::{Audience, ClientId, Service, TenantId};
use crate::session::Place;
use crate::wire;

/// The token endpoint's name, for errors and for `explain`.
pub(crate) const TOKEN: &str = "entra:token";

/// What a signed proof is, in OAuth's words.
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Where tokens of a directory are asked for.
pub(crate) fn token_url(place: &Place, tenant: &TenantId) -> String {
    format!("{}/{tenant}/oauth2/v2.0/token", place.url(Service::Authority))
}

/// How an application proves who it is.
pub(crate) enum Proof<'a> {
    /// By a secret that it shares with the directory.
    Secret(&'a Secret),
    /// By a certificate that the directory knows.
    Certificate(&'a Signer),
    /// By a token of elsewhere that the directory trusts.
    Federated(&'a Secret),
}

/// A token of an application: one call.
///
/// # Errors
/// What the directory refuses.
pub(crate) async fn client_credentials(
    cx: &Call<'_>,
    place: &Place,
    tenant: &TenantId,
    client: &ClientId,
    proof: Proof<'_>,
    audience: &Audience,
) -> Result<Token> {
    let url = token_url(place, tenant);
    let scope = audience.scope();
    let mut fields =
        vec![("grant_type", "client_credentials"), ("client_id", client.as_str()), ("scope", &scope)];
    let signed;
    match proof {
        Proof::Secret(secret) => fields.push(("client_secret", secret.expose())),
        Proof::Certificate(signer) => {
            signed = signer.proof(cx, client.as_str(), &url)?;
            fields.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", signed.expose())]);
        }
        Proof::Federated(token) => {
            fields.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", token.expose())]);
        }
    }
    let answer = wire::post_form(cx, place, &url, &fields).await;
    let answer = answer.map_err(|error| error.context("the token endpoint of Entra ID does not answer"))?;
    if !answer.is_success() {
        return Err(error::oauth(cx, TOKEN, &answer));
    }
    wire::json::<Granted>(TOKEN, &answer)?.token(cx)
}

/// The answer of the token endpoint.
#[derive(Deserialize)]
pub(crate) struct Granted {
    access_token: Option<Secret>,
    expires_in: Option<u64>,
    pub(crate) refresh_token: Option<Secret>,
}

impl Granted {
    /// The token and its end, which all of these answers tell.
    pub(crate) fn token(self, cx: &Call<'_>) -> Result<Token> {
        let life = self.expires_in.map(Duration::from_secs).ok_or_else(|| error::garbage(TOKEN))?;
        let secret = self.access_token.filter(is_token).ok_or_else(|| error::garbage(TOKEN))?;
        Ok(Token { secret, expiry: cx.expires_in(life) })
    }
}
