//! What servers refuse, and what they answer that is no answer.

use std::time::Duration;

use connector_core::{Error, ErrorKind, Response, Terms};
use serde_json::json;

use super::super::Token;
use crate::testing::{
    CANARY, World, assert_silent, given_at, grant, issue, method, refusal, start, with_account,
};

async fn failure(world: &World) -> Error {
    let config = with_account(json!({}));
    let error = issue(world, method::<Token>(config), Terms::default(), grant()).await.expect_err("refused");
    assert_silent(&error);
    error
}

/// 401, 403 and the rest are told apart, by what can be done about them; the server's words are not repeated.
#[tokio::test]
async fn refusals_are_told_apart() {
    for (status, reason, kind, says) in [
        (401, "Unauthorized", ErrorKind::Refused, "does not take the token"),
        (403, "Forbidden", ErrorKind::Refused, "is not allowed to do create serviceaccounts/token"),
        (404, "NotFound", ErrorKind::NotFound, "no service account `deployer` in namespace `apps`"),
        (422, "Invalid", ErrorKind::InvalidInput, "no token of service account"),
        (301, "Moved", ErrorKind::Unreachable, "which is not gone"),
        (418, "Teapot", ErrorKind::Unreachable, "something that is not Kubernetes"),
    ] {
        let world = World::new().answers(refusal(status, reason));
        let error = failure(&world).await;
        assert_eq!(error.kind(), kind, "{status}");
        assert!(error.to_string().contains(says), "{status}: {error}");
        assert_eq!(world.sent().len(), 1, "{status}: not sent again");
    }
    let world = World::new().answers(refusal(403, "hunter"));
    assert!(!failure(&world).await.to_string().contains("hunter"), "a reason that Kubernetes has not");
}

/// C28: what is huge, half or something else is garbage.
#[tokio::test]
async fn c28_answers_that_are_none() {
    let huge = format!("{{\"status\":{{\"token\":\"{}\"}}}}", "a".repeat(2 << 20));
    let deep = "[".repeat(100_000);
    let html = "<html>hunter2</html>";
    let no_end = r#"{"status":{"token":"hunter2","expirationTimestamp":"soon"}}"#;
    let no_token = r#"{"status":{"token":"hun ter2","expirationTimestamp":"2026-01-01T01:00:00Z"}}"#;
    for body in ["", "{", html, "[]", "{}", &huge, &deep, no_end, no_token] {
        let world = World::new().answers(Response::new(201, Vec::new(), body.as_bytes().to_vec()));
        let error = failure(&world).await;
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unreachable, false));
    }
}

/// Calls to the server have core's patience: with what it answers, and with the way to it.
#[tokio::test]
async fn patience() {
    let later = |status: u16, pause: &str| {
        Response::new(status, vec![("retry-after".to_owned(), pause.to_owned())], CANARY.as_bytes().to_vec())
    };
    let seconds = Duration::from_secs;
    let sends = async |world: &World| {
        issue(world, method::<Token>(with_account(json!({}))), Terms::default(), grant()).await.is_ok()
    };
    let world = World::new().answers(later(429, "7")).answers(refusal(503, "ServiceUnavailable"));
    let world = world.answers(given_at(start(), 3600));
    assert!(sends(&world).await);
    assert_eq!(world.sleeps(), [seconds(7), seconds(1)]);

    let world = (0..5).fold(World::new(), |world, _| world.fails(Error::unreachable("it broke off")));
    assert!(!sends(&world).await);
    assert_eq!(world.sent().len(), 3);

    let world = World::new().fails(Error::unreachable("the TLS check failed").transient(false));
    assert!(!sends(&world).await);
    assert_eq!(world.sent().len(), 1);
}

/// The port says which phase failed; the error says of which cluster, and keeps the port's advice.
#[tokio::test]
async fn no_answer() {
    let dns = || {
        Error::unreachable("https://demo has a name that does not resolve")
            .with_hint("is the host name right?")
    };
    let world = (0..3).fold(World::new(), |world, _| world.fails(dns()));
    let error = failure(&world).await;
    assert!(
        error.to_string().contains("cluster `demo`") && error.to_string().contains("does not resolve"),
        "{error}"
    );
    assert_eq!(error.hint(), Some("is the host name right?"));
}
