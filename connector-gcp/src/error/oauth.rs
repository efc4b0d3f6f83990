//! The errors of endpoints that tokens are asked for at: their codes, each with its meaning and its remedy.

use connector_core::{Context, Error, ErrorKind, Response, format_duration};
use serde::Deserialize;

use super::{garbage, refused, trail};
use crate::wire;

/// The error of an OAuth endpoint: `{"error","error_description"}`.
#[derive(Default, Deserialize)]
struct OauthAnswer {
    error: Option<String>,
    error_description: Option<String>,
    error_subtype: Option<String>,
}

/// The error's code in an answer of an OAuth endpoint.
pub(crate) fn oauth_code(answer: &Response) -> Option<String> {
    serde_json::from_slice::<OauthAnswer>(answer.body()).ok()?.error
}

/// Whose credential a token was asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A service account's key.
    Key,
    /// A person's login.
    Login,
    /// A token of elsewhere.
    Elsewhere,
    /// A token of Google's, which is to be narrowed.
    Token,
}

/// An answer of an OAuth endpoint with another status than success.
pub(crate) fn oauth(cx: &Context, call: &str, asker: Asker, answer: &Response) -> Error {
    let said: OauthAnswer = serde_json::from_slice(answer.body()).unwrap_or_default();
    let code = said
        .error
        .as_deref()
        .filter(|it| it.len() <= 40 && it.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'));
    let description = said.error_description.as_deref().unwrap_or_default();
    let subtype = said.error_subtype.as_deref();
    let (what, hint) = match (code, asker) {
        (Some("invalid_grant"), Asker::Key) => of_key(cx, description, answer),
        (Some("invalid_grant"), _) if subtype == Some("invalid_rapt") || description.contains("reauth") => (
            "the organization asks for a new login from time to time, and this one is due (invalid_rapt)"
                .to_owned(),
            "log in again: gcloud auth application-default login, or register anew; programs use a service account",
        ),
        (Some("invalid_grant"), Asker::Login) => (
            "the login was revoked, or has ended".to_owned(),
            "log in again and update the connector; logins of programs that are being tested end after 7 days",
        ),
        (Some("invalid_grant"), Asker::Elsewhere) => (
            "the token of elsewhere is not taken".to_owned(),
            "it may have ended, be of another issuer or audience, or fail the provider's condition",
        ),
        (Some("invalid_grant" | "invalid_request"), Asker::Token) => (
            "the token is not taken".to_owned(),
            "it may have ended, lack the scope cloud-platform, or be narrowed already",
        ),
        (Some("invalid_client" | "deleted_client"), _) => (
            "the client id or its secret is wrong, or the client was deleted".to_owned(),
            "download the client secrets again from the console",
        ),
        (Some("unauthorized_client"), Asker::Key) => {
            ("the service account may not have these scopes".to_owned(), "check `scopes`")
        }
        (Some("unauthorized_client"), Asker::Elsewhere) => (
            "the provider's attribute condition does not let the token of elsewhere through".to_owned(),
            "compare the condition with the claims of the token, or use a token of who is meant",
        ),
        (Some("unauthorized_client"), _) => (
            "the client may not be used so".to_owned(),
            "use a client of type Desktop app, or TVs for device logins",
        ),
        (Some("invalid_scope"), Asker::Token) => (
            "the token lacks the scope cloud-platform, without which Google narrows none".to_owned(),
            "use a token that has it",
        ),
        (Some("invalid_scope"), _) => ("a scope is not known, or not allowed".to_owned(), "check `scopes`"),
        (Some("invalid_target"), _) => (
            "the pool or its provider is not there, or is disabled".to_owned(),
            "check `audience` in the external account, and the provider's state in the console",
        ),
        (Some("access_denied"), _) => {
            ("the login was declined".to_owned(), "log in again, and agree to what is asked")
        }
        (Some("org_internal"), _) => {
            ("the client is for one organization's accounts only".to_owned(), "log in with an account of it")
        }
        _ if matches!(answer.status(), 429 | 500..) => ("Google is in trouble".to_owned(), "try again later"),
        // An API's shape, where STS passes on what an API says.
        (None, _) if answer.body().starts_with(b"{") => return refused(call, answer),
        (Some(_), _) => ("the request is not taken".to_owned(), "check the connector's config"),
        (None, _) => return garbage(call),
    };
    let kind =
        if matches!(answer.status(), 429 | 500..) { ErrorKind::Unreachable } else { ErrorKind::Refused };
    Error::new(kind, format!("{call}: {what}"))
        .with_hint(hint)
        .with_cause(trail(answer.status(), None, code.filter(|it| CODES.contains(it))))
        .transient(kind == ErrorKind::Unreachable)
}

const CODES: [&str; 11] = [
    "invalid_grant",
    "invalid_client",
    "deleted_client",
    "unauthorized_client",
    "invalid_scope",
    "invalid_target",
    "invalid_request",
    "access_denied",
    "org_internal",
    "unsupported_grant_type",
    "server_error",
];

/// Why a key gets no token. Google tells the reasons in words, which are known.
fn of_key(cx: &Context, description: &str, answer: &Response) -> (String, &'static str) {
    let has = |words: &str| description.contains(words);
    if let Some((apart, ahead)) = wire::skew(cx, answer).filter(|_| has("short-lived") || has("timeframe")) {
        let apart = format_duration(apart);
        let side = if ahead { "ahead of" } else { "behind" };
        return (
            format!("this machine's clock is {apart} {side} Google's"),
            "set the clock (5 minutes are borne)",
        );
    }
    if has("short-lived") || has("timeframe") {
        return (
            "this machine's clock is too far from Google's".to_owned(),
            "set the clock (5 minutes are borne)",
        );
    }
    if has("Invalid JWT Signature") || has("Invalid signature") {
        return (
            "the private key is not, or no longer, one of this service account".to_owned(),
            "the key was deleted, or the file was mixed from two: make a new key and update the connector",
        );
    }
    if has("account not found") || has("Invalid grant: account") {
        return (
            "there is no such service account, or it is disabled".to_owned(),
            "check `client_email`, and the account's state in the console",
        );
    }
    if has("disabled") {
        return (
            "the service account is disabled".to_owned(),
            "enable it: gcloud iam service-accounts enable EMAIL",
        );
    }
    (
        "the service account's key is not taken".to_owned(),
        "check that the account and the key are there and enabled",
    )
}
