//! What Azure answers when it says no, as our errors: which call, what that means, what to do.
//!
//! Of an answer, status and known codes are shown, and nothing else: messages quote what was sent.

mod aadsts;

use std::time::Duration;

use connector_core::{Context, Error, ErrorKind, Response, format_duration};
use serde_json::Value;

use crate::names::Audience;
use crate::wire;

/// An answer that is none of the service's.
pub(crate) fn garbage(call: &str) -> Error {
    Error::unreachable(format!("{call} was answered by something that is not Azure"))
        .transient(false)
        .with_hint("check the endpoint and the cloud, and whether a proxy answers in its place")
}

/// A token is for one service, and another one is needed.
pub(crate) fn other_audience(ours: &Audience, wanted: &Audience) -> Error {
    Error::refused(format!("the token is for {ours}, and this needs one for {wanted}"))
        .with_hint("Entra ID gives a token for one service each: use a method that asks for them, or a token for that one")
}

/// A connection string is of one service, and another one is needed.
pub(crate) fn other_connection_string(wanted: &str) -> Error {
    Error::refused(format!("the connector holds a connection string, and it is not one of {wanted}"))
        .with_hint(format!("use a connector with a connection string of {wanted}, or a method of Entra ID"))
}

/// A connection string gives no token.
pub(crate) fn no_tokens(wanted: &Audience) -> Error {
    Error::refused(format!("the connector holds a connection string, and this needs a token for {wanted}"))
        .with_hint("use a method of Entra ID, such as service-principal")
}

/// The error of an API: `{"error":{"code","message"}}`, or `code` at the top, or in a header where the body is XML.
fn code_of(answer: &Response) -> Option<String> {
    let body = wire::value(answer);
    let inner = &body["error"];
    let inner = if inner.is_object() { inner } else { &body };
    let of_body = inner["code"].as_str().map(str::to_owned);
    let of_errors = body["errors"][0]["code"].as_str().map(str::to_owned);
    let of_header = answer.header("x-ms-error-code").map(str::to_owned);
    of_header.or(of_body).or(of_errors).filter(|it| is_code(it))
}

/// A code as Azure's services have them: one word. What else stands there may be anything, and is not shown.
fn is_code(text: &str) -> bool {
    (2..=60).contains(&text.len())
        && text.bytes().all(|it| it.is_ascii_alphabetic() || it == b'_')
        && text.starts_with(|it: char| it.is_ascii_uppercase())
}

/// The inner code of a refusal, of those that tell what is missing where the outer one does not.
pub(crate) fn inner_code(answer: &Response) -> Option<&'static str> {
    let body = wire::value(answer);
    let said = body["error"]["innererror"]["code"].as_str()?;
    INNER.into_iter().find(|it| *it == said)
}

const INNER: [&str; 6] = [
    "AccessDenied",
    "ForbiddenByConnection",
    "ForbiddenByFirewall",
    "ForbiddenByPolicy",
    "ForbiddenByRbac",
    "SecretDisabled",
];

/// Whether an answer says no with this code.
pub(crate) fn has_code(answer: &Response, code: &str) -> bool {
    code_of(answer).as_deref() == Some(code)
}

