//! Logins of people, and tokens for them (protocol: Microsoft identity platform, device authorization grant, authorization
//! code with PKCE, refresh tokens).
//!
//! A refresh token is good for every service, and each answer brings the next one.

use std::time::Duration;

use connector_core::{Call, Error, Result, Secret, Step};
use serde::Deserialize;

use super::oauth::{Granted, TOKEN, token_url};
use super::{Token, is_token};
use crate::error;
use crate::names::{Audience, ClientId, Service, TenantId};
use crate::session::Place;
use crate::wire;

const DEVICE: &str = "entra:devicecode";
const OF_DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// How often is asked, unless Entra ID says.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

/// The program that a person logs in to, and the directory.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    pub(crate) tenant: TenantId,
}

/// What is asked for: a token for one service, and what renews it.
fn scope(audience: &Audience) -> String {
    format!("{} offline_access", audience.scope())
}

/// What came of a login, or of renewing one.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) token: Token,
    /// What the next token is asked for with.
    pub(crate) refresh_token: Option<Secret>,
}

impl Made {
    fn of(cx: &Call<'_>, mut granted: Granted) -> Result<Self> {
        let refresh_token = granted.refresh_token.take().filter(is_token);
        Ok(Self { token: granted.token(cx)?, refresh_token })
    }
}

/// What came of renewing a login.
#[derive(Debug)]
pub(crate) enum Renewal {
    Made(Made),
    /// The login is over, or not enough for this: the person has to log in.
    Over(Error),
    /// Anything else: the login may be good.
    Failed(Error),
}

/// A token for a login.
pub(crate) async fn renew(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    refresh_token: &Secret,
    audience: &Audience,
) -> Renewal {
    let scope = scope(audience);
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("scope", &scope),
        ("refresh_token", refresh_token.expose()),
    ];
    let answer = wire::post_form(cx, place, &token_url(place, &client.tenant), &fields).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            return Renewal::Failed(error.context("the token endpoint of Entra ID does not answer"));
        }
    };
    if answer.is_success() {
        let made = wire::json(TOKEN, &answer).and_then(|granted| Made::of(cx, granted));
        return made.map_or_else(Renewal::Failed, Renewal::Made);
    }
    let error = error::oauth(cx, TOKEN, &answer);
    let over = ["invalid_grant", "interaction_required", "login_required", "consent_required"];
    match error::oauth_word(&answer) {
        Some(word) if answer.status() < 429 && over.contains(&word.as_str()) => Renewal::Over(error),
        _ => Renewal::Failed(error),
    }
}

/// The request of [`renew`], without sending it.
pub(crate) fn explain(client: &Client, audience: &Audience) -> Step {
    let scope = scope(audience);
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", client.id.as_str()),
        ("scope", &scope),
        ("refresh_token", "[HIDDEN]"),
    ];
    Step::new(TOKEN, fields.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
}

/// What a person is to type where.
#[derive(Deserialize)]
pub(crate) struct DeviceCode {
    device_code: Secret,
    pub(crate) user_code: String,
    pub(crate) verification_uri: String,
    pub(crate) expires_in: u64,
    #[serde(default)]
    pub(crate) interval: u64,
}

/// Begins a login on another device.
pub(crate) async fn start_device(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    audience: &Audience,
) -> Result<DeviceCode> {
    let url = format!("{}/{}/oauth2/v2.0/devicecode", place.url(Service::Authority), client.tenant);
    let scope = scope(audience);
    let fields = [("client_id", client.id.as_str()), ("scope", &*scope)];
    let answer = wire::post_form(cx, place, &url, &fields).await;
    let answer = answer.map_err(|error| error.context("the device endpoint of Entra ID does not answer"))?;
    if !answer.is_success() {
        return Err(error::oauth(cx, DEVICE, &answer));
    }
    let code: DeviceCode = wire::json(DEVICE, &answer)?;
    let shown =
        |text: &str| !text.is_empty() && text.len() <= 512 && text.bytes().all(|it| it.is_ascii_graphic());
    // A person is sent there: nowhere without encryption.
    match shown(&code.user_code)
        && shown(&code.verification_uri)
        && code.verification_uri.starts_with("https://")
    {
        true => Ok(code),
        false => Err(error::garbage(DEVICE)),
    }
}

