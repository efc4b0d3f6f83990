//! What a server answers when it says no, as our errors: which call, what that means, what to do.
//!
//! Of an answer the status and the reason of a `Status` object are shown, and nothing else.

use connector_core::{Error, ErrorKind, Response};
use serde::Deserialize;

use crate::api::Api;
use crate::credential::Login;

/// No answer: the port names the phase (name, connection, TLS), here it is said whose.
pub(crate) fn unanswered(api: &Api<'_>, call: &str, error: Error) -> Error {
    error.context(format!("cluster `{}` does not answer to {call}", api.cluster.name))
}

/// An answer that is no answer of an API server.
pub(crate) fn garbage(api: &Api<'_>, call: &str, status: u16) -> Error {
    Error::unreachable(format!(
        "{call} was answered by something that is not Kubernetes (status {status}, from {})",
        api.cluster.server
    ))
    .transient(false)
    .with_hint("check `server`, and whether a proxy answers in its place")
}

/// An answer with another status than success.
pub(crate) fn refused(api: &Api<'_>, call: &str, answer: &Response) -> Error {
    let cluster = &api.cluster.name;
    let (kind, what, hint) = match answer.status() {
        401 => {
            let (what, hint) = not_logged_in(api.login);
            (ErrorKind::Refused, format!("cluster `{cluster}` {what}"), Some(hint))
        }
        // A server that passes over the password lets its bearer do what nobody in particular may.
        403 if matches!(api.login, Login::Password(_)) => (
            ErrorKind::Refused,
            format!(
                "cluster `{cluster}` does not allow {call}, most likely because it takes name and password for \
                 nobody's (system:anonymous): Kubernetes dropped basic authentication in version 1.19"
            ),
            Some("use method `token`, or have somebody grant that in the cluster"),
        ),
        403 => (
            ErrorKind::Refused,
            format!("the login is taken by cluster `{cluster}`, and is not allowed to do {call}"),
            Some("have somebody grant that in the cluster, by a role and a binding"),
        ),
        404 => (ErrorKind::NotFound, format!("cluster `{cluster}` has nothing for {call}"), None),
        300..=399 => (
            ErrorKind::Unreachable,
            format!("{} answers {call} with a way to elsewhere, which is not gone", api.cluster.server),
            Some("write the address of the API server itself in `server`"),
        ),
        429 => (
            ErrorKind::Unreachable,
            format!("cluster `{cluster}` asks to slow down"),
            Some("try again later"),
        ),
        500.. => {
            (ErrorKind::Unreachable, format!("cluster `{cluster}` is in trouble"), Some("try again later"))
        }
        400 | 409 | 415 | 422 => (
            ErrorKind::InvalidInput,
            format!("cluster `{cluster}` does not take {call} as it is asked"),
            None,
        ),
        other => return garbage(api, call, other),
    };
    let error =
        Error::new(kind, what).with_cause(trail(answer)).transient(matches!(answer.status(), 429 | 500..));
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

/// A server that passes over a password.
pub(crate) fn no_password(api: &Api<'_>) -> Error {
    let (what, hint) = not_logged_in(api.login);
    Error::refused(format!("cluster `{}` {what}", api.cluster.name)).with_hint(hint)
}

/// Why a login may not be taken.
fn not_logged_in(login: &Login) -> (&'static str, &'static str) {
    match login {
        Login::Token(_) => (
            "does not take the token",
            "it may have ended, be of another cluster, or its service account may be gone: get a new one",
        ),
        Login::Certificate(_) => (
            "does not take the client certificate",
            "it may have ended, or be signed by another cluster's authority: get a new one",
        ),
        Login::Password(_) => (
            "does not take name and password: Kubernetes dropped basic authentication in version 1.19",
            "use method `token`, unless a proxy in front of the cluster is to take the password",
        ),
    }
}

/// Status and reason.
fn trail(answer: &Response) -> String {
    #[derive(Deserialize)]
    struct Status {
        reason: String,
    }
    let status = answer.status();
    let of_body = serde_json::from_slice::<Status>(answer.body()).ok();
    match of_body.filter(|it| REASONS.contains(&&*it.reason)) {
        Some(Status { reason }) => format!("the server answered {reason} with status {status}"),
        None => format!("the server answered with status {status}"),
    }
}

/// The reasons that Kubernetes has. What else stands there may be anything, and is not shown.
const REASONS: [&str; 18] = [
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "AlreadyExists",
    "Conflict",
    "Gone",
    "Invalid",
    "ServerTimeout",
    "Timeout",
    "TooManyRequests",
    "BadRequest",
    "MethodNotAllowed",
    "NotAcceptable",
    "RequestEntityTooLarge",
    "UnsupportedMediaType",
    "InternalError",
    "Expired",
    "ServiceUnavailable",
];
