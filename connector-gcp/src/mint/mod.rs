//! Tokens are made here: what is sent for one, and what comes of it.
//!
//! A life is counted from before the request, as everywhere. Google's access tokens live an hour, whatever is asked;
//! those of impersonated accounts as long as is asked.

mod iam;
mod info;
mod jwt;
mod oauth;
mod sts;

use std::time::Duration;

use connector_core::{Call, Expiry, Secret};
use serde::Deserialize;

use crate::error;
use crate::session::Place;

pub(crate) use iam::{GENERATE, Impersonation, generate};
pub(crate) use info::{Told, tell};
pub(crate) use jwt::bearer;
pub(crate) use oauth::{
    CodeFlow, INTERVAL, KEY_GRANT, Login, Polled, RENEW, Renewal, TOKEN, exchange_code, joined, poll_device,
    refresh, renew, start_device, with_key,
};
pub(crate) use sts::{
    ACCESS_TOKEN, EXCHANGE, EXCHANGE_GRANT, Subject, downscope, exchange, exchange_options,
};

/// What Google's access tokens live.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// A token and its end.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) secret: Secret,
    pub(crate) expiry: Expiry,
}

/// The answer of a token endpoint.
#[derive(Deserialize)]
pub(crate) struct Granted {
    access_token: Option<Secret>,
    expires_in: Option<u64>,
    refresh_token: Option<Secret>,
    scope: Option<String>,
}

impl Granted {
    /// The token and its end, which all of these answers tell.
    fn token(self, cx: &Call<'_>, call: &str) -> connector_core::Result<Token> {
        let life = self.expires_in.map(Duration::from_secs).ok_or_else(|| error::garbage(call))?;
        Ok(Token { secret: self.secret(call)?, expiry: cx.expires_in(life) })
    }

    /// The token alone.
    fn secret(self, call: &str) -> connector_core::Result<Secret> {
        self.access_token.filter(is_token).ok_or_else(|| error::garbage(call))
    }
}

/// Whether it can stand in a header.
pub(crate) fn is_token(secret: &Secret) -> bool {
    let text = secret.expose();
    !text.is_empty() && text.len() <= 16_384 && text.bytes().all(|it| it.is_ascii_graphic())
}

/// The token endpoint for logins that a connector makes.
pub(crate) fn token_url(place: &Place) -> String {
    endpoint(place, crate::names::Service::Oauth, None, "/token")
}

/// Where tokens are asked for: the endpoint that the connector says, else what a file says, else Google's.
fn endpoint(place: &Place, service: crate::names::Service, of_file: Option<&str>, path: &str) -> String {
    match (place.endpoint(service), of_file) {
        (None, Some(url)) => url.to_owned(),
        _ => format!("{}{path}", place.url(service)),
    }
}
