//! What a token endpoint's refusals become.

use connector_conformance::canary;
use connector_core::{ErrorKind, Grant, Result};
use serde_json::{Value, json};

use crate::server::{API, Quirk};
use crate::{client, open, world};

/// RFC 6749 §5.2: each code has its kind; nothing else of the answer is told.
#[tokio::test]
async fn codes_become_kinds_and_nothing_is_quoted() -> Result<()> {
    let quote = canary("description");
    let with = |code: &str| json!({ "error": code, "error_description": quote, "error_uri": quote });
    for (status, body, kind, told) in [
        (401, with("invalid_client"), ErrorKind::Refused, "invalid_client"),
        (400, with("invalid_grant"), ErrorKind::Refused, "invalid_grant"),
        (400, with("unauthorized_client"), ErrorKind::Refused, "unauthorized_client"),
        (400, with("unsupported_grant_type"), ErrorKind::Refused, "unsupported_grant_type"),
        (400, with("invalid_request"), ErrorKind::Refused, "invalid_request"),
        (400, with("invalid_scope"), ErrorKind::InvalidInput, "scopes: "),
        (400, with("invalid_target"), ErrorKind::InvalidInput, "audience: "),
        (403, with("access_denied"), ErrorKind::Refused, "access_denied"),
        (400, with("temporarily_unavailable"), ErrorKind::Unreachable, "400"),
        (503, with("invalid_grant"), ErrorKind::Unreachable, "503"),
        (429, Value::Null, ErrorKind::Unreachable, "429"),
        (418, with(&quote), ErrorKind::Refused, "answered 418"),
        (302, Value::Null, ErrorKind::Refused, "redirects are not followed"),
        (200, json!({ "token_type": "bearer" }), ErrorKind::Unreachable, "no token"),
        (
            200,
            json!({ "access_token": "t", "token_type": "mac", "expires_in": 60 }),
            ErrorKind::Unreachable,
            "not a bearer",
        ),
        (
            200,
            json!({ "access_token": "t\r\nx: y", "token_type": "Bearer", "expires_in": 60 }),
            ErrorKind::Unreachable,
            "characters",
        ),
    ] {
        let (_, _, cx) = world(Quirk::Answers(status, body.clone()));
        let ours = open("client-credentials", client(json!({})))?;
        let error =
            ours.resource(&cx, Grant::new("oauth2-api", API)).await?.envelope().await.expect_err("refused");
        assert_eq!(error.kind(), kind, "{body}: {error}");
        assert_eq!(error.is_transient(), kind == ErrorKind::Unreachable, "{body}: {error}");
        assert!(error.to_string().contains(told), "{body}: {error}");
        assert!(!format!("{error:?}{error}{:?}", error.hint()).contains(&quote), "{error:?}");
    }
    Ok(())
}
