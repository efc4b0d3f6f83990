//! The metadata service of Compute Engine, GKE and Cloud Run.

use std::time::Duration;

use connector_core::{Call, Context, Error, Request, Response, Result, Step};
use futures_util::future::join3;
use serde::Deserialize;

use crate::auth::common::{Network, OfFile};
use crate::auth::token::Minted;
use crate::error;
use crate::mint::{Token, is_token};
use crate::names::{Email, ProjectId, Scope, UniverseDomain};
use crate::session::Place;
use crate::surroundings::{metadata_host, named_quota_project};

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
///
/// # Errors
/// What is there and cannot be read: a token that goes to the wrong universe would be taken for another's.
async fn text<T>(cx: &Context, path: &str, parse: fn(String) -> Result<T>) -> Result<Option<T>> {
    let answer =
        ask(cx, path).await.map_err(|error| error.context("the metadata service does not answer"))?;
    match answer.status() {
        200 => {
            let text = String::from_utf8_lossy(answer.body()).trim().to_owned();
            parse(text).map(Some).map_err(|_| error::garbage("metadata"))
        }
        404 => Ok(None),
        status => Err(failed(status)),
    }
}

fn failed(status: u16) -> Error {
    Error::unreachable(format!("the metadata service answers with status {status}"))
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
        status => return Err(failed(status)),
    }
    let given: Answered = serde_json::from_slice(answer.body()).map_err(|_| error::garbage(TOKEN))?;
    if !is_token(&given.access_token) {
        return Err(error::garbage(TOKEN));
    }
    let expiry = cx.expires_in(Duration::from_secs(given.expires_in));
    let of_machine = async {
        match network.project().or(project.as_ref()) {
            Some(_) => Ok(None),
            None => text(cx, "project/project-id", ProjectId::parse).await,
        }
    };
    let universe = text(cx, "universe/universe-domain", UniverseDomain::parse);
    // On some machines this is no address; then nobody is named.
    let email = text(cx, "instance/service-accounts/default/email", Ok);
    let (of_machine, universe, email) = join3(of_machine, universe, email).await;
    let (of_machine, universe) = (of_machine?, universe?);
    let quota = named_quota_project(cx)?;
    let of_file = OfFile {
        project: project.as_ref().or(of_machine.as_ref()),
        quota_project: quota.as_ref(),
        universe: universe.as_ref(),
        ..OfFile::default()
    };
    let account = email?.and_then(|it| Email::parse(it).ok()).map(|it| it.to_string());
    let token = Token { secret: given.access_token, expiry };
    Ok((network.place(cx, &of_file)?, Minted::new(token, account).with_wider(SCOPES_OF_MACHINE)))
}

/// What helps where the machine was set up for less.
const SCOPES_OF_MACHINE: &str = "give the machine the scope: gcloud compute instances set-service-account INSTANCE \
    --scopes cloud-platform";

/// The request for the token.
pub(super) fn explain(scopes: &[Scope]) -> Step {
    Step::new(TOKEN, vec![("scopes".to_owned(), scopes_of(scopes))])
}
