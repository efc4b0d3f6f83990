//! One MFA code opens a session that serves every process until it ends.

use std::time::Duration;

use connector_core::{Authenticated, ErrorKind, Expiry, Result, Secret};
use serde_json::{Value, json};

use super::keyed;
use crate::auth::SessionToken;
use crate::session::Session;
use crate::testing::{World, assert_silent, authenticate, given, method, start};

const SERIAL: &str = "arn:aws:iam::123456789012:mfa/alice";

/// As each process opens it: parsed anew.
async fn ask(world: &World, more: Value, seconds: Option<u64>) -> Result<Authenticated<Session>> {
    let mut config = keyed(json!({ "mfa_serial": SERIAL }));
    super::merge(&mut config, more);
    authenticate(&method::<SessionToken>(config), &world.named("team"), seconds, None).await
}

/// A code has been given once, and nobody is there any more to give another one.
async fn opened() -> World {
    let world = World::new().person(["123456"]).answers(given("GetSessionToken", "1", 43_200));
    ask(&world, json!({}), None).await.expect("with a code");
    world
}

#[tokio::test]
async fn one_code_serves_until_the_session_ends() {
    let world = opened().await;
    for (after, seconds) in [(0, None), (3600, Some(3600)), (3600, Some(36_000)), (34_000, None)] {
        world.advance(Duration::from_secs(after));
        let out = ask(&world, json!({}), seconds).await.expect("the kept one");
        assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(43_200)), "its own end");
        assert_eq!(out.session.keys.access_key_id.expose(), "ASIA1");
        assert_eq!(out.session.keys.session_token.as_ref().map(Secret::expose), Some("token-1"));
        assert!(!out.narrowed.expect("it is said").is_narrowed());
    }
    assert_eq!(world.sent().len(), 1);
    // A quarter of an hour before its end it is no more.
    world.advance(Duration::from_secs(1801));
    let error = ask(&world, json!({}), None).await.expect_err("a code is needed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("`connector verify team`"), "{error:?}");
    assert_silent(&error);
}

#[tokio::test]
async fn a_session_that_would_end_too_early_is_not_used() {
    let world = opened().await;
    world.advance(Duration::from_secs(40_000));
    ask(&world, json!({}), Some(3600)).await.expect("half of it is left");
    ask(&world, json!({}), Some(7200)).await.expect_err("not half of it is left");
}

/// What the connector is changed to does not use the session of what it was.
#[tokio::test]
async fn a_session_is_for_its_key_device_and_endpoint_only() {
    for other in [
        json!({ "aws_access_key_id": "AKIAOTHER" }),
        json!({ "mfa_serial": "arn:aws:iam::123456789012:mfa/bob" }),
        json!({ "sts_endpoint_url": "http://127.0.0.1:9" }),
        json!({ "region": "cn-north-1" }),
    ] {
        let world = opened().await;
        ask(&world, other.clone(), None).await.expect_err("asks for a code");
        assert_eq!(world.sent().len(), 1, "{other}");
    }
    let world = opened().await.answers(given("GetSessionToken", "2", 43_200));
    let config = keyed(json!({}));
    authenticate(&method::<SessionToken>(config), &world.named("team"), None, None)
        .await
        .expect("without MFA");
    assert_eq!(world.sent().len(), 2, "without a device nothing that was kept is used");
}

/// What verifies proves the stored key, and keeps the new session.
#[tokio::test]
async fn verifying_authenticates_anew() {
    let world = opened().await.person(["654321"]).answers(given("GetSessionToken", "2", 43_200));
    let token: SessionToken = method(keyed(json!({ "mfa_serial": SERIAL })));
    authenticate(&token, &world.named("team").with_anew(true), None, None).await.expect("with a code");
    assert_eq!(world.sent().len(), 2);
    let out = ask(&world, json!({}), None).await.expect("the kept one");
    assert_eq!(out.session.keys.access_key_id.expose(), "ASIA2");
}

/// Without a device nothing is kept.
#[tokio::test]
async fn nothing_is_kept_without_a_device() {
    let world = World::new().answers(given("GetSessionToken", "1", 43_200));
    authenticate(&method::<SessionToken>(keyed(json!({}))), &world.named("team"), None, None)
        .await
        .expect("a session");
    assert_eq!(world.kept_names(), [""; 0]);
}
