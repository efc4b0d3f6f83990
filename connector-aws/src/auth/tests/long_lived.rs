//! Methods `secret-key`, `sts-token` and `session-token`.

use std::time::Duration;

use connector_core::{AuthMethod, Call, Connector, ErrorKind, Expiry, Grant, Lifetime};
use serde_json::json;

use super::{bucket, keyed};
use crate::auth::{SecretKey, SessionToken, StsToken};
use crate::connector::Aws;
use crate::resource::AwsGeneric;
use crate::testing::{World, authenticate, caller, field, given, method, only_form, refusal, start};

/// S31: the key itself is issued only when the connector allows it.
#[tokio::test]
async fn s31_a_secret_key_is_not_handed_out() {
    let world = World::new();
    let key: SecretKey = method(keyed(json!({})));
    let out = authenticate(&key, &world.context(), None, Some(&bucket())).await.expect("a session");
    assert!(out.session.long_lived && matches!(out.expiry, Expiry::Never(_)));
    assert!(!out.narrowed.expect("it is said").is_narrowed());
    let connector = Connector::<Aws>::new(world.context(), key);
    let handle = connector.resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    let error = handle.issue().await.expect_err("not allowed");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.hint().unwrap_or_default().contains("--allow long-lived"), "{error:?}");
    crate::testing::assert_silent(&error);
}

/// S33, S24: GetSessionToken, and its answer says that it is not narrowed.
#[tokio::test]
async fn s33_a_session_token_is_one_call_and_not_narrowed() {
    let world = World::new().answers(given("GetSessionToken", "1", 43_200)).person(["123456"]);
    let token: SessionToken = method(keyed(json!({ "mfa_serial": "GAHT12345678" })));
    let out = authenticate(&token, &world.context(), None, Some(&bucket())).await.expect("a session");
    let form = only_form(&world);
    let expected = [
        ("Action", "GetSessionToken"),
        ("Version", "2011-06-15"),
        ("DurationSeconds", "43200"),
        ("SerialNumber", "GAHT12345678"),
        ("TokenCode", "123456"),
    ];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(43_200)));
    let narrowed = out.narrowed.expect("it is said");
    assert!(!narrowed.is_narrowed() && narrowed.reason().contains("all that their user may"));
    assert!(SessionToken::ABOUT.warning.unwrap_or_default().contains("inherits the full permission set"));
    let cx = world.context();
    let steps = token.plan(&Call::new(&cx, Some(Duration::from_secs(900))), None).expect("a plan");
    assert!(steps[0].parameters.contains(&("TokenCode".to_owned(), "[HIDDEN]".to_owned())));
}

/// S21: 15 minutes to 36 hours; an hour for root, once GetCallerIdentity has shown that it is.
#[tokio::test]
async fn s21_root_gets_an_hour_once_it_is_known() {
    assert_eq!(SessionToken::ABOUT.lifetime, Some(Lifetime::seconds(900, 43_200, 129_600)));
    let token: SessionToken = method(keyed(json!({})));
    // AWS cuts the life without a word: that is when it is looked whose key it is.
    let world = World::new()
        .answers(given("GetSessionToken", "1", 3600))
        .answers(caller("arn:aws:iam::123456789012:root"))
        .answers(given("GetSessionToken", "2", 3600));
    let out = authenticate(&token, &world.context(), None, None).await.expect("a session");
    assert_eq!(out.expiry, Expiry::At(start() + Duration::from_secs(3600)), "the end is the real one");
    assert_eq!(world.kept("whose-key").expect("kept").expose(), "root AKIAEXAMPLE");
    let error =
        authenticate(&token, &world.context(), Some(7200), None).await.expect_err("too long for root");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.field_problems()[0].field, "duration");
    assert_eq!(world.sent().len(), 2, "refused before a call");
    authenticate(&token, &world.context(), None, None).await.expect("the default gives way");
    assert_eq!(field(&world.forms()[2], "DurationSeconds"), Some("3600"));

    // A user's key is looked at once, too, and then not again.
    let token: SessionToken = method(keyed(json!({})));
    let cut = || given("GetSessionToken", "1", 3600);
    let world =
        World::new().answers(cut()).answers(caller("arn:aws:iam::123456789012:user/a")).answers(cut());
    authenticate(&token, &world.context(), None, None).await.expect("a session");
    authenticate(&token, &world.context(), None, None).await.expect("a session");
    assert_eq!(world.sent().len(), 3);
}

/// What is known of one key is not taken for true of the next one that the connector is given.
#[tokio::test]
async fn whose_key_it_is_is_known_of_that_key_only() {
    let cut = || given("GetSessionToken", "1", 3600);
    let root = || caller("arn:aws:iam::123456789012:root");
    let world = World::new().answers(cut()).answers(root()).answers(given("GetSessionToken", "2", 43_200));
    let old: SessionToken = method(keyed(json!({})));
    authenticate(&old, &world.context(), None, None).await.expect("a session of root");
    let new: SessionToken = method(keyed(json!({ "aws_access_key_id": "AKIAUSER" })));
    authenticate(&new, &world.context(), Some(43_200), None).await.expect("a session of a user");
    assert_eq!(field(&world.forms()[2], "DurationSeconds"), Some("43200"));
    // The other way round: that a user's key was seen does not keep root's from being looked at.
    let world = World::new()
        .answers(cut())
        .answers(caller("arn:aws:iam::123456789012:user/a"))
        .answers(cut())
        .answers(root());
    authenticate(&new, &world.context(), None, None).await.expect("a session of a user");
    authenticate(&old, &world.context(), None, None).await.expect("a session of root");
    let error = authenticate(&old, &world.context(), Some(7200), None).await.expect_err("known by now");
    assert_eq!(error.field_problems()[0].field, "duration");
}

#[tokio::test]
async fn session_credentials_are_refused_by_name() {
    let also = "Cannot call GetSessionToken with session credentials";
    let world = World::new().answers(refusal(403, "AccessDenied", also));
    let token: SessionToken = method(keyed(json!({})));
    let error = authenticate(&token, &world.context(), None, None).await.expect_err("refused");
    assert!(error.message().contains("GetSessionToken takes no session credentials"), "{error}");
    assert!(error.hint().unwrap_or_default().contains("sts-token"));
}

/// S37: passes on what it holds until that ends, and then is expired.
#[tokio::test]
async fn s37_an_sts_token_counts_down_and_ends() {
    let config = keyed(json!({ "aws_session_token": "hunter2-token", "expires_at": "2026-01-01T01:00:00Z" }));
    let end = start() + Duration::from_secs(3600);
    let token: StsToken = method(config);
    assert_eq!(token.expires_at(), Some(end));
    let world = World::new();
    let connector = Connector::<Aws>::new(world.context(), token);
    let handle = connector.resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    let issued = handle.issue().await.expect("issued");
    assert_eq!(issued.expiry, Expiry::At(end));
    assert_eq!(issued.credential.session_token.as_ref().map(|it| it.expose()), Some("hunter2-token"));
    assert!(!issued.long_lived && !issued.narrowing().is_narrowed());
    world.advance(Duration::from_secs(3600));
    let error = handle.issue().await.expect_err("it has ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
    assert_eq!(world.sent().len(), 0);

    let token: StsToken = method(keyed(json!({ "aws_session_token": "t" })));
    let out = authenticate(&token, &world.context(), None, None).await.expect("a session");
    assert!(matches!(out.expiry, Expiry::Never(why) if why.contains("expires_at")));
    assert!(!out.session.long_lived);
}