/// What came of asking whether a code was typed.
pub(crate) enum Polled {
    Done(Made),
    Pending,
    SlowDown,
    Over,
}

/// Asks whether the code was typed, once: where the answer to a login is lost, the code is spent.
pub(crate) async fn poll_device(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    code: &DeviceCode,
) -> Result<Polled> {
    let fields = [
        ("grant_type", OF_DEVICE),
        ("client_id", client.id.as_str()),
        ("device_code", code.device_code.expose()),
    ];
    let answer = match wire::post_form_once(cx, place, &token_url(place, &client.tenant), &fields).await {
        Ok(answer) if matches!(answer.status(), 429 | 500..) => return Ok(Polled::SlowDown),
        Ok(answer) => answer,
        Err(error) if error.is_transient() => return Ok(Polled::SlowDown),
        Err(error) => return Err(error.context("the token endpoint of Entra ID does not answer")),
    };
    if answer.is_success() {
        let granted: Granted = wire::json(TOKEN, &answer)?;
        return Made::of(cx, granted).map(Polled::Done);
    }
    match error::oauth_word(&answer).as_deref() {
        Some("authorization_pending") => Ok(Polled::Pending),
        Some("slow_down") => Ok(Polled::SlowDown),
        Some("expired_token" | "code_expired") => Ok(Polled::Over),
        Some("authorization_declined" | "access_denied") => {
            Err(Error::refused("the login was declined")
                .with_hint("log in again, and agree to what is asked"))
        }
        Some("bad_verification_code") => {
            Err(Error::refused(format!("{TOKEN}: the code of the login is not known"))
                .with_hint("log in again; does something else stand in for Entra ID at the authority?"))
        }
        _ => Err(error::oauth(cx, TOKEN, &answer)),
    }
}

/// Where a browser is sent to log in.
pub(crate) struct CodeFlow<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a Secret,
}

/// The page on which a person logs in.
pub(crate) fn page(
    place: &Place,
    client: &Client,
    audience: &Audience,
    redirect_uri: &str,
    challenge: &str,
    state: &Secret,
) -> String {
    let scope = scope(audience);
    let query = wire::form(&[
        ("client_id", client.id.as_str()),
        ("response_type", "code"),
        ("redirect_uri", redirect_uri),
        ("scope", &scope),
        ("state", state.expose()),
        ("code_challenge", challenge),
        ("code_challenge_method", "S256"),
        ("prompt", "select_account"),
    ]);
    format!("{}/{}/oauth2/v2.0/authorize?{}", place.url(Service::Authority), client.tenant, query.expose())
}

/// The login that a code stands for.
pub(crate) async fn exchange_code(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    audience: &Audience,
    code: &Secret,
    flow: CodeFlow<'_>,
) -> Result<Made> {
    let scope = scope(audience);
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", client.id.as_str()),
        ("scope", &scope),
        ("code", code.expose()),
        ("redirect_uri", flow.redirect_uri),
        ("code_verifier", flow.verifier.expose()),
    ];
    // A code is good for one try: sent again after an answer that was lost, it would be taken for a stolen one.
    let answer = wire::post_form_once(cx, place, &token_url(place, &client.tenant), &fields).await;
    let answer = answer.map_err(|error| {
        error.context("the token endpoint of Entra ID does not answer").with_hint("log in again")
    })?;
    if !answer.is_success() {
        return Err(error::oauth(cx, TOKEN, &answer));
    }
    Made::of(cx, wire::json(TOKEN, &answer)?)
}
