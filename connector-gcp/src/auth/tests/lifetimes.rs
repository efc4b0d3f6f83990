//! C25, C26: how long a token is said to live.

use std::time::Duration;

use connector_core::Expiry;
use serde_json::json;

use super::bucket;
use super::impersonation::by_key;
use super::service_account::keyed;
use crate::testing::{World, authenticate, generated, json_answer, key_file, token};

/// C26: a life is counted from before the request, so that what the answer's way took counts against it.
#[tokio::test]
async fn c26_a_life_is_counted_from_before_the_request() {
    // The first answer asks to wait 7 seconds, which pass.
    let busy =
        connector_core::Response::new(429, vec![("retry-after".to_owned(), "7".to_owned())], Vec::new());
    let world = World::new().answers(busy).answers(token("t", 3600));
    let out = authenticate(&keyed(&key_file(), json!({})), &world.context(), None, None).await;
    assert_eq!(world.sleeps(), [Duration::from_secs(7)]);
    assert_eq!(out.expect("a session").expiry, Expiry::At(World::after(3600)));
}

/// Who gives a token tells its life, or is none of Google's; a narrowed one of which nothing is told ends with what it was
/// made of, and none ends later.
#[tokio::test]
async fn c25_a_narrowed_token_ends_with_its_source() {
    let silent = || json_answer(200, &json!({ "access_token": "t" }));
    let account = keyed(&key_file(), json!({}));
    let world = World::new().answers(silent());
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("no life");
    assert!(error.message().contains("not Google Cloud"), "{error}");
    for (narrow, end) in [(silent(), 1200), (token("n", 900), 900), (token("n", 9000), 1200)] {
        let world = World::new().answers(token("wide", 1200)).answers(narrow);
        let out = authenticate(&account, &world.context(), None, Some(&bucket())).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
    }
}

/// C26: IAM Credentials tells an end by its own clock. Where that clock is shown, the difference to ours cancels;
/// where it is not, nothing is said to live longer than was asked.
#[tokio::test]
async fn c26_the_servers_clock_cancels() {
    let hours = |count: u64| Duration::from_secs(count * 3600);
    for (now, end) in
        [(World::start(), 900), (World::start() - hours(9), 900), (World::start() + hours(9), 900)]
    {
        let world = World::new().answers(token("base", 3599)).answers(generated("t", now, 900));
        let out =
            authenticate(&by_key(json!({})), &world.context(), Some(900), None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
    }
    for (told, end) in [("2026-01-01T09:00:00Z", 900), ("2026-01-01T00:10:00Z", 600)] {
        let silent = json_answer(200, &json!({ "accessToken": "t", "expireTime": told }));
        let world = World::new().answers(token("base", 3599)).answers(silent);
        let out =
            authenticate(&by_key(json!({})), &world.context(), Some(900), None).await.expect("a session");
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
    }
}
