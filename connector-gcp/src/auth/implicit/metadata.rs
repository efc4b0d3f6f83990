//! The metadata service of Compute Engine, GKE and Cloud Run.

use std::time::Duration;

use connector_core::{Call, Context, Error, Patience, Request, Response, Result, Step};
use futures_util::future::join3;
use serde::Deserialize;

use crate::auth::common::{Network, OfFile};
use crate::auth::token::Minted;
use crate::error;
use crate::mint::{Token, is_token};
use crate::names::{Email, ProjectId, Scope, UniverseDomain};
use crate::session::Place;
use crate::surroundings::{metadata_host, named_quota_project};

/// How long is waited for a service that may not be there.
const A_LOOK: Duration = Duration::from_secs(2);
/// How long is waited for one that is needed: it is near, and sometimes slow.
const LIMIT: Duration = Duration::from_secs(5);
const TOKEN: &str = "metadata:token";

#[derive(Deserialize)]
struct Answered {
    access_token: connector_core::Secret,
    expires_in: u64,
}

fn url(cx: &Context, path: &str) -> String {
    format!("http://{}/computeMetadata/v1/{path}", metadata_host(cx))
}

/// Asks once or, where the service is there and in trouble, some times more.
async fn ask(
    cx: &Context,
    path: &str,
    limit: Duration,
    passing: fn(&Result<Response>) -> bool,
) -> Result<Response> {
    let request = Request::get(url(cx, path)).with_header("metadata-flavor", "Google").to_metadata();
    let cx = cx.with_call_limit(limit.min(cx.call_limit()));
    let answer = cx.send_patiently(request, Patience::default().with_passing(passing)).await?;
    // Whoever answers without this is something else at that address.
    if answer.header("metadata-flavor") != Some("Google") {
        return Err(Error::unreachable("what answers is not Google's metadata service").transient(false));
    }
    Ok(answer)
}

/// Whether there is such a service here.
pub(crate) async fn answers(cx: &Context) -> bool {
    let answer = ask(cx, "instance/service-accounts/default/email", A_LOOK, |_| false).await;
    answer.is_ok_and(|answer| answer.is_success())
}

/// A text, where there is one.
///
/// # Errors
/// What is there and cannot be read: a token that goes to the wrong universe would be taken for another's.
async fn text<T>(cx: &Context, path: &str, parse: fn(String) -> Result<T>) -> Result<Option<T>> {
    let answer = ask(cx, path, LIMIT, in_trouble).await;
    let answer = answer.map_err(|error| error.context("the metadata service does not answer"))?;
    match answer.status() {
        200 => {
            let text = String::from_utf8_lossy(answer.body()).trim().to_owned();
            parse(text).map(Some).map_err(|_| error::garbage("metadata"))
        }
        404 => Ok(None),
        status => Err(failed(status)),
    }
}

/// An answer that may be another a moment later. No answer is none of them: most machines have no such service.
fn in_trouble(outcome: &Result<Response>) -> bool {
    outcome.is_ok() && Patience::may_pass(outcome)
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
    let began = cx.now();
    let answer =
        ask(cx, &format!("instance/service-accounts/default/token?{query}"), LIMIT, in_trouble).await;
    let was_slow = cx.now().duration_since(began).unwrap_or_default() >= LIMIT.min(cx.call_limit());
    let answer = answer.map_err(|error| match error.is_transient() {
        true if was_slow => {
            error.context("the metadata service does not answer in time").with_hint("try again later")
        }
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
