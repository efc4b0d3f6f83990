//! Tokens of the identity that a machine of Azure's has. Which protocol is spoken, the machine's variables tell.
//!
//! A token is kept by the machine's endpoint and given to all who ask until shortly before its end, so that its life is
//! what its end leaves of it.

mod app_service;
mod arc;
mod endpoint;
mod imds;

use std::time::{Duration, SystemTime};

use connector_core::{Call, Error, Expiry, Request, Response, Result, Secret, Step};
use serde::Deserialize;
use serde_json::Value;

use super::{Token, is_token};
use crate::error;
use crate::names::{Audience, ClientId, IdentityId};
use crate::session::Place;
use crate::wire;

pub(crate) use endpoint::{Endpoint, is_own};

/// How long one answer may take: the endpoint is on this machine, or beside it.
const LIMIT: Duration = Duration::from_secs(2);

/// Which of the machine's identities is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Chosen {
    /// Its own, or the only one that it was given.
    #[default]
    Own,
    /// The one with this client id.
    Client(ClientId),
    /// The one with this id in Resource Manager.
    Resource(IdentityId),
}

impl Chosen {
    /// The parameter that says so; `resource` is the name that the protocol has for the last one.
    fn parameter<'a>(&'a self, resource: &'static str) -> Option<(&'static str, &'a str)> {
        match self {
            Self::Own => None,
            Self::Client(id) => Some(("client_id", id.as_str())),
            Self::Resource(id) => Some((resource, id.as_str())),
        }
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no such endpoint: this is no machine of Azure's.
    Absent(Error),
    /// The endpoint is there, and the machine has no identity of its own.
    Nobody(Error),
    /// Anything else.
    Other(Error),
}

impl Failure {
    /// For who named the machine's identity: all of it is in the way.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Absent(error) | Self::Nobody(error) | Self::Other(error) => error,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// A token for a service.
///
/// # Errors
/// No endpoint, no identity, and what the endpoint refuses.
pub(crate) async fn token(
    cx: &Call<'_>,
    place: &Place,
    endpoint: &Endpoint,
    chosen: &Chosen,
    audience: &Audience,
) -> Result<Token, Failure> {
    match endpoint {
        Endpoint::Imds { url, sure } => imds::token(cx, place, url, *sure, chosen, audience).await,
        Endpoint::AppService { url, header } => {
            app_service::token(cx, place, url, header, chosen, audience).await
        }
        Endpoint::Arc { url } => arc::token(cx, url, chosen, audience).await,
    }
}

/// A request to an endpoint of this machine, which is not waited for long.
fn local(url: &str, fields: &[(&str, &str)]) -> Request {
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}{}", wire::form(fields).expose());
    Request::get(url).with_header("metadata", "true").with_timeout(LIMIT)
}

/// An answer that may be another one a moment later. 404 and 410 are told while the endpoint is being renewed.
fn may_pass(outcome: &Result<Response>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status(), 404 | 410 | 429 | 500..),
        Err(error) => error.is_transient(),
    }
}

/// What all of these endpoints answer. Some write numbers as text.
#[derive(Deserialize)]
struct Given {
    access_token: Option<Secret>,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_on: Value,
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Reads a token and its end: the earlier one, where the answer tells it in two ways.
fn read(cx: &Call<'_>, call: &'static str, answer: &Response) -> Result<Token> {
    let given: Given = wire::json(call, answer)?;
    let secret = given.access_token.filter(is_token).ok_or_else(|| error::garbage(call))?;
    let left = number(&given.expires_in).map(|it| cx.expires_in(Duration::from_secs(it)));
    let end = number(&given.expires_on);
    let end = end.and_then(|it| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(it)));
    let end = end.map(|end| match answer.date() {
        Some(theirs) => cx.expires_at(end, theirs),
        None => Expiry::At(end),
    });
    let expiry = match (left, end) {
        (Some(left), Some(end)) => left.min(end),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => return Err(error::garbage(call)),
    };
    Ok(Token { secret, expiry })
}

/// An answer that is no token, in the words of all of these endpoints.
fn refused(cx: &Call<'_>, call: &'static str, chosen: &Chosen, answer: &Response) -> Failure {
    let body = wire::value(answer);
    let said = body["error_description"].as_str().or_else(|| body["message"].as_str()).unwrap_or_default();
    let said = said.to_ascii_lowercase();
    let trail = format!("it answered with status {}", answer.status());
    if said.contains("multiple user assigned") {
        return Failure::Other(
            Error::refused(format!("{call}: this machine has several identities, and none of its own"))
                .with_hint("set `client_id`, or `identity_resource_id`, to the one that is meant"),
        );
    }
    if said.contains("identity not found") || said.contains("managed identity found for") {
        return match chosen {
            Chosen::Own => Failure::Nobody(
                Error::refused(format!("{call}: this machine has no identity"))
                    .with_hint("assign one: az vm identity assign --name VM --resource-group GROUP; for an App Service az \
                         webapp identity assign")
                    .with_cause(trail),
            ),
            Chosen::Client(_) | Chosen::Resource(_) => Failure::Other(
                Error::refused(format!("{call}: this machine has no such identity"))
                    .with_hint("check which identities are assigned to it; for its own leave `client_id` and \
                         `identity_resource_id` out, and unset AZURE_CLIENT_ID")
                    .with_cause(trail),
            ),
        };
    }
    match answer.status() {
        404 | 410 | 429 | 500.. => Failure::Other(
            Error::unreachable(format!(
                "{call}: the machine's identity endpoint is in trouble, or asks to slow down"
            ))
            .with_hint("try again later")
            .with_cause(trail),
        ),
        // Entra ID's own words, handed on.
        _ if said.starts_with("aadsts") => Failure::Other(error::oauth(cx, call, answer)),
        300..=399 => Failure::Other(error::garbage(call).with_cause(trail)),
        _ if !body["error"].is_string() && !body["message"].is_string() => {
            Failure::Other(error::garbage(call).with_cause(trail))
        }
        _ => Failure::Other(
            Error::refused(format!("{call}: the machine's identity endpoint does not take the request"))
                .with_hint("check the service that is asked for, and the cloud")
                .with_cause(trail),
        ),
    }
}

/// The request for a token, without sending it.
pub(crate) fn explain(chosen: &Chosen, audience: &Audience) -> Step {
    let mut parameters = vec![("resource".to_owned(), audience.as_str().to_owned())];
    let chosen = chosen.parameter("msi_res_id");
    parameters.extend(chosen.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Step::new("identity:token", parameters)
}
