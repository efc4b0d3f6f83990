//! Tokens are made here: what is sent for one, and what comes of it.
//!
//! A life is counted from before the request, as everywhere. Entra ID decides how long a token lives, an hour or a
//! little more; nobody can ask for less.

mod jwt;
pub(crate) mod machine;
mod oauth;
pub(crate) mod person;

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use connector_core::{Call, Expiry, Result, Secret};

use crate::names::Audience;
use crate::session::Place;

pub(crate) use jwt::claims_as;
pub(crate) use jwt::{Claims, Signer, claims};
pub(crate) use oauth::{ASSERTION_TYPE, Proof, TOKEN, client_credentials, token_url};

/// The way to tokens: one per service, each by a call of its own.
#[async_trait]
pub(crate) trait Mint: Send + Sync {
    /// A token for a service.
    async fn token(&self, cx: &Call<'_>, place: &Place, audience: &Audience) -> Result<Token>;
}

/// A token and its end.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) expiry: Expiry,
}

/// What a token must live at least to be used once more: long enough for who it is handed on to.
const LEAST: Duration = Duration::from_secs(5 * 60);

impl Token {
    /// Whether it can be used once more.
    pub(crate) fn is_good(&self, now: SystemTime) -> bool {
        self.expiry.at().is_none_or(|end| end.duration_since(now).is_ok_and(|left| left > LEAST))
    }
}

/// Whether it can stand in a header.
pub(crate) fn is_token(secret: &Secret) -> bool {
    let text = secret.expose();
    !text.is_empty() && text.len() <= 65_536 && text.bytes().all(|it| it.is_ascii_graphic())
}
