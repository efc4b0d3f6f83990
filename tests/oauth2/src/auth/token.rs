//! Method `token`: an access token that was made elsewhere.

use std::time::SystemTime;

use connector_core::{
    AuthMethod, Authenticated, Call, Expiry, Identity, Life, MethodAbout, Problem, Result, Secret, Timestamp,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::common::is_token;
use crate::{Level, OAuth2, Session};

/// An access token that somebody else got.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Token {
    /// The access token.
    pub access_token: Secret,
    /// When it ends, as RFC 3339 (`2026-11-22T03:36:43Z`).
    pub expires_at: Timestamp,
}

impl AuthMethod for Token {
    const ID: &'static str = "token";
    const ABOUT: MethodAbout = MethodAbout::new(
        "Access token",
        "Passes on an access token that was made elsewhere. It ends when it ends; then the connector issues nothing \
         until it is updated.",
        Life::Short,
        Identity::User,
    )
    .temporary()
    .warning("hands on everything that the token may do, and cannot renew it");
    type Connector = OAuth2;

    fn check(&self) -> Vec<Problem> {
        let fits = is_token(self.access_token.expose());
        let problem = Problem::new("access_token", "has characters that no bearer token has");
        if fits { Vec::new() } else { vec![problem] }
    }

    fn expires_at(&self) -> Option<SystemTime> {
        Some(self.expires_at.0)
    }

    async fn authenticate(&self, _: &Call<'_>, _: Option<&Level>) -> Result<Authenticated<Session>> {
        let ends = Expiry::At(self.expires_at.0);
        let session = Session { token: self.access_token.clone(), scope: None, ends: ends.clone() };
        Ok(Authenticated::new(session, ends).not_narrowed("a token that exists already cannot be narrowed"))
    }
}
