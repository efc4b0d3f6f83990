//! The errors of Google's APIs: the reasons that people meet, each with its meaning and its remedy.

use connector_core::{Error, ErrorKind, Response};
use serde::Deserialize;
use serde_json::Value;

use super::trail;

/// The error of a Google API: `{"error":{"code","status","message","details":[…]}}`.
#[derive(Default, Deserialize)]
struct Answered {
    error: Refusal,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    status: Option<String>,
    details: Vec<Value>,
    /// The shape of older services, such as Storage.
    errors: Vec<Value>,
}

/// An answer of an API with another status than success.
pub(crate) fn refused(call: &str, answer: &Response) -> Error {
    let refusal = serde_json::from_slice::<Answered>(answer.body()).unwrap_or_default().error;
    let reason = reason(&refusal);
    let (kind, what, hint) = told(call, answer.status(), &refusal, reason);
    let error = Error::new(kind, what)
        .with_cause(trail(answer.status(), refusal.status.as_deref(), reason))
        .transient(slow_down(answer.status(), reason) || answer.status() >= 500);
    match hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn told(
    call: &str,
    status: u16,
    refusal: &Refusal,
    reason: Option<&str>,
) -> (ErrorKind, String, Option<String>) {
    let owned = |text: &str| Some(text.to_owned());
    match (status, reason) {
        (_, Some("SERVICE_DISABLED" | "accessNotConfigured")) => {
            let service = metadata(refusal, "service").filter(|it| is_service(it));
            let service = service.unwrap_or("the service");
            (
                ErrorKind::Refused,
                format!("{call}: {service} is not switched on in the project"),
                Some(format!("switch it on: gcloud services enable {service}")),
            )
        }
        (_, Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT" | "insufficientPermissions")) => (
            ErrorKind::Refused,
            format!("{call}: the token's scopes do not reach so far"),
            owned("add https://www.googleapis.com/auth/cloud-platform to `scopes`, or log in again with it"),
        ),
        (_, Some("BILLING_DISABLED")) => (
            ErrorKind::Refused,
            format!("{call}: the project has no billing account"),
            owned("link one in the console under Billing"),
        ),
        (_, Some("USER_PROJECT_DENIED")) => (
            ErrorKind::Refused,
            format!("{call}: the project that calls are counted for does not let this account use it"),
            owned(
                "let it: grant roles/serviceusage.serviceUsageConsumer there, or set another `quota_project_id`",
            ),
        ),
        (_, Some("VPC_SERVICE_CONTROLS" | "SECURITY_POLICY_VIOLATED")) => (
            ErrorKind::Refused,
            format!("{call}: the organization's service perimeter does not let this call through"),
            owned("call from inside the perimeter, or ask its owner for an access level"),
        ),
        (status, reason) if slow_down(status, reason) => {
            (ErrorKind::Unreachable, format!("{call}: Google asks to slow down"), owned("try again later"))
        }
        (401, _) => (
            ErrorKind::Refused,
            format!("{call}: the token is not taken"),
            owned(
                "it may have ended or been revoked: verify the connector, and log in again where a person does",
            ),
        ),
        (403, _) => match metadata(refusal, "permission").filter(|it| is_permission(it)) {
            Some(permission) => (
                ErrorKind::Refused,
                format!("{call}: the account lacks {permission}"),
                Some(format!("grant a role that holds {permission}")),
            ),
            None => (
                ErrorKind::Refused,
                format!("{call} is not allowed to this account"),
                owned("grant it a role that allows the call; new grants take some minutes"),
            ),
        },
        (404, _) => (ErrorKind::NotFound, format!("{call}: there is no such thing"), None),
        (500.., _) => {
            (ErrorKind::Unreachable, format!("{call}: Google is in trouble"), owned("try again later"))
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

/// Whether less has to be asked for a while; older services say so with status 403.
fn slow_down(status: u16, reason: Option<&str>) -> bool {
    status == 429
        || matches!(reason, Some("RATE_LIMIT_EXCEEDED" | "rateLimitExceeded" | "userRateLimitExceeded"))
}

/// Whether an answer is about the project that a call is counted for.
pub(crate) fn is_of_consumer(answer: &Response) -> bool {
    let refusal = serde_json::from_slice::<Answered>(answer.body()).unwrap_or_default().error;
    matches!(reason(&refusal), Some("SERVICE_DISABLED" | "accessNotConfigured" | "USER_PROJECT_DENIED"))
}

/// Whether an answer says that the token's scopes do not reach so far.
pub(super) fn lacks_scope(answer: &Response) -> bool {
    let refusal = serde_json::from_slice::<Answered>(answer.body()).unwrap_or_default().error;
    matches!(reason(&refusal), Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT" | "insufficientPermissions"))
}

/// Whether an error says that a right is missing, and nothing more telling.
pub(crate) fn is_plain_denial(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused && error.hint().is_some_and(|it| it.starts_with("grant "))
}

/// Whether an answer says that the account has no right to what it asked, and nothing more telling.
pub(crate) fn is_denied(answer: &Response) -> bool {
    let refusal = serde_json::from_slice::<Answered>(answer.body()).unwrap_or_default().error;
    answer.status() == 403 && matches!(reason(&refusal), None | Some("IAM_PERMISSION_DENIED" | "forbidden"))
}

/// The reason, where it is one of those that Google has.
fn reason(refusal: &Refusal) -> Option<&'static str> {
    let reasons = refusal.details.iter().chain(&refusal.errors).filter_map(|it| it.get("reason")?.as_str());
    let mut known = reasons.filter_map(|given| REASONS.into_iter().find(|known| *known == given));
    known.next()
}

const REASONS: [&str; 16] = [
    "SERVICE_DISABLED",
    "accessNotConfigured",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "insufficientPermissions",
    "BILLING_DISABLED",
    "USER_PROJECT_DENIED",
    "VPC_SERVICE_CONTROLS",
    "SECURITY_POLICY_VIOLATED",
    "IAM_PERMISSION_DENIED",
    "ACCESS_TOKEN_EXPIRED",
    "CREDENTIALS_MISSING",
    "ACCOUNT_STATE_INVALID",
    "RATE_LIMIT_EXCEEDED",
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "forbidden",
];

fn metadata<'a>(refusal: &'a Refusal, name: &str) -> Option<&'a str> {
    refusal.details.iter().find_map(|it| it.get("metadata")?.get(name)?.as_str())
}

/// `storage.googleapis.com`; what else stands there may be anything, and is not shown.
fn is_service(text: &str) -> bool {
    text.len() <= 100
        && text.ends_with(".googleapis.com")
        && text.bytes().all(|it| it.is_ascii_lowercase() || matches!(it, b'.' | b'-'))
}

/// `iam.serviceAccounts.getAccessToken`: three words, of which the middle one alone may hold digits. What else stands
/// there may be a part of what was sent, such as a token.
pub(super) fn is_permission(text: &str) -> bool {
    let words: Vec<_> = text.split('.').collect();
    let is_word = |it: &&str| it.starts_with(|it: char| it.is_ascii_lowercase());
    let has_digits = |it: &&str| it.bytes().any(|it| !it.is_ascii_alphabetic());
    text.len() <= 100
        && words.len() == 3
        && words.iter().all(is_word)
        && words[1].bytes().all(|it| it.is_ascii_alphanumeric())
        && ![words[0], words[2]].iter().any(has_digits)
}