/// An answer of an API with another status than success.
pub(crate) fn refused(cx: &Context, call: &str, answer: &Response) -> Error {
    let code = code_of(answer);
    let known = code.as_deref().filter(|it| KNOWN.contains(it));
    let (kind, what, hint) = told(cx, call, answer, code.as_deref());
    let error = Error::new(kind, what)
        .with_cause(trail(answer.status(), known))
        .transient(answer.status() == 429 || answer.status() >= 500);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn told(
    cx: &Context,
    call: &str,
    answer: &Response,
    code: Option<&str>,
) -> (ErrorKind, String, Option<String>) {
    let owned = |text: &str| Some(text.to_owned());
    match (answer.status(), code) {
        (429, _) | (_, Some("TooManyRequests" | "SubscriptionRequestsThrottled" | "ServerBusy")) => {
            (ErrorKind::Unreachable, format!("{call}: Azure asks to slow down"), owned("try again later"))
        }
        (_, Some("InvalidAuthenticationTokenTenant")) => (
            ErrorKind::Refused,
            format!("{call}: the subscription is of another directory than the token"),
            owned("set `tenant_id` to the directory of the subscription: az account list shows it"),
        ),
        (_, Some("InvalidAuthenticationTokenAudience")) => (
            ErrorKind::Refused,
            format!("{call}: the token is for another service"),
            owned("use a token for Resource Manager, or a method that asks for the right one itself"),
        ),
        (_, Some("SubscriptionNotFound")) => (
            ErrorKind::NotFound,
            format!("{call}: there is no such subscription, or the identity may see nothing in it"),
            owned("check `subscription_id`, and grant the identity the role Reader there"),
        ),
        (_, Some("ResourceGroupNotFound")) => (
            ErrorKind::NotFound,
            format!("{call}: there is no such resource group"),
            owned("check `resource_group`"),
        ),
        (_, Some("AuthorizationPermissionMismatch")) => (
            ErrorKind::Refused,
            format!("{call}: the identity has no role for the data of the storage account"),
            owned(
                "grant it Storage Blob Data Reader, Contributor or Owner, and Storage Blob Delegator; new grants take \
                 some minutes, and roles such as Owner do not reach the data",
            ),
        ),
        (_, Some("KeyBasedAuthenticationNotPermitted")) => (
            ErrorKind::Refused,
            format!("{call}: the storage account takes no keys, and no signatures that a key made"),
            owned("use a method of Entra ID, such as service-principal"),
        ),
        (403, Some("AuthorizationFailure" | "ForbiddenByFirewall" | "Forbidden" | "DENIED"))
            if is_network(answer) =>
        {
            (
                ErrorKind::Refused,
                format!("{call}: the network rules do not let this machine through"),
                owned("add this machine's address or network to the firewall of the account"),
            )
        }
        (401 | 403, Some("AuthenticationFailed" | "RequestExpired")) if wire::skew(cx, answer).is_some() => {
            (ErrorKind::Refused, format!("{call}: {}", skewed(cx, answer)), owned("set the clock"))
        }
        (401, _)
        | (_, Some("AuthenticationFailed" | "InvalidAuthenticationToken" | "ExpiredAuthenticationToken")) => {
            (
                ErrorKind::Refused,
                format!("{call}: the token is not taken"),
                owned("it may have ended or been revoked, or be of another directory: verify the connector"),
            )
        }
        (403, _) => (
            ErrorKind::Refused,
            format!("{call} is not allowed to this identity"),
            owned("grant it a role that allows the call; new grants take some minutes"),
        ),
        (404, _) => (ErrorKind::NotFound, format!("{call}: there is no such thing"), None),
        (500.., _) => {
            (ErrorKind::Unreachable, format!("{call}: Azure is in trouble"), owned("try again later"))
        }
        (400 | 409 | 412, _) => {
            (ErrorKind::InvalidInput, format!("{call} is not taken as it is asked"), None)
        }
        (300..=399, _) => (
            ErrorKind::Unreachable,
            format!("{call} is answered with a way to elsewhere, which is not gone"),
            owned("check the endpoint"),
        ),
        _ => (ErrorKind::Unreachable, format!("{call} was not understood"), owned("check the endpoint")),
    }
}

/// Whether a refusal is about where the call came from. Some services have one code for that and for roles.
pub(crate) fn is_network(answer: &Response) -> bool {
    matches!(inner_code(answer), Some("ForbiddenByFirewall" | "ForbiddenByConnection"))
        || has_code(answer, "AuthorizationFailure")
}

/// The codes that are shown beside a status.
const KNOWN: [&str; 22] = [
    "AuthorizationFailed",
    "AuthorizationFailure",
    "AuthorizationPermissionMismatch",
    "AuthenticationFailed",
    "BlobNotFound",
    "ContainerNotFound",
    "ExpiredAuthenticationToken",
    "Forbidden",
    "ForbiddenByFirewall",
    "InvalidApiVersionParameter",
    "InvalidAuthenticationToken",
    "InvalidAuthenticationTokenAudience",
    "InvalidAuthenticationTokenTenant",
    "KeyBasedAuthenticationNotPermitted",
    "LinkedAuthorizationFailed",
    "ResourceGroupNotFound",
    "ResourceNotFound",
    "SecretNotFound",
    "SubscriptionNotFound",
    "SubscriptionRequestsThrottled",
    "TooManyRequests",
    "Unauthorized",
];

/// Status and code, as far as they are known words.
fn trail(status: u16, code: Option<&str>) -> String {
    match code {
        None => format!("Azure answered with status {status}"),
        Some(code) => format!("Azure answered {code} with status {status}"),
    }
}

/// How far this machine's clock is from a service's, where that is more than the service bears.
pub(crate) fn skewed_by(cx: &Context, answer: &Response, borne: Duration) -> Option<String> {
    let (apart, _) = wire::skew(cx, answer)?;
    (apart > borne).then(|| skewed(cx, answer))
}

fn skewed(cx: &Context, answer: &Response) -> String {
    match wire::skew(cx, answer) {
        Some((apart, ahead)) => {
            let side = if ahead { "ahead of" } else { "behind" };
            format!("this machine's clock is {} {side} Azure's", format_duration(apart))
        }
        None => "this machine's clock is too far from Azure's".to_owned(),
    }
}

/// An answer of Entra ID with another status than success: `{"error","error_description","error_codes":[…]}`.
pub(crate) fn oauth(cx: &Context, call: &str, answer: &Response) -> Error {
    let said = wire::value(answer);
    let word = said["error"].as_str().filter(|it| WORDS.contains(it));
    let numbers = said["error_codes"].as_array().into_iter().flatten().filter_map(Value::as_u64);
    let number =
        numbers.chain(aadsts::in_text(said["error_description"].as_str().unwrap_or_default())).next();
    if matches!(answer.status(), 429 | 500..) {
        return Error::unreachable(format!("{call}: Entra ID is in trouble, or asks to slow down"))
            .with_hint("try again later")
            .with_cause(aadsts::trail(answer.status(), word, number));
    }
    if word.is_none() && number.is_none() {
        return garbage(call);
    }
    let (what, hint) = match number.and_then(aadsts::known) {
        Some((aadsts::CLOCK, _)) if wire::skew(cx, answer).is_some() => {
            (skewed(cx, answer), "set the clock (5 minutes are borne)")
        }
        Some((aadsts::CLOCK, _)) => (
            "the proof is not good now: it has ended, or this machine's clock is wrong".to_owned(),
            "check that whatever writes the token of elsewhere keeps it new, or set the clock (5 minutes are borne)",
        ),
        Some((what, hint)) => (what.to_owned(), hint),
        None => match word {
            Some("invalid_client") => (
                "the application cannot prove who it is".to_owned(),
                "check `client_id` and its secret or certificate",
            ),
            Some("invalid_grant") => {
                ("the login is not, or no longer, taken".to_owned(), "log in again and update the connector")
            }
            Some("interaction_required" | "login_required" | "consent_required") => (
                "the directory wants the person to log in again: for a policy, a second factor or a consent"
                    .to_owned(),
                "log in again, on a terminal",
            ),
            Some("invalid_scope" | "invalid_resource") => {
                ("the service is not known to the directory".to_owned(), "check what the token is asked for")
            }
            Some("unauthorized_client") => (
                "the application may not be used so".to_owned(),
                "check `client_id`, and what the application is set to allow",
            ),
            _ => ("the request is not taken".to_owned(), "check the connector's config"),
        },
    };
    Error::refused(format!("{call}: {what}")).with_hint(hint).with_cause(aadsts::trail(
        answer.status(),
        word,
        number,
    ))
}

/// OAuth's words for a refusal.
const WORDS: [&str; 16] = [
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_resource",
    "invalid_scope",
    "unauthorized_client",
    "unsupported_grant_type",
    "interaction_required",
    "login_required",
    "consent_required",
    "bad_verification_code",
    "access_denied",
    "authorization_pending",
    "authorization_declined",
    "slow_down",
    "expired_token",
];

/// The word of a refusal, for flows that go on after one: `authorization_pending`, say.
pub(crate) fn oauth_word(answer: &Response) -> Option<String> {
    wire::value(answer)["error"].as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests;
