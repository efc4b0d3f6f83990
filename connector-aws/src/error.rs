//! What AWS answers when it says no, as our errors: which call, what that means, what to do.
//!
//! Shown are the status, AWS's error code and the request id. AWS's message is looked at, never shown.

use std::time::{Duration, SystemTime};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use connector_core::{Context, Error, ErrorKind};

mod known;

/// How far apart the clocks may be; AWS takes five minutes, so from four on it is worth a word.
const SKEW: Duration = Duration::from_secs(4 * 60);

/// An error of a call to AWS. `call` is its name as in policies, such as `sts:AssumeRole`.
pub(crate) fn from_sdk<E>(cx: &Context, call: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match &error {
        SdkError::TimeoutError(_) => Error::unreachable(format!("{call} took too long"))
            .with_hint("check the network, or try again later"),
        SdkError::DispatchFailure(failure) => {
            match failure.as_connector_error().and_then(|it| core_error(it)) {
                Some(error) => error.clone().context(format!("{call} got no answer")),
                None => Error::unreachable(format!("{call} could not be sent")),
            }
        }
        SdkError::ServiceError(service) => answered(cx, call, service.err(), service.raw()),
        SdkError::ResponseError(response) => not_aws(call, response.raw().status().as_u16()),
        // What is missing or malformed was refused before it was sent. The SDK's words may quote values.
        _ => Error::unexpected(format!("{call} could not be put together")),
    }
}

/// A hint with the connector's name in place of `NAME`, and with what works for one that is not stored yet.
pub(crate) fn hint_for(cx: &Context, hint: &str) -> String {
    let terms = cx.terms();
    let hint = if terms.id.is_empty() { known::before_it_is_stored(hint) } else { hint };
    match terms.name.as_str() {
        "" => hint.to_owned(),
        name => ["explain", "issue", "verify"].into_iter().fold(hint.to_owned(), |hint, command| {
            hint.replace(&format!("`connector {command} NAME"), &format!("`connector {command} {name}"))
        }),
    }
}

/// An answer with status 200 that lacks what it has to hold.
pub(crate) fn incomplete(call: &str) -> Error {
    not_aws(call, 200)
}

fn not_aws(call: &str, status: u16) -> Error {
    Error::unreachable(format!("{call} was answered by something that is not AWS (status {status})"))
        .with_hint("check the endpoint URL, and whether a proxy answers in its place")
}

fn answered(
    cx: &Context,
    call: &str,
    error: &(impl ProvideErrorMetadata + ?Sized),
    raw: &HttpResponse,
) -> Error {
    let status = raw.status().as_u16();
    let Some(code) = error.code().filter(|code| is_code(code)) else {
        return without_code(cx, call, raw);
    };
    let verdict = known::verdict(call, code, error.message().unwrap_or_default(), status);
    let mut out = Error::new(verdict.kind, format!("{call}: {}", verdict.what));
    if verdict.may_be_skew {
        out = blame_clock(cx, call, raw).unwrap_or(out);
    }
    if let Some(hint) = verdict.hint {
        out = out.or_hint(hint_for(cx, hint));
    }
    out.with_cause(trail(code, RequestId::request_id(error.meta()), raw))
}

/// Proxies, `HEAD` and garbage answer without a code of AWS.
fn without_code(cx: &Context, call: &str, raw: &HttpResponse) -> Error {
    let status = raw.status().as_u16();
    let (kind, what) = match status {
        301 | 307 | 308 => (ErrorKind::InvalidInput, "the resource is in another region"),
        401 | 403 => (ErrorKind::Refused, "not allowed"),
        // STS has nothing that could be missing.
        404 if !call.starts_with("sts:") => (ErrorKind::NotFound, "there is no such thing"),
        429 | 503 => (ErrorKind::Unreachable, "AWS asks to slow down"),
        500.. => (ErrorKind::Unreachable, "AWS is in trouble"),
        _ => return not_aws(call, status),
    };
    let error = Error::new(kind, format!("{call}: {what}"));
    let error = if status == 403 { blame_clock(cx, call, raw).unwrap_or(error) } else { error };
    error.with_cause(trail("no code", None, raw))
}

/// Status, code and request id: what AWS's support asks for.
fn trail(code: &str, of_body: Option<&str>, raw: &HttpResponse) -> String {
    let mut trail = format!("AWS answered {code} with status {}", raw.status().as_u16());
    let headers = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];
    let id = headers.iter().find_map(|name| raw.headers().get(name)).or(of_body);
    if let Some(id) = id.filter(|id| is_request_id(id)) {
        trail.push_str(&format!(", request id {id}"));
    }
    trail
}

/// Whether a text of the answer has the form of AWS's error codes, such as `AccessDenied`: words without
/// digits. A secret that is slipped in there has them.
fn is_code(text: &str) -> bool {
    (1..=96).contains(&text.len())
        && text.starts_with(|it: char| it.is_ascii_uppercase())
        && text.bytes().all(|it| it.is_ascii_alphabetic() || matches!(it, b'.' | b':' | b'_'))
}

/// Whether a text of the answer has the form of a request's id: digits, dashes, and letters of one case. Keys and
/// tokens have both.
fn is_request_id(text: &str) -> bool {
    let all =
        |letter: fn(&u8) -> bool| text.bytes().all(|it| it.is_ascii_digit() || it == b'-' || letter(&it));
    (1..=64).contains(&text.len()) && (all(u8::is_ascii_lowercase) || all(u8::is_ascii_uppercase))
}

/// A signature is refused when the clocks are too far apart: then that is the error, not the key.
fn blame_clock(cx: &Context, call: &str, raw: &HttpResponse) -> Option<Error> {
    let theirs = connector_core::parse_http_date(raw.headers().get("date")?)?;
    let (apart, which) = apart(cx.now(), theirs);
    (apart > SKEW).then(|| {
        Error::refused(format!(
            "{call}: the clock of this machine is {} {which} that of AWS",
            connector_core::format_duration(apart)
        ))
        .with_hint("set the clock of this machine, by NTP for example")
    })
}

fn apart(ours: SystemTime, theirs: SystemTime) -> (Duration, &'static str) {
    match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    }
}

/// The error of our own HTTP port, which the SDK carried through.
fn core_error<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<Error>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
