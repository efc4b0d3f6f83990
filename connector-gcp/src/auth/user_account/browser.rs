//! Logging in through a browser on this machine, which comes back to a port of it (RFC 8252, with PKCE of RFC 7636).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Call, Error, ErrorKind, Result};

use super::kept::Login;
use super::random;
use crate::file::ClientKind;
use crate::mint::{self, CodeFlow};
use crate::names::{Scope, Service};
use crate::wire;

/// Sends a person to the browser, and waits for what comes back.
///
/// # Errors
/// Nobody is there, a port that is taken, a login that is declined or not finished, an answer to something else.
pub(super) async fn log_in(cx: &Call<'_>, login: &Login<'_>) -> Result<mint::Login> {
    let wanted = wanted_redirect(login)?;
    // Before anything else: without a person, nothing is done.
    cx.tell("Logging in to Google").await.map_err(|error| nobody(cx, error))?;
    let redirect = cx.listen(wanted.port).await.map_err(|error| explained(error, wanted.port))?;
    let redirect_uri = match &wanted.uri {
        Some(uri) => uri.clone(),
        None => format!("http://127.0.0.1:{}", redirect.port()),
    };
    let (state, verifier) = (random()?, random()?);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()));
    let scopes = mint::joined(login.scopes);
    let query = wire::form(&[
        ("response_type", "code"),
        ("client_id", &login.client.client_id),
        ("redirect_uri", &redirect_uri),
        ("scope", &scopes),
        ("state", state.expose()),
        ("access_type", "offline"),
        ("prompt", "consent"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let page = format!("{}/o/oauth2/auth?{}", login.place.url(Service::Accounts), query.expose());
    cx.tell(&format!("Open this page in a browser on this machine, and agree to what it asks:\n{page}"))
        .await?;
    let code = cx.come_back(&*redirect, &state).await?;
    let flow = CodeFlow { code: &code, redirect_uri: &redirect_uri, verifier: &verifier };
    let made = mint::exchange_code(cx, login.place, login.client, flow).await?;
    check_scopes(made.scope.as_deref(), login.scopes)?;
    Ok(made)
}

/// Where the browser is to come back to.
struct Wanted {
    /// `None`: any port that is free.
    port: Option<u16>,
    /// As it was registered, where that has to be met to the letter.
    uri: Option<String>,
}

/// Clients of installed programs may come back to any port; those of web servers to what was registered only.
fn wanted_redirect(login: &Login<'_>) -> Result<Wanted> {
    if login.client.kind == ClientKind::Installed {
        return Ok(Wanted { port: None, uri: None });
    }
    let local = login.client.redirect_uris.iter().find_map(|uri| {
        let rest = uri.strip_prefix("http://localhost").or_else(|| uri.strip_prefix("http://127.0.0.1"))?;
        let (authority, _) = rest.split_once('/').unwrap_or((rest, ""));
        let port = match authority.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            // A host whose name only begins so is another one.
            None => authority.is_empty().then_some(80)?,
        };
        Some((port, uri.clone()))
    });
    match local {
        Some((port, uri)) => Ok(Wanted { port: Some(port), uri: Some(uri) }),
        None => Err(Error::field(
            super::CLIENT,
            "the client is one of a web server, and none of its redirect URIs is of this machine",
        )
        .with_hint(
            "make a client of type Desktop app, or register http://localhost:8085/ as a redirect URI",
        )),
    }
}

/// Refuses a login that is for less than was asked: later calls would fail in places that are hard to tell.
pub(super) fn check_scopes(given: Option<&str>, asked: &[Scope]) -> Result<()> {
    let Some(given) = given else { return Ok(()) };
    let given: Vec<_> = given.split(' ').collect();
    let same = |scope: &str| match scope {
        "email" => Scope::EMAIL.to_owned(),
        "profile" => "https://www.googleapis.com/auth/userinfo.profile".to_owned(),
        other => other.to_owned(),
    };
    let missing: Vec<_> = asked
        .iter()
        .map(|it| same(it.as_str()))
        .filter(|it| !given.iter().any(|given| same(given) == *it))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!("the login does not cover {}", missing.join(", ")))
        .with_hint("log in again and tick every box, or ask for fewer `scopes`"))
}

/// Nobody is there who could log in.
pub(super) fn nobody(cx: &Call<'_>, error: Error) -> Error {
    error.context("there is no login to Google, or it has ended").with_hint(match cx.terms().id.as_str() {
        "" => "register on a terminal to log in".to_owned(),
        _ => format!("run `connector verify {}` on a terminal to log in", cx.terms().name),
    })
}

fn explained(error: Error, port: Option<u16>) -> Error {
    match (error.kind(), port) {
        (ErrorKind::InvalidInput | ErrorKind::Unexpected, Some(port)) => error
            .context(format!("port {port}, to which the browser has to come back, is taken"))
            .with_hint("end what listens there, or use a client of type Desktop app, which takes any port"),
        _ => error,
    }
}
