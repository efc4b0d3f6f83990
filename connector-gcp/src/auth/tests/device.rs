//! S47: a person logs in on another device, by a code.

use std::time::Duration;

use connector_core::{AuthMethod, ErrorKind, Response};
use serde_json::{Value, json};

use super::browser::{client, logging_in, login};
use crate::auth::UserAccount;
use crate::testing::{
    CANARY, WHOLE, World, assert_silent, authenticate, form, json_answer, oauth_refusal, public, token, with,
};

const SCOPE: &str = "https://www.googleapis.com/auth/userinfo.email";

fn by_code() -> UserAccount {
    logging_in(&client(&json!({})), json!({ "flow": "device", "scopes": [SCOPE] }))
}

fn code(more: Value) -> Response {
    let code = json!({
        "device_code": "hunter2-device", "user_code": "ABCD-EFGH", "expires_in": 1800, "interval": 7,
        "verification_url": "https://www.google.com/device",
    });
    json_answer(200, &with(code, more))
}

fn pending() -> Response {
    oauth_refusal(428, "authorization_pending", "Precondition Required")
}

/// The person is shown a code; the endpoint is asked as often as it wants, and more seldom when it says so.
#[tokio::test]
async fn s47_a_login_by_a_code() {
    let world = World::new()
        .person([])
        .answers(code(json!({})))
        .answers(pending())
        .answers(oauth_refusal(403, "slow_down", "Too fast"))
        .answers(pending())
        .answers(login(SCOPE))
        .answers(token("ya29.me", 3599));
    let out = authenticate(&by_code(), &world.named("me"), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_token.expose(), "ya29.me");
    let token_url = "POST https://oauth2.googleapis.com/token";
    let mut expected = vec!["POST https://oauth2.googleapis.com/device/code"];
    expected.extend([token_url; 5]);
    assert_eq!(world.lines(), expected);
    assert_eq!(public(&form(&world, 0), &[]), [("client_id", "own-client"), ("scope", SCOPE)]);
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", "own-client"),
        ("client_secret", "hunter2-client"),
        ("device_code", "hunter2-device"),
    ];
    assert_eq!(public(&form(&world, 1), &[]), poll);
    assert_eq!(world.sleeps(), [7, 7, 12, 12].map(Duration::from_secs));
    let told = world.told().concat();
    assert!(told.contains("https://www.google.com/device") && told.contains("ABCD-EFGH"), "{told}");
    assert!(!told.contains(CANARY), "{told}");
    assert_eq!(world.kept_names(), ["login"]);
}

/// What ends a login without a token, and after how many requests. A code that ended is not asked for again.
#[tokio::test]
async fn what_is_no_login_is_refused() {
    let ended = || oauth_refusal(400, "expired_token", "");
    let short = json!({ "expires_in": 15 });
    for (answers, says, sent) in [
        (vec![code(json!({})), ended()], "nobody typed the code", 2),
        (vec![code(short), pending(), pending(), pending()], "nobody typed the code", 3),
        (vec![code(json!({ "expires_in": 0 }))], "nobody typed the code", 1),
        (vec![code(json!({})), oauth_refusal(403, "access_denied", "Forbidden")], "declined", 2),
        (vec![code(json!({})), oauth_refusal(401, "invalid_client", "x")], "client id", 2),
        (vec![code(json!({})), login("openid")], "does not cover", 2),
        (vec![oauth_refusal(401, "invalid_client", "Only clients of type TVs")], "client id", 1),
        (vec![oauth_refusal(400, "invalid_scope", "x")], "scope is not known", 1),
        (vec![json_answer(200, &json!([CANARY]))], "not Google Cloud", 1),
        (vec![code(json!({ "user_code": "hunter2\u{1b}[2J" }))], "not Google Cloud", 1),
        (vec![code(json!({ "verification_url": "" }))], "not Google Cloud", 1),
    ] {
        let world = answers.into_iter().fold(World::new().person([]), World::answers);
        let error = authenticate(&by_code(), &world.context(), None, None).await.expect_err(says);
        assert!(error.message().contains(says) && error.hint().is_some(), "{error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (sent, 0), "{says}");
    }
}

/// An interval that nobody means is not taken, and a verification page goes by either of its names.
#[tokio::test]
async fn strange_intervals_are_not_taken() {
    for (interval, pause) in [(0_u64, 5), (61, 5), (u64::MAX, 5), (60, 60)] {
        let answer = json!({
            "device_code": "d", "user_code": "U", "expires_in": 1800, "interval": interval,
            "verification_uri": "https://example.org/device",
        });
        let world = World::new().person([]).answers(json_answer(200, &answer)).answers(login(SCOPE));
        let world = world.answers(token("t", 3599));
        authenticate(&by_code(), &world.context(), None, None).await.expect("a session");
        assert_eq!(world.sleeps(), [Duration::from_secs(pause)]);
    }
}

/// Google gives such logins no cloud-platform, which is asked for where nobody says: that is said when the connector is
/// registered, and before anything is sent or told.
#[tokio::test]
async fn cloud_platform_is_refused_before_any_call() {
    const WAYS: [&str; 2] = ["`user_account_json`", "https://www.googleapis.com/auth/userinfo.email"];
    let secrets = client(&json!({})).to_string();
    let account = |more: Value| {
        let config = with(json!({ "client_secrets_json": secrets, "flow": "device" }), more);
        serde_json::from_value::<UserAccount>(config).expect("a config")
    };
    for more in [json!({}), json!({ "scopes": [WHOLE] }), json!({ "scopes": [SCOPE, WHOLE] })] {
        let problems = account(more).check();
        assert_eq!((problems.len(), problems[0].field.as_str()), (1, "scopes"), "{problems:?}");
        for way in WAYS {
            assert!(problems[0].message.contains(way), "{problems:?}");
        }
    }
    assert_eq!(account(json!({ "scopes": [SCOPE] })).check(), []);
    let account = account(json!({ "scopes": [WHOLE] }));
    let world = World::new().person([]);
    let error = authenticate(&account, &world.context(), None, None).await.expect_err("too much");
    assert_eq!((error.kind(), error.field_problems()[0].field.as_str()), (ErrorKind::InvalidInput, "scopes"));
    for way in WAYS {
        assert!(error.hint().unwrap_or_default().contains(way), "{error:?}");
    }
    assert_eq!((world.sent().len(), world.told().len()), (0, 0));
}

/// Without a person no code is asked for.
#[tokio::test]
async fn without_a_person_nothing_is_sent() {
    let world = World::new();
    let error = authenticate(&by_code(), &world.named("me"), None, None).await.expect_err("nobody");
    assert!(error.hint().unwrap_or_default().contains("connector verify me"), "{error:?}");
    assert_eq!(world.sent().len(), 0);
}
