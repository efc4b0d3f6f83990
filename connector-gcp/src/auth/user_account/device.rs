//! Logging in on another device, by a code (RFC 8628).

use std::time::Duration;

use connector_core::{Call, Error, Result};

use super::browser::{check_scopes, nobody};
use super::kept::Login;
use crate::mint::{self, INTERVAL, Polled};
use crate::names::Scope;

pub(super) const TOO_WIDE: &str = "Google gives the scope cloud-platform to no login on another device";
pub(super) const NARROWER: &str = "log in with gcloud on a machine with a browser and use `user_account_json`, or name \
    scopes that Google lets such logins have, such as https://www.googleapis.com/auth/userinfo.email";

/// Whether Google gives such a login none of these scopes; those that are asked for where nobody says are among them.
pub(super) fn is_too_wide(scopes: &[Scope]) -> bool {
    scopes.is_empty() || scopes.iter().any(|it| it.as_str() == Scope::CLOUD_PLATFORM)
}

/// Shows a code to a person, and waits until it was typed on some device.
///
/// # Errors
/// Nobody is there, scopes that such logins do not get, a login that is declined or not finished.
pub(super) async fn log_in(cx: &Call<'_>, login: &Login<'_>) -> Result<mint::Login> {
    if is_too_wide(login.scopes) {
        return Err(Error::field("scopes", TOO_WIDE).with_hint(NARROWER));
    }
    cx.tell("Logging in to Google").await.map_err(|error| nobody(cx, error))?;
    let began = cx.now();
    let code = mint::start_device(cx, login.place, login.client, login.scopes).await?;
    cx.tell(&format!("Open {} on any device and type the code {}", code.verification_url, code.user_code))
        .await?;
    let end = began + Duration::from_secs(code.expires_in.min(3600));
    let mut interval = match code.interval {
        seconds @ 1..=60 => Duration::from_secs(seconds),
        _ => INTERVAL,
    };
    while cx.now() + interval < end {
        cx.clock().sleep(interval).await;
        match mint::poll_device(cx, login.place, login.client, &code).await? {
            Polled::Done(made) => {
                check_scopes(made.scope.as_deref(), login.scopes)?;
                return Ok(made);
            }
            Polled::Pending => {}
            Polled::SlowDown => interval += Duration::from_secs(5),
            Polled::Over => break,
        }
    }
    Err(Error::refused("nobody typed the code in time").with_hint("log in again"))
}
