//! What a token endpoint's refusals mean. Codes are those of RFC 6749 §5.2 and RFC 8707 §2; nothing else of an
//! answer is ever quoted.

use connector_core::{Error, Response};
use serde::Deserialize;

#[derive(Deserialize)]
struct Wire {
    error: String,
}

/// The error that an answer which is no success stands for.
pub(crate) fn of_answer(answer: &Response) -> Error {
    let code = serde_json::from_slice::<Wire>(answer.body()).map(|it| it.error).unwrap_or_default();
    let refused = |words: &str| Error::refused(format!("the token endpoint {words}"));
    match (&*code, answer.status()) {
        ("server_error" | "temporarily_unavailable", _) | (_, 429 | 500..) => {
            Error::unreachable(format!("the token endpoint answered {}", answer.status()))
        }
        ("invalid_client", _) => refused("does not take the client: invalid_client")
            .with_hint("check `client_id` and `client_secret`, and whether the server wants them in the body (`client_auth`)"),
        ("invalid_grant", _) => refused("does not take the grant any more: invalid_grant")
            .with_hint("the refresh token was revoked, has ended or was used elsewhere: log in again and update `refresh_token`"),
        ("unauthorized_client", _) => refused("does not let this client use this grant: unauthorized_client")
            .with_hint("let the server's owner allow the grant for `client_id`"),
        ("unsupported_grant_type", _) => refused("does not know this grant: unsupported_grant_type"),
        ("access_denied", _) => refused("denies access: access_denied"),
        ("invalid_scope", _) => {
            Error::field("scopes", "the token endpoint gives none of these, or not to this client: invalid_scope")
        }
        ("invalid_target", _) => {
            Error::field("audience", "the token endpoint knows no such audience: invalid_target")
        }
        ("invalid_request", _) => refused("takes the request for malformed: invalid_request")
            .with_hint("check what the server demands beside the standard, such as `audience` or `scopes`"),
        (_, status @ 300..400) => refused(&format!("answered {status}; redirects are not followed"))
            .with_hint("set `token_url` to where it really is"),
        (_, status) => refused(&format!("answered {status}")),
    }
}

/// The error for a success that is none.
pub(crate) fn no_token(why: &str) -> Error {
    Error::unreachable(format!("the token endpoint answered with something that is no token: {why}"))
}
