//! TokenRequest: a token of a service account, for some time and some audiences.

use std::time::Duration;

use connector_core::{Error, ErrorKind, Expiry, Result, Secret, Step, parse_time};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Answer, Api};
use crate::jwt;
use crate::names::{Audience, Namespace, ServiceAccountName};
use crate::session::{ServiceAccount, is_token};

const CALL: &str = "create serviceaccounts/token";

#[derive(Deserialize)]
struct Answered {
    status: Status,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Secret,
    expiration_timestamp: String,
}

/// Asks for a token. It ends when the server says, counted by the server's clock from before the call.
///
/// # Errors
/// No such service account, not allowed, and what the server does not take.
pub(crate) async fn send(api: &Api<'_>, account: &ServiceAccount) -> Result<(Secret, Expiry)> {
    let ServiceAccount { name, namespace, audiences } = account;
    let asked = api.cx.duration();
    let path = path(name, namespace);
    let Answer { value: Answered { status }, date } =
        api.create(CALL, &path, &body(audiences, asked)).await.map_err(|error| explained(error, account))?;
    let incomplete = || crate::error::garbage(api, CALL, 201);
    let end = parse_time(&status.expiration_timestamp).map_err(|_| incomplete())?;
    if !is_token(status.token.expose()) {
        return Err(incomplete());
    }
    let expiry = match (date, jwt::life(&status.token)) {
        (Some(their_now), _) => api.cx.expires_at(end, their_now),
        (None, Some(life)) => api.cx.expires_in(life),
        // Nothing shows the server's clock: then whichever is earlier.
        (None, None) => asked.map_or(Expiry::At(end), |asked| api.cx.expires_in(asked).min(Expiry::At(end))),
    };
    Ok((status.token, expiry))
}

/// The request, without sending it.
pub(crate) fn explain(
    name: &ServiceAccountName,
    namespace: &Namespace,
    audiences: &[Audience],
    asked: Option<Duration>,
) -> Step {
    let mut parameters = vec![("path".to_owned(), path(name, namespace))];
    if let Some(asked) = asked {
        parameters.push(("spec.expirationSeconds".to_owned(), asked.as_secs().to_string()));
    }
    parameters.extend(audiences.iter().map(|it| ("spec.audiences".to_owned(), it.to_string())));
    Step::new("TokenRequest", parameters)
}

fn path(name: &ServiceAccountName, namespace: &Namespace) -> String {
    format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token")
}

fn body(audiences: &[Audience], asked: Option<Duration>) -> Value {
    let mut spec = json!({});
    if let Some(asked) = asked {
        spec["expirationSeconds"] = asked.as_secs().into();
    }
    if !audiences.is_empty() {
        spec["audiences"] = audiences.iter().map(Audience::as_str).collect();
    }
    json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec })
}

/// Says what the server's answer means for this request.
fn explained(error: Error, account: &ServiceAccount) -> Error {
    let ServiceAccount { name, namespace, .. } = account;
    match error.kind() {
        ErrorKind::NotFound => error
            .context(format!("there is no service account `{name}` in namespace `{namespace}`"))
            .with_hint(format!("create it: kubectl create serviceaccount {name} --namespace {namespace}")),
        ErrorKind::Refused => error.context(format!("no token of service account `{namespace}/{name}`")),
        ErrorKind::InvalidInput => error
            .context(format!("no token of service account `{namespace}/{name}`"))
            .with_hint("check `audiences` and the duration: the server takes 10 minutes at least"),
        _ => error,
    }
}

/// How to grant what is missing.
pub(crate) fn grant_hint(account: &ServiceAccount) -> String {
    let ServiceAccount { name, namespace, .. } = account;
    format!(
        "grant it: kubectl create role issue-{name} --namespace {namespace} --verb create \
         --resource serviceaccounts/token --resource-name {name}, and bind that role to the connector's login"
    )
}
