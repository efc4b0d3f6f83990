//! IAM Credentials: tokens of a service account that somebody may stand in for.

use std::time::Duration;

use connector_core::{Call, Error, ErrorKind, Expiry, Result, Secret, format_duration, parse_time};
use serde::Deserialize;
use serde_json::json;

use super::{HOUR, Token, is_token};
use crate::error;
use crate::names::{Email, Scope, Service};
use crate::session::Place;
use crate::wire;

/// The call's name, for errors and for `explain`.
pub(crate) const GENERATE: &str = "iamcredentials:generateAccessToken";

/// Whose token is made, through whom, for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Impersonation<'a> {
    pub(crate) target: &'a Email,
    pub(crate) delegates: &'a [Email],
    pub(crate) scopes: &'a [Scope],
    pub(crate) life: Duration,
    /// Where, if not at the usual place.
    pub(crate) endpoint: Option<&'a str>,
}

impl Impersonation<'_> {
    /// The body of the request.
    pub(crate) fn body(&self) -> serde_json::Value {
        let delegates: Vec<_> =
            self.delegates.iter().map(|it| format!("projects/-/serviceAccounts/{it}")).collect();
        let scopes: Vec<_> = self.scopes.iter().map(Scope::as_str).collect();
        let mut body = json!({ "scope": scopes, "lifetime": format!("{}s", self.life.as_secs()) });
        if !delegates.is_empty() {
            body["delegates"] = json!(delegates);
        }
        body
    }

    fn path(&self) -> String {
        format!("/v1/projects/-/serviceAccounts/{}:generateAccessToken", wire::part(self.target.as_str()))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Generated {
    access_token: Secret,
    expire_time: String,
}

/// A token of another service account: one call.
pub(crate) async fn generate(
    cx: &Call<'_>,
    place: &Place,
    base: &Token,
    wanted: Impersonation<'_>,
) -> Result<Token> {
    let service = Service::IamCredentials;
    let base_url = match (place.endpoint(service), wanted.endpoint) {
        (None, Some(url)) => url.trim_end_matches('/').to_owned(),
        _ => place.url(service),
    };
    let bearer = Secret::new(format!("Bearer {}", base.secret.expose()));
    let request = connector_core::Request::new("POST", format!("{base_url}{}", wanted.path()))
        .with_header("authorization", bearer.expose())
        .with_header("content-type", "application/json")
        .with_body(wanted.body().to_string());
    let answer = wire::send(cx, place, request).await;
    let answer = answer.map_err(|error| error.context(format!("{GENERATE} is not answered")))?;
    if !answer.is_success() {
        let denied = error::is_denied(&answer);
        return Err(explained(error::refused(GENERATE, &answer), denied, wanted));
    }
    let given: Generated = wire::json(GENERATE, &answer)?;
    let end = parse_time(&given.expire_time).map_err(|_| error::garbage(GENERATE))?;
    if !is_token(&given.access_token) {
        return Err(error::garbage(GENERATE));
    }
    let expiry = match answer.date() {
        Some(their_now) => cx.expires_at(end, their_now),
        // Nothing shows the server's clock: then whichever is earlier.
        None => cx.expires_in(wanted.life).min(Expiry::At(end)),
    };
    Ok(Token { secret: given.access_token, expiry })
}

/// Says what the answer means for this request.
fn explained(error: Error, denied: bool, wanted: Impersonation<'_>) -> Error {
    let target = wanted.target;
    match error.kind() {
        ErrorKind::NotFound => error
            .context(format!("there is no service account {target}"))
            .with_hint("check `target_principal`"),
        ErrorKind::Refused if denied => {
            error.context(format!("no token of {target} is given to this account")).with_hint(format!(
                "let it make them: gcloud iam service-accounts add-iam-policy-binding {target} --role \
                 roles/iam.serviceAccountTokenCreator --member MEMBER; with `delegates`, each on the next"
            ))
        }
        // What else is refused has a hint of its own.
        ErrorKind::Refused => error.context(format!("no token of {target} is given to this account")),
        ErrorKind::InvalidInput if wanted.life > HOUR => {
            error.context(format!("{target} gives no tokens of {}", format_duration(wanted.life))).with_hint(
                "ask for 1h at most, or have the organization list the account in \
                 constraints/iam.allowServiceAccountCredentialLifetimeExtension",
            )
        }
        ErrorKind::InvalidInput => error
            .context(format!("no token of {target} as it is asked"))
            .or_hint("check `scopes` and `delegates`"),
        _ => error,
    }
}
