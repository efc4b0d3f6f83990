//! Logging in through a browser on this machine, which comes back to a port of it (RFC 8252, with PKCE of RFC 7636).

use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Call, Error, Redirect, Result, Secret};
use futures_util::future::{Either, select};

use super::nobody;
use crate::mint::person::{self, Client, CodeFlow, Made};
use crate::names::Audience;
use crate::session::Place;

/// How long is waited for the person.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// Sends a person to the browser, and waits for what comes back.
///
/// # Errors
/// Nobody is there, a login that is declined or not finished, an answer to something else.
pub(super) async fn log_in(
    cx: &Call<'_>,
    place: &Place,
    client: &Client,
    audience: &Audience,
) -> Result<Made> {
    // Before anything else: without a person, nothing is done.
    cx.tell("Logging in to Azure").await.map_err(|error| nobody(cx, error))?;
    let redirect = cx.listen(None).await.map_err(|error| error.or_hint("use flow=device"))?;
    // Entra ID takes any port for this name, and no address in its place.
    let redirect_uri = format!("http://localhost:{}", redirect.port());
    let (state, verifier) = (random()?, random()?);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes()));
    let page = person::page(place, client, audience, &redirect_uri, &challenge, &state);
    cx.tell(&format!("Open this page in a browser on this machine, and log in:\n{page}")).await?;
    let code = wait(cx, &*redirect, &state).await?;
    // A person took their time: lives count from here.
    let cx = &Call::new(cx, cx.duration());
    let flow = CodeFlow { redirect_uri: &redirect_uri, verifier: &verifier };
    person::exchange_code(cx, place, client, audience, &code, flow).await
}

/// Waits for the answer to this very login. Any page may send a browser to this port: what answers something else is
/// passed over, and ends nothing.
async fn wait(cx: &Call<'_>, redirect: &dyn Redirect, state: &Secret) -> Result<Secret> {
    let clock = cx.clock();
    let mut over = clock.sleep(PATIENCE);
    let mut was_another = false;
    loop {
        match select(redirect.query(), &mut over).await {
            Either::Left((answer, _)) => match code(&answer?, state) {
                Some(code) => return code,
                None => was_another = true,
            },
            Either::Right(_) => {
                let error = Error::refused("nobody came back from the browser in time")
                    .with_hint("log in again; on a machine without a browser use flow=device");
                return Err(match was_another {
                    true => error.with_cause("what came back answers another login (its state differs)"),
                    false => error,
                });
            }
        }
    }
}

/// The code in what the browser came back with; `None` where that answers another login than this one.
fn code(query: &Secret, state: &Secret) -> Option<Result<Secret>> {
    let field = |name: &str| {
        let found = form_urlencoded::parse(query.expose().as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| Secret::new(value.into_owned())).filter(|it| !it.is_empty())
    };
    // First of all: what is not an answer to this login says nothing about it.
    let theirs = field("state")?;
    verify_slices_are_equal(theirs.expose().as_bytes(), state.expose().as_bytes()).ok()?;
    Some(match (field("code"), field("error")) {
        (Some(code), None) => Ok(code),
        (_, Some(error)) if error.expose() == "access_denied" => {
            Err(Error::refused("the login was declined in the browser")
                .with_hint("log in again, and agree to what is asked"))
        }
        _ => Err(Error::refused("the browser came back without a login")
            .with_hint("log in again, and look at what the page says")),
    })
}

/// Some bytes that nobody can guess, as text for URLs.
fn random() -> Result<Secret> {
    let mut bytes = [0; 48];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::unexpected("the system gives no randomness"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
