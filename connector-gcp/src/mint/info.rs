//! What Google tells of an access token.

use std::time::Duration;

use connector_core::{Call, Expiry, Result, Secret};
use serde::Deserialize;
use serde_json::Value;

use super::endpoint;
use crate::error::{self, Asker};
use crate::names::{Email, Scope, Service};
use crate::session::Place;
use crate::wire;

const INFO: &str = "oauth2:tokeninfo";

/// What is told of a token.
pub(crate) enum Told {
    Good {
        expiry: Expiry,
        /// Whether it has the scope cloud-platform.
        is_whole: bool,
        account: Option<Email>,
    },
    /// It has ended, was taken back, or is none that Google tells anything of: those of the Security Token Service are
    /// not.
    Unknown,
    /// Nobody is there who tells.
    Nothing,
}

#[derive(Deserialize)]
struct Answered {
    /// A number, or that as text.
    expires_in: Value,
    #[serde(default)]
    scope: String,
    email: Option<String>,
}

/// Asks what Google knows of a token: one call. The token is in the body, because URLs are logged.
///
/// # Errors
/// No answer, and trouble on the other side.
pub(crate) async fn tell(cx: &Call<'_>, place: &Place, token: &Secret) -> Result<Told> {
    let url = endpoint(place, Service::Oauth, None, "/tokeninfo");
    let answer = wire::post_form(cx, place, &url, &[("access_token", token.expose())], None).await;
    let answer = answer.map_err(|error| error.context(format!("{INFO} is not answered")))?;
    if error::oauth_code(&answer).as_deref() == Some("invalid_token") {
        return Ok(Told::Unknown);
    }
    if matches!(answer.status(), 429 | 500..) {
        return Err(error::oauth(cx, INFO, Asker::Token, &answer));
    }
    let told = answer.is_success().then(|| serde_json::from_slice::<Answered>(answer.body()).ok()).flatten();
    let Some(told) = told else { return Ok(Told::Nothing) };
    let seconds = told.expires_in.as_u64().or_else(|| told.expires_in.as_str()?.parse().ok());
    Ok(seconds.map_or(Told::Nothing, |seconds| Told::Good {
        expiry: cx.expires_in(Duration::from_secs(seconds)),
        is_whole: told.scope.split(' ').any(|it| it == Scope::CLOUD_PLATFORM),
        account: told.email.and_then(|it| Email::parse(it).ok()),
    }))
}
