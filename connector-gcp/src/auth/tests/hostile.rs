//! C28: answers that nobody should give.

use std::time::Duration;

use connector_core::{Connector, ErrorKind, Grant, Response};
use serde_json::{Value, json};

use super::bucket;
use super::impersonation::by_key;
use super::service_account::keyed;
use crate::connector::Gcp;
use crate::resource::GcpGeneric;
use crate::testing::{
    CANARY, PROJECT, World, assert_silent, authenticate, generated, json_answer, key_file, token,
};

fn answers() -> Vec<Vec<u8>> {
    let text = |value: Value| value.to_string().into_bytes();
    vec![
        Vec::new(),
        CANARY.into(),
        vec![0xff, 0xfe],
        b"null".to_vec(),
        text(json!([CANARY])),
        text(json!({ "access_token": { CANARY: 1 }, "accessToken": [CANARY], "expireTime": CANARY })),
        text(json!({ "access_token": "", "accessToken": "", "expireTime": "2026-01-01T01:00:00Z" })),
        text(
            json!({ "access_token": "hunter2\nx", "accessToken": "hunter2 x", "expireTime": "2026-01-01T01:00:00Z" }),
        ),
        text(
            json!({ "access_token": "x".repeat(20_000), "accessToken": "x".repeat(20_000), "expireTime": "2026-01-01T01:00:00Z" }),
        ),
        text(
            json!({ "access_token": CANARY, "expires_in": -1, "accessToken": CANARY, "expireTime": CANARY }),
        ),
        text(json!({ "access_token": CANARY, "expires_in": CANARY, "accessToken": CANARY })),
        format!("{}{CANARY}", "[".repeat(100_000)).into_bytes(),
    ]
}

/// C28: what is no token is an error that says so and quotes nothing, whichever service answers it.
#[tokio::test]
async fn c28_strange_answers_quote_nothing() {
    let base = || token("base", 3599);
    for body in answers() {
        let answer = || Response::new(200, Vec::new(), body.clone());
        let worlds =
            [(World::new().answers(answer()), false), (World::new().answers(base()).answers(answer()), true)];
        for (world, stands_in) in worlds {
            let cx = world.context();
            let out = match stands_in {
                true => authenticate(&by_key(json!({})), &cx, None, None).await,
                false => authenticate(&keyed(&key_file(), json!({})), &cx, None, None).await,
            };
            let error = out.expect_err("no token");
            assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Unreachable, false), "{error:?}");
            assert_silent(&error);
        }
        let world = World::new().answers(base()).answers(answer());
        let account = keyed(&key_file(), json!({}));
        let out = authenticate(&account, &world.context(), None, Some(&bucket())).await;
        assert_silent(&out.expect_err("never the wide token in its place"));
    }
}

/// C25: a life beyond counting is a long one and no panic, and an end that has passed is no life.
#[tokio::test]
async fn c25_lives_beyond_counting() {
    let account = keyed(&key_file(), json!({}));
    let world = World::new().answers(token("t", u64::MAX));
    let out = authenticate(&account, &world.context(), None, None).await.expect("a session");
    assert!(out.expiry.at().is_some());
    let past = World::start() - Duration::from_secs(60);
    let ended =
        json_answer(200, &json!({ "accessToken": "t", "expireTime": connector_core::format_time(past) }));
    for answer in [ended, generated("t", past, 0)] {
        let world = World::new().answers(token("base", 3599)).answers(answer);
        let out = authenticate(&by_key(json!({})), &world.context(), None, None).await.expect("an answer");
        assert!(out.expiry.is_past(World::start()), "{:?}", out.expiry);
    }
}

/// C26: an answer that has ended already is not handed out.
#[tokio::test]
async fn c26_what_has_ended_is_not_handed_out() {
    let world = World::new().answers(token("t", 0)).answers(token("t", 0)).answers(token("t", 0));
    let connector = Connector::<Gcp>::new(world.named("prod"), keyed(&key_file(), json!({})));
    let handle = connector.resource::<GcpGeneric>(Grant::from(PROJECT)).await.expect("a handle");
    handle.issue().await.expect_err("it has ended");
}

/// C28: any limit on calls is taken, and each request keeps to it.
#[tokio::test]
async fn c28_any_limit_on_calls_is_taken() {
    let world = World::new().answers(token("t", 3599));
    let cx = world.named("prod").with_call_limit(Duration::MAX);
    authenticate(&keyed(&key_file(), json!({})), &cx, None, None).await.expect("a session");
    assert!(world.sent().iter().all(|it| it.timeout().is_some()));
    let world = World::new();
    let cx = world.named("prod").with_call_limit(Duration::ZERO);
    let error = authenticate(&keyed(&key_file(), json!({})), &cx, None, None).await.expect_err("no time");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Unreachable, 0));
}
