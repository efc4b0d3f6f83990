//! What Google answers when it says no, as our errors: which call, what that means, what to do.
//!
//! Of an answer, status and known reasons are shown, and nothing else: messages quote what was sent.

mod api;
mod oauth;

use connector_core::{Error, Response};

use crate::names::ProjectId;

pub(crate) use api::{is_denied, is_of_consumer, is_plain_denial, refused};
pub(crate) use oauth::{Asker, oauth, oauth_code};

/// An answer that is none of the service's.
pub(crate) fn garbage(call: &str) -> Error {
    Error::unreachable(format!("{call} was answered by something that is not Google Cloud"))
        .transient(false)
        .with_hint("check the endpoint, and whether a proxy answers in its place")
}

/// Whether a token's scopes do not reach so far.
pub(crate) fn lacks_scope(answer: &Response) -> bool {
    oauth_code(answer).as_deref() == Some("invalid_scope") || api::lacks_scope(answer)
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
