//! What Google answers when it says no, as our errors: which call, what that means, what to do.
//!
//! Of an answer, status and known reasons are shown, and nothing else: messages quote what was sent.

use connector_core::{Context, Error, ErrorKind, Response, format_duration};
use serde::Deserialize;
use serde_json::Value;

use crate::names::ProjectId;
use crate::wire;

/// An answer that is none of the service's.
pub(crate) fn garbage(call: &str) -> Error {
    Error::unreachable(format!("{call} was answered by something that is not Google Cloud"))
        .transient(false)
        .with_hint("check the endpoint, and whether a proxy answers in its place")
}

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
fn is_permission(text: &str) -> bool {
    let words: Vec<_> = text.split('.').collect();
    let is_word = |it: &&str| it.starts_with(|it: char| it.is_ascii_lowercase());
    let has_digits = |it: &&str| it.bytes().any(|it| !it.is_ascii_alphabetic());
    text.len() <= 100
        && words.len() == 3
        && words.iter().all(is_word)
        && words[1].bytes().all(|it| it.is_ascii_alphanumeric())
        && ![words[0], words[2]].iter().any(has_digits)
}

/// Status and reason, as far as they are known words.
fn trail(status: u16, canonical: Option<&str>, reason: Option<&str>) -> String {
    let canonical =
        canonical.filter(|it| it.len() <= 40 && it.bytes().all(|it| it.is_ascii_uppercase() || it == b'_'));
    let words: Vec<_> = canonical.into_iter().chain(reason).collect();
    match words.is_empty() {
        true => format!("Google answered with status {status}"),
        false => format!("Google answered {} with status {status}", words.join(" / ")),
    }
}

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

/// Whether a token's scopes do not reach so far.
pub(crate) fn lacks_scope(answer: &Response) -> bool {
    let refusal = serde_json::from_slice::<Answered>(answer.body()).unwrap_or_default().error;
    oauth_code(answer).as_deref() == Some("invalid_scope")
        || matches!(reason(&refusal), Some("ACCESS_TOKEN_SCOPE_INSUFFICIENT" | "insufficientPermissions"))
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

/// A call needs a project, and there is none.
pub(crate) fn no_project() -> Error {
    Error::field("project_id", "missing: neither the config nor the credential names a project")
        .with_hint("update the connector with project_id=PROJECT")
}

/// A resource is of another project.
pub(crate) fn elsewhere(theirs: &str, ours: &ProjectId) -> Error {
    let message = match ProjectId::parse(theirs) {
        Ok(theirs) => format!("the resource is of project {theirs}, the connector is for {ours}"),
        Err(_) => format!("the resource is of another project than the connector, which is for {ours}"),
    };
    Error::field("resource_id", message).with_hint("use a connector of that project")
}

#[cfg(test)]
mod tests;
