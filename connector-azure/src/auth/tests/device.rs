//! S41: a person logs in on any device, by a code.

use std::time::Duration;

use connector_conformance::assert_silent;
use connector_core::{ErrorKind, Expiry, Response};
use serde_json::{Value, json};

use super::user_account::{AZ, OWN_URL, account, login};
use super::*;

const DEVICE_URL: &str = "https://login.microsoftonline.com/organizations/oauth2/v2.0/devicecode";

pub(super) fn code(more: Value) -> Response {
    let code = json!({
        "device_code": "hunter2-device", "user_code": "ABCDEFGHJ", "expires_in": 900, "interval": 7,
        "verification_uri": "https://microsoft.com/devicelogin", "message": "hunter2",
    });
    json_answer(200, &with(code, more))
}

fn pending() -> Response {
    aadsts(400, "authorization_pending", 70_016)
}

/// S49: the person is shown a code; the endpoint is asked as often as it wants, and more seldom when it says so or is in
/// trouble. What the login gives is used, without a further call, and lives from then on.
#[tokio::test]
async fn s49_a_login_by_a_code() {
    let world = World::new()
        .person([])
        .answers(code(json!({})))
        .answers(pending())
        .answers(aadsts(400, "slow_down", 70_017))
        .answers(Response::new(503, Vec::new(), CANARY.into()))
        .fails(connector_core::Error::unreachable("no connection"))
        .answers(pending())
        .answers(login("eyJ.me.1", "1.hunter2-refresh"));
    let out = authenticate(&account(json!({})), &world.named("me"), None).await.expect("a session");
    let mut expected = vec![format!("POST {DEVICE_URL}")];
    expected.extend(vec![format!("POST {OWN_URL}"); 6]);
    assert_eq!(world.lines(), expected);
    let scope = "https://management.azure.com/.default offline_access";
    assert_eq!(public(&form(&world, 0), &[]), [("client_id", AZ), ("scope", scope)]);
    let poll = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", AZ),
        ("device_code", "hunter2-device"),
    ];
    assert_eq!(public(&form(&world, 1), &[]), poll);
    let pauses = [7, 7, 12, 17, 22, 22];
    assert_eq!(world.sleeps(), pauses.map(Duration::from_secs));
    assert_eq!(out.expiry, Expiry::At(World::after(pauses.iter().sum::<u64>() + 3599)));
    let told = world.told().concat();
    assert!(told.contains("https://microsoft.com/devicelogin") && told.contains("ABCDEFGHJ"), "{told}");
    assert!(!told.contains(CANARY), "{told}");
    assert_eq!(world.kept_names(), ["login"]);

    // The next one is one call, with what was kept.
    let world = world.answers(login("eyJ.me.2", "1.hunter2-next"));
    authenticate(&account(json!({})), &world.named("me"), None).await.expect("a session");
    assert_eq!(field(&form(&world, 7), "refresh_token"), Some("1.hunter2-refresh"));
}

/// C16: what ends a login without a token, and after how many requests. A code that ended is not asked for again.
#[tokio::test]
async fn c16_what_is_no_login_is_refused() {
    let short = json!({ "expires_in": 15 });
    let only = token("eyJ.only.1", 3599);
    for (answers, says, sent) in [
        (vec![code(json!({})), aadsts(400, "expired_token", 70_020)], "nobody typed the code", 2),
        (vec![code(short), pending(), pending(), pending()], "nobody typed the code", 3),
        (vec![code(json!({ "expires_in": 0 }))], "nobody typed the code", 1),
        (vec![code(json!({})), aadsts(400, "authorization_declined", 70_019)], "declined", 2),
        (
            vec![code(json!({})), aadsts(400, "bad_verification_code", 70_018)],
            "code of the login is not known",
            2,
        ),
        (vec![code(json!({})), aadsts(400, "invalid_grant", 53_003)], "conditional access", 2),
        (vec![code(json!({})), aadsts(401, "invalid_client", 7_000_218)], "public clients", 2),
        (vec![code(json!({})), only], "nothing that lasts", 2),
        (vec![code(json!({})), json_answer(200, &json!({ "refresh_token": CANARY }))], "not Azure", 2),
        (vec![aadsts(400, "unauthorized_client", 700_016)], "no application of this id", 1),
        (vec![aadsts(400, "invalid_request", 90_002)], "no such directory", 1),
        (vec![json_answer(200, &json!([CANARY]))], "not Azure", 1),
        (vec![code(json!({ "user_code": "hunter2\u{1b}[2J" }))], "not Azure", 1),
        (vec![code(json!({ "verification_uri": "" }))], "not Azure", 1),
        (vec![code(json!({ "verification_uri": "http://hunter2.example/login" }))], "not Azure", 1),
        (vec![code(json!({ "verification_uri": "javascript:hunter2" }))], "not Azure", 1),
    ] {
        let world = answers.into_iter().fold(World::new().person([]), World::answers);
        let error = authenticate(&account(json!({})), &world.context(), None).await.expect_err(says);
        assert!(error.message().contains(says) && error.hint().is_some(), "{says}: {error:?}");
        assert_silent(&error);
        assert_eq!((world.sent().len(), world.kept_names().len()), (sent, 0), "{says}");
    }
}

/// An interval that nobody means is not taken.
#[tokio::test]
async fn strange_intervals_are_not_taken() {
    for (interval, pause) in [(0_u64, 5), (61, 5), (u64::MAX, 5), (60, 60)] {
        let world = World::new().person([]).answers(code(json!({ "interval": interval })));
        let world = world.answers(login("eyJ.me.1", "1.next"));
        authenticate(&account(json!({})), &world.context(), None).await.expect("a session");
        assert_eq!(world.sleeps(), [Duration::from_secs(pause)]);
    }
}

/// Without a person no code is asked for, and the hint says where one would be.
#[tokio::test]
async fn without_a_person_nothing_is_sent() {
    let world = World::new();
    for (cx, hint) in [
        (world.context(), "register on a terminal"),
        (world.named("me"), "`connector verify me` on a terminal"),
    ] {
        let error = authenticate(&account(json!({})), &cx, None).await.expect_err("nobody");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
    }
    assert_eq!(world.sent().len(), 0);
}
