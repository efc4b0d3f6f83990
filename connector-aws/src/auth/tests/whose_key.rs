//! S21, S24: the root user's key, wherever a GetCallerIdentity shows it.

use std::time::Duration;

use connector_core::{AuthMethod, Call, Connector, Context, ErrorKind, Grant};
use serde_json::json;

use super::keyed;
use crate::auth::SessionToken;
use crate::connector::Aws;
use crate::resource::AwsGeneric;
use crate::testing::{World, caller, field, given, method};

const ROOT: &str = "arn:aws:iam::123456789012:root";

fn token() -> SessionToken {
    method(keyed(json!({})))
}

fn generic(cx: Context) -> Connector<Aws> {
    Connector::<Aws>::new(cx, token())
}

/// What has been seen of the key holds for all that is asked from then on, also in the next process.
async fn assert_an_hour_at_most(world: &World) {
    let calls = world.sent().len();
    let three_hours = Grant::from("eu-west-1").with_duration(Duration::from_secs(3 * 3600));
    let handle = generic(world.context()).resource::<AwsGeneric>(three_hours).await.expect("a handle");
    for error in [handle.plan().expect_err("told before"), handle.issue().await.expect_err("refused")] {
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("the key is the root user's"), "{error}");
    }
    assert_eq!(world.sent().len(), calls, "refused before any call");
    let handle =
        generic(world.context()).resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    let steps = handle.plan().expect("a plan");
    assert!(steps[0].parameters.contains(&("DurationSeconds".into(), "3600".into())), "{steps:?}");
    let default = handle.connector().about().lifetime.map(|it| it.default);
    assert_eq!(default, Some(Duration::from_secs(3600)), "what explain shows");
}

#[tokio::test]
async fn s21_listing_shows_root_and_says_so() {
    let world = World::new().answers(given("GetSessionToken", "1", 43_200)).answers(caller(ROOT));
    let listing = generic(world.context()).list::<AwsGeneric>().await.expect("a listing");
    assert!(listing.notes.iter().any(|it| it.contains("the key is the root user's")), "{listing:?}");
    assert_eq!(world.kept("whose-key").expect("kept").expose(), "root AKIAEXAMPLE");
    assert_an_hour_at_most(&world).await;
}

#[tokio::test]
async fn s21_reaching_shows_root() {
    let world = World::new().answers(given("GetSessionToken", "1", 43_200)).answers(caller(ROOT));
    let handle =
        generic(world.context()).resource::<AwsGeneric>(Grant::from("eu-west-1")).await.expect("a handle");
    handle.reach().await.expect("reached");
    assert_eq!(world.sent().len(), 2);
    assert_an_hour_at_most(&world).await;
}

#[tokio::test]
async fn s21_the_trust_policy_shows_root() {
    let world = World::new().answers(caller(ROOT));
    let cx = world.context();
    token().trust(&Call::new(&cx, None)).await.expect("an answer");
    assert_an_hour_at_most(&world).await;
    let world = world.answers(given("GetSessionToken", "1", 3600));
    generic(world.context()).session().await.expect("a session");
    assert_eq!(field(&world.forms()[1], "DurationSeconds"), Some("3600"));
    assert_eq!(world.sent().len(), 2, "nothing is left to be looked up");
}

/// A user's key is a user's: nothing is said and nothing is cut.
#[tokio::test]
async fn s21_a_users_key_keeps_its_bounds() {
    let world = World::new()
        .answers(given("GetSessionToken", "1", 43_200))
        .answers(caller("arn:aws:iam::123456789012:user/alice"));
    let listing = generic(world.context()).list::<AwsGeneric>().await.expect("a listing");
    assert!(listing.notes.is_empty());
    let long = Grant::from("eu-west-1").with_duration(Duration::from_secs(129_600));
    let handle = generic(world.context()).resource::<AwsGeneric>(long).await.expect("a handle");
    assert!(handle.plan().is_ok());
}
