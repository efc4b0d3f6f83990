//! How calls to STS hold out in a network with faults: sent again, and bounded as a whole.

use std::time::Duration;

use connector_core::{ErrorKind, Request, Response};
use serde_json::json;

use super::keyed;
use crate::auth::SessionToken;
use crate::testing::{World, authenticate, given, method, refusal};

fn slow_down(headers: &[(&str, &str)]) -> Response {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Response::new(429, headers.collect(), b"<html>too many</html>".to_vec())
}

fn token() -> SessionToken {
    method(keyed(json!({})))
}

/// Catalogue, Network: 429 and Retry-After, from a proxy that knows nothing of AWS, and from AWS itself.
#[tokio::test]
async fn a_call_is_sent_again_when_it_is_asked_to() {
    let throttled = refusal(400, "Throttling", "");
    let mut headers = throttled.headers().to_vec();
    headers.push(("retry-after".to_owned(), "4".to_owned()));
    let throttled = Response::new(429, headers, throttled.body().to_vec());
    for (answer, pause) in [(slow_down(&[("retry-after", "3")]), 3), (throttled, 4)] {
        let world = World::new().answers(answer).answers(given("GetSessionToken", "1", 43_200));
        authenticate(&token(), &world.context(), None, None).await.expect("a session");
        assert_eq!((world.sent().len(), world.sleeps()), (2, vec![Duration::from_secs(pause)]));
    }
}

#[tokio::test]
async fn throttling_that_does_not_pass_is_named() {
    let world = (0..3).fold(World::new(), |world, _| world.answers(slow_down(&[])));
    let error = authenticate(&token(), &world.context(), None, None).await.expect_err("still throttled");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 3));
    assert!(error.message().contains("sts:GetSessionToken: AWS asks to slow down"), "{error}");
}

/// C29: half an answer is none; a key without its token would fail later, at whoever uses it.
#[tokio::test]
async fn an_answer_without_a_part_of_the_credential_is_refused() {
    let whole = given("GetSessionToken", "1", 43_200);
    let text = String::from_utf8_lossy(whole.body()).into_owned();
    for part in [
        "<AccessKeyId>ASIA1</AccessKeyId>",
        "<SecretAccessKey>secret-1</SecretAccessKey>",
        "<SessionToken>token-1</SessionToken>",
    ] {
        assert!(text.contains(part), "the answer is as it was thought to be");
        let answer = Response::new(200, whole.headers().to_vec(), text.replace(part, "").into_bytes());
        let world = World::new().answers(answer);
        let error = authenticate(&token(), &world.context(), None, None).await.expect_err(part);
        assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    }
}

/// Catalogue, Network: the limit is for the whole call, however often it is sent.
#[tokio::test]
async fn the_limit_of_a_call_bounds_all_that_is_sent_for_it() {
    let world =
        World::new().answers(slow_down(&[("retry-after", "1")])).answers(slow_down(&[("retry-after", "1")]));
    let cx = world.context().with_call_limit(Duration::from_secs(2));
    authenticate(&token(), &cx, None, None).await.expect_err("no time is left for a third one");
    let limits: Vec<_> = world.sent().iter().map(Request::timeout).collect();
    assert_eq!(limits, [Some(Duration::from_secs(2)), Some(Duration::from_secs(1))]);
}
