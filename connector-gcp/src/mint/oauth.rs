//! OAuth: tokens for keys, for logins, and for codes that a person was given.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use connector_core::{Call, Error, Result, Secret};
use serde::Deserialize;
use serde_json::json;

use super::{Granted, Token, endpoint, jwt};
use crate::error::{self, Asker};
use crate::file::{AuthorizedUser, ClientSecrets, ExternalUser, ServiceAccountKey, UserFile};
use crate::names::{Scope, Service};
use crate::session::Place;
use crate::wire;

/// The token endpoint's name, for errors and for `explain`.
pub(crate) const TOKEN: &str = "oauth2:token";
/// The endpoint that renews logins through a workforce pool.
pub(crate) const RENEW: &str = "sts:oauthtoken";
const DEVICE: &str = "oauth2:device/code";

pub(crate) const KEY_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const OF_DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The scopes as they are sent.
pub(crate) fn joined(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
}

/// A token for a service account's key: one call.
pub(crate) async fn with_key(
    cx: &Call<'_>,
    place: &Place,
    key: &ServiceAccountKey,
    scopes: &[Scope],
) -> Result<Token> {
    let assertion = jwt::assertion(cx, key, &joined(scopes))?;
    let url = endpoint(place, Service::Oauth, key.token_uri.as_ref().map(|it| it.as_str()), "/token");
    let fields = [("grant_type", KEY_GRANT), ("assertion", assertion.expose())];
    granted(cx, place, &url, &fields, Asker::Key).await?.token(cx, TOKEN)
}

/// A token for a person's login: one call. The scopes are those that the login was made with.
pub(crate) async fn refresh(cx: &Call<'_>, place: &Place, user: &UserFile) -> Result<Token> {
    match user {
        UserFile::Google(user) => renew(cx, place, user).await.into_result(),
        UserFile::Workforce(user) => refresh_workforce(cx, place, user).await,
    }
}

/// What came of renewing a login.
pub(crate) enum Renewal {
    Token(Token),
    /// The login is over: only a new one helps.
    Over(Error),
    /// It may be good, and something else went wrong.
    Failed(Error),
}

impl Renewal {
    pub(crate) fn into_result(self) -> Result<Token> {
        match self {
            Self::Token(token) => Ok(token),
            Self::Over(error) | Self::Failed(error) => Err(error),
        }
    }
}

/// A token for a login with a Google account, or whether the login is over.
pub(crate) async fn renew(cx: &Call<'_>, place: &Place, user: &AuthorizedUser) -> Renewal {
    let url = endpoint(place, Service::Oauth, user.token_uri.as_ref().map(|it| it.as_str()), "/token");
    let fields = [
        ("grant_type", "refresh_token"),
        ("client_id", &*user.client_id),
        ("client_secret", user.client_secret.expose()),
        ("refresh_token", user.refresh_token.expose()),
    ];
    let answer = match wire::post_form(cx, place, &url, &fields, None).await {
        Ok(answer) => answer,
        Err(error) => return Renewal::Failed(error.context("the token endpoint does not answer")),
    };
    let is_over = error::oauth_code(&answer).as_deref() == Some("invalid_grant");
    match read(cx, TOKEN, &answer, Asker::Login).and_then(|granted| granted.token(cx, TOKEN)) {
        Ok(token) => Renewal::Token(token),
        Err(error) if is_over => Renewal::Over(error),
        Err(error) => Renewal::Failed(error),
    }
}

async fn refresh_workforce(cx: &Call<'_>, place: &Place, user: &ExternalUser) -> Result<Token> {
    let url = endpoint(place, Service::Sts, Some(user.token_url.as_str()), "/v1/oauthtoken");
    let kept = kept(cx, &url, user).await?;
    let refresh_token = kept.as_ref().unwrap_or(&user.refresh_token);
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.expose())];
    let authorization = super::sts::basic(&user.client_id, &user.client_secret);
    let answer = wire::post_form(cx, place, &url, &fields, Some(&authorization)).await;
    let answer = answer.map_err(|error| error.context("the token endpoint does not answer"))?;
    let granted = read(cx, RENEW, &answer, Asker::Login)?;
    if let Some(next) = granted.refresh_token.as_ref().filter(|it| it.expose() != refresh_token.expose()) {
        let of_file = digest_of(&user.refresh_token);
        let json = json!({ "of_file": of_file, "token_url": url, "refresh_token": next.expose() });
        cx.keep(ROTATED, Secret::new(json.to_string())).await?;
    }
    granted.token(cx, RENEW)
}

/// The name under which the refresh token is kept that came in place of a file's.
const ROTATED: &str = "rotated-login";

/// As it is kept, sealed.
#[derive(Deserialize)]
struct Rotated {
    /// Of the token in the file: one that was replaced goes before what was kept for another.
    of_file: String,
    token_url: String,
    refresh_token: Secret,
}

/// The refresh token that came in place of the file's, at this endpoint.
async fn kept(cx: &Call<'_>, url: &str, user: &ExternalUser) -> Result<Option<Secret>> {
    let Some(text) = cx.kept(ROTATED).await? else { return Ok(None) };
    let rotated = serde_json::from_str::<Rotated>(text.expose()).ok();
    let of_file = digest_of(&user.refresh_token);
    let rotated = rotated.filter(|it| it.of_file == of_file && it.token_url == url);
    Ok(rotated.map(|it| it.refresh_token))
}

