//! Logging in through a browser on this machine, which comes back to a port of it (RFC 8252, with PKCE of RFC 7636).

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connector_core::{Call, Error, Result, Secret};

use super::nobody;
use crate::mint::person::{self, Client, CodeFlow, Made};
use crate::names::Audience;
use crate::session::Place;

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
    let code = cx.come_back(&*redirect, &state).await?;
    // A person took their time: lives count from here.
    let cx = &Call::new(cx, cx.duration());
    let flow = CodeFlow { redirect_uri: &redirect_uri, verifier: &verifier };
    person::exchange_code(cx, place, client, audience, &code, flow).await
}

/// Some bytes that nobody can guess, as text for URLs.
fn random() -> Result<Secret> {
    let mut bytes = [0; 48];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| Error::unexpected("the system gives no randomness"))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}
