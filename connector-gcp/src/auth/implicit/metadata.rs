//! The metadata service of Compute Engine, GKE and Cloud Run.

use std::time::Duration;

use connector_core::{Call, Context, Error, Request, Response, Result, Step};
use serde::Deserialize;

use crate::auth::common::{Network, OfFile};
use crate::auth::minting::Minted;
use crate::error;
use crate::mint::{Token, is_token};
use crate::names::{Email, ProjectId, Scope, UniverseDomain};
use crate::session::Place;
use crate::surroundings::metadata_host;

/// Metadata is near, or not there.
const LIMIT: Duration = Duration::from_secs(2);
const TOKEN: &str = "metadata:token";

#[derive(Deserialize)]
struct Answered {
    access_token: connector_core::Secret,
    expires_in: u64,
}

fn url(cx: &Context, path: &str) -> String {
    format!("http://{}/computeMetadata/v1/{path}", metadata_host(cx))
}

async fn ask(cx: &Context, path: &str) -> Result<Response> {
    let request = Request::get(url(cx, path))
        .with_header("metadata-flavor", "Google")
        .with_timeout(LIMIT)
        .to_metadata();
    let answer = cx.send(request).await?;
    // Whoever answers without this is something else at that address.
    if answer.header("metadata-flavor") != Some("Google") {
        return Err(Error::unreachable("what answers is not Google's metadata service").transient(false));
    }
    Ok(answer)
}

/// Whether there is such a service here.
pub(crate) async fn answers(cx: &Context) -> bool {
    ask(cx, "instance/service-accounts/default/email").await.is_ok_and(|answer| answer.is_success())
}

/// A text, where there is one.
async fn text(cx: &Context, path: &str) -> Option<String> {
    let answer = ask(cx, path).await.ok().filter(Response::is_success)?;
    String::from_utf8(answer.body().to_vec()).ok().map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
}

fn scopes_of(scopes: &[Scope]) -> String {
    scopes.iter().map(Scope::as_str).collect::<Vec<_>>().join(",")
}

/// A token of the machine's service account.
pub(super) async fn token(
    cx: &Call<'_>,
    network: &Network,
    project: Option<ProjectId>,
    scopes: &[Scope],
) -> Result<(Place, Minted)> {
    let query =
        form_urlencoded::Serializer::new(String::new()).append_pair("scopes", &scopes_of(scopes)).finish();
    let answer = ask(cx, &format!("instance/service-accounts/default/token?{query}")).await;
    let answer = answer.map_err(|error| match error.is_transient() {
        // Nobody is there: this machine has no identity.
        true => Error::not_configured(
            "this machine has no identity: no credential file, and no metadata service answers",
        )
        .with_cause(error.message())
        .with_hint(
            "set GOOGLE_APPLICATION_CREDENTIALS, or log in with gcloud auth application-default login",
        ),
        false => error,
    })?;
    match answer.status() {
        200 => {}
        404 => {
            return Err(Error::refused("this machine has no service account").with_hint("attach one to it"));
        }
        status => {
            return Err(Error::unreachable(format!("the metadata service answers with status {status}")));
        }
    }
    let given: Answered = serde_json::from_slice(answer.body()).map_err(|_| error::garbage(TOKEN))?;
    if !is_token(&given.access_token) {
        return Err(error::garbage(TOKEN));
    }
    let expiry = cx.expires_in(Duration::from_secs(given.expires_in));
    let project = match project {
        Some(project) => Some(project),
        None if network.project().is_some() => None,
        None => text(cx, "project/project-id").await.and_then(|it| ProjectId::parse(it).ok()),
    };
    let universe = text(cx, "universe/universe-domain").await.and_then(|it| UniverseDomain::parse(it).ok());
    let email = text(cx, "instance/service-accounts/default/email").await;
    let email = email.and_then(|it| Email::parse(it).ok()).map(|it| it.to_string());
    let of_file = OfFile { project: project.as_ref(), quota_project: None, universe: universe.as_ref() };
    let token = Token { secret: given.access_token, expiry };
    Ok((network.place(cx, of_file)?, Minted { token, account: email }))
}

/// The request for the token.
pub(super) fn explain(scopes: &[Scope]) -> Step {
    Step::new(TOKEN, vec![("scopes".to_owned(), scopes_of(scopes))])
}