fn digest_of(secret: &Secret) -> String {
    STANDARD.encode(digest(&SHA256, secret.expose().as_bytes()))
}

/// What a code of the browser is exchanged for.
pub(crate) struct CodeFlow<'a> {
    pub(crate) code: &'a Secret,
    pub(crate) redirect_uri: &'a str,
    pub(crate) verifier: &'a Secret,
}

/// The login that a code stands for.
pub(crate) async fn exchange_code(
    cx: &Call<'_>,
    place: &Place,
    client: &ClientSecrets,
    flow: CodeFlow<'_>,
) -> Result<Login> {
    let url = endpoint(place, Service::Oauth, None, "/token");
    let fields = [
        ("grant_type", "authorization_code"),
        ("client_id", &*client.client_id),
        ("client_secret", client.client_secret.expose()),
        ("code", flow.code.expose()),
        ("redirect_uri", flow.redirect_uri),
        ("code_verifier", flow.verifier.expose()),
    ];
    // A code is good for one try: sent again after an answer that was lost, it would be taken for a stolen one.
    let answer = wire::post_form_once(cx, place, &url, &fields).await;
    let answer = answer
        .map_err(|error| error.context("the token endpoint does not answer").with_hint("log in again"))?;
    Login::of(read(cx, TOKEN, &answer, Asker::Login)?)
}

/// What a login gave that is kept.
pub(crate) struct Login {
    pub(crate) refresh_token: Secret,
    pub(crate) scope: Option<String>,
}

impl Login {
    fn of(granted: Granted) -> Result<Self> {
        match granted.refresh_token {
            Some(refresh_token) => Ok(Self { refresh_token, scope: granted.scope }),
            None => Err(Error::refused("the login gave nothing that lasts: Google sent no refresh token").with_hint(
                "take the program's access back at https://myaccount.google.com/permissions, and log in again",
            )),
        }
    }
}

/// What a person is to type where.
#[derive(Deserialize)]
pub(crate) struct DeviceCode {
    pub(crate) device_code: Secret,
    pub(crate) user_code: String,
    #[serde(alias = "verification_uri")]
    pub(crate) verification_url: String,
    pub(crate) expires_in: u64,
    #[serde(default)]
    pub(crate) interval: u64,
}

/// Begins a login on another device.
pub(crate) async fn start_device(
    cx: &Call<'_>,
    place: &Place,
    client: &ClientSecrets,
    scopes: &[Scope],
) -> Result<DeviceCode> {
    let url = endpoint(place, Service::Oauth, None, "/device/code");
    let scopes = joined(scopes);
    let fields = [("client_id", &*client.client_id), ("scope", &*scopes)];
    let answer = wire::post_form(cx, place, &url, &fields, None).await;
    let answer = answer.map_err(|error| error.context("the device endpoint does not answer"))?;
    if !answer.is_success() {
        return Err(error::oauth(cx, DEVICE, Asker::Login, &answer));
    }
    let code: DeviceCode = wire::json(DEVICE, &answer)?;
    let shown =
        |text: &str| !text.is_empty() && text.len() <= 512 && text.bytes().all(|it| it.is_ascii_graphic());
    if shown(&code.user_code) && shown(&code.verification_url) {
        Ok(code)
    } else {
        Err(error::garbage(DEVICE))
    }
}

/// What came of asking whether a code was typed.
pub(crate) enum Polled {
    Done(Login),
    Pending,
    SlowDown,
    Over,
}

/// Asks whether the code was typed.
pub(crate) async fn poll_device(
    cx: &Call<'_>,
    place: &Place,
    client: &ClientSecrets,
    code: &DeviceCode,
) -> Result<Polled> {
    let url = endpoint(place, Service::Oauth, None, "/token");
    let fields = [
        ("grant_type", OF_DEVICE),
        ("client_id", &*client.client_id),
        ("client_secret", client.client_secret.expose()),
        ("device_code", code.device_code.expose()),
    ];
    let answer = wire::post_form(cx, place, &url, &fields, None).await;
    let answer = answer.map_err(|error| error.context("the token endpoint does not answer"))?;
    if answer.is_success() {
        return Login::of(read(cx, TOKEN, &answer, Asker::Login)?).map(Polled::Done);
    }
    Ok(match error::oauth_code(&answer).as_deref() {
        Some("authorization_pending") => Polled::Pending,
        Some("slow_down") => Polled::SlowDown,
        Some("expired_token") => Polled::Over,
        _ => return Err(error::oauth(cx, TOKEN, Asker::Login, &answer)),
    })
}

/// How often is asked, unless Google says.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);

async fn granted(
    cx: &Call<'_>,
    place: &Place,
    url: &str,
    fields: &[(&str, &str)],
    asker: Asker,
) -> Result<Granted> {
    let answer = wire::post_form(cx, place, url, fields, None).await;
    read(cx, TOKEN, &answer.map_err(|error| error.context("the token endpoint does not answer"))?, asker)
}

fn read(cx: &Call<'_>, call: &str, answer: &connector_core::Response, asker: Asker) -> Result<Granted> {
    if answer.is_success() { wire::json(call, answer) } else { Err(error::oauth(cx, call, asker, answer)) }
}
