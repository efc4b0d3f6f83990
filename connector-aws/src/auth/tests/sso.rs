use std::time::Duration;

use connector_core::{AuthMethod, Error, ErrorKind, Expiry};
use serde_json::{Value, json};

use super::merge;
use crate::auth::Sso;
use crate::testing::{World, assert_silent, authenticate, json_answer, json_refusal, method, start};

const PORTAL: &str = "https://d-1234567890.awsapps.com/start";

fn sso(more: Value) -> Sso {
    let mut config = json!({
        "region": "eu-west-1", "start_url": PORTAL, "sso_region": "us-east-1",
        "account_id": "123456789012", "role_name": "Developer",
    });
    merge(&mut config, more);
    method(config)
}

fn login(expires_at: &str, more: Value) -> Value {
    let mut login = json!({ "startUrl": PORTAL, "accessToken": "hunter2-access", "expiresAt": expires_at });
    merge(&mut login, more);
    json!({ "login": login.to_string() })
}

fn renewable(expires_at: &str) -> Value {
    login(
        expires_at,
        json!({
            "refreshToken": "hunter2-refresh", "clientId": "client", "clientSecret": "hunter2-client",
            "registrationExpiresAt": "2026-03-01T00:00:00Z",
        }),
    )
}

fn role_credentials() -> connector_core::Response {
    let end = 1_767_225_600_000_u64 + 3_600_000;
    json_answer(
        200,
        &json!({ "roleCredentials": {
        "accessKeyId": "ASIASSO", "secretAccessKey": "hunter2", "sessionToken": "hunter2", "expiration": end,
    } }),
    )
}

fn token(name: &str) -> connector_core::Response {
    json_answer(
        200,
        &json!({
            "accessToken": format!("hunter2-{name}"), "refreshToken": format!("hunter2-{name}-refresh"),
            "tokenType": "Bearer", "expiresIn": 28_800,
        }),
    )
}

/// The one login that is kept.
fn kept(world: &World) -> String {
    let names = world.kept_names();
    assert_eq!(names.len(), 1, "{names:?}");
    world.kept(&names[0]).expect("it is there").expose().to_owned()
}

fn bodies(world: &World) -> Vec<Value> {
    world.sent().iter().map(|it| serde_json::from_slice(it.body()).unwrap_or(Value::Null)).collect()
}

fn paths(world: &World) -> Vec<String> {
    let path = |url: &str| {
        url.splitn(4, '/').nth(3).unwrap_or_default().split('?').next().unwrap_or_default().to_owned()
    };
    world.sent().iter().map(|it| path(it.url())).collect()
}

/// The device flow: register, authorise, wait as told (pending, then slower), keep the tokens; the next time
/// they are there, and when they end they are renewed without a person.
#[tokio::test]
async fn a_device_flow_and_what_is_kept_of_it() {
    let world = World::new()
        .person([])
        .answers(json_answer(200, &json!({
            "clientId": "client", "clientSecret": "hunter2", "clientSecretExpiresAt": 1_772_323_200,
        })))
        .answers(json_answer(200, &json!({
            "deviceCode": "hunter2-device", "userCode": "ABCD-EFGH", "verificationUri": "https://device.sso/",
            "verificationUriComplete": "https://device.sso/?user_code=ABCD-EFGH", "expiresIn": 600, "interval": 1,
        })))
        .answers(json_refusal(400, "AuthorizationPendingException"))
        .answers(json_refusal(400, "SlowDownException"))
        .answers(token("first"))
        .answers(role_credentials());
    let method = sso(json!({}));
    let cx = world.context();
    let out = authenticate(&method, &cx, None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_key_id.expose(), "ASIASSO");
    assert_eq!(out.session.account_id.as_deref(), Some("123456789012"));
    assert!(!out.narrowed.expect("it is said").is_narrowed());
    assert_eq!(world.sleeps(), [1, 1, 6].map(Duration::from_secs));
    let told = world.told().join("\n");
    assert!(told.contains("https://device.sso/?user_code=ABCD-EFGH") && told.contains("ABCD-EFGH"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(
        paths(&world),
        ["client/register", "device_authorization", "token", "token", "token", "federation/credentials"]
    );
    let sent = world.sent();
    assert_eq!(sent[0].origin(), "https://oidc.us-east-1.amazonaws.com");
    assert_eq!(sent[5].origin(), "https://portal.sso.us-east-1.amazonaws.com");
    assert!(
        sent[5].url().contains("role_name=Developer") && sent[5].url().contains("account_id=123456789012")
    );
    assert!(sent[5].headers().contains(&("x-amz-sso_bearer_token".to_owned(), "hunter2-first".to_owned())));
    assert_eq!(bodies(&world)[1]["startUrl"], PORTAL);
    assert_eq!(bodies(&world)[4]["deviceCode"], "hunter2-device");
    assert!(kept(&world).contains("hunter2-first-refresh"));

    // While it is good, it is taken.
    let world = world.answers(role_credentials());
    authenticate(&method, &cx, None, None).await.expect("a session");
    assert_eq!(world.sent().len(), 7);

    // With less than five minutes left it is renewed, and nobody is asked.
    world.advance(Duration::from_secs(28_800 - 200));
    let world = world.answers(token("second")).answers(role_credentials());
    authenticate(&method, &cx, None, None).await.expect("a session");
    let body = &bodies(&world)[7];
    assert_eq!(
        (&body["grantType"], &body["refreshToken"]),
        (&json!("refresh_token"), &json!("hunter2-first-refresh"))
    );
    assert!(kept(&world).contains("hunter2-second"));
    assert_eq!(world.told().len(), 2, "nobody was told anything more");
}

/// S32: the end is that of the role's credentials, by the portal's clock.
#[tokio::test]
async fn a_login_of_the_aws_program_is_taken_over() {
    let world = World::new().answers(role_credentials());
    let out =
        authenticate(&sso(login("2026-01-01T08:00:00Z", json!({}))), &world.context(), None, None).await;
    assert_eq!(out.expect("a session").expiry, Expiry::At(start() + Duration::from_secs(3600)));
    assert_eq!(world.sent().len(), 1);
    assert!(world.sent()[0].headers().iter().any(|(_, value)| value == "hunter2-access"));

    let world = World::new().answers(token("renewed")).answers(role_credentials());
    authenticate(&sso(renewable("2025-12-31T00:00:00Z")), &world.context(), None, None)
        .await
        .expect("renewed");
    assert_eq!(paths(&world), ["token", "federation/credentials"]);
    assert!(kept(&world).contains("hunter2-renewed"));

    // A login to another portal is none.
    let other = login("2026-01-01T08:00:00Z", json!({ "startUrl": "https://other.awsapps.com/start" }));
    let error = authenticate(&sso(other), &World::new().context(), None, None).await.expect_err("no login");
    assert_eq!(error.kind(), ErrorKind::Refused);
}

/// A connector that is changed to another portal, or to the same one in another region, keeps the login to
/// the old one: when the change is refused, that is what it goes on with.
#[tokio::test]
async fn a_login_is_kept_for_each_portal() {
    let other = |more: Value| {
        let mut login = renewable("2025-12-31T00:00:00Z");
        let text = login["login"].as_str().expect("a login").replace("d-1234567890", "d-0987654321");
        login["login"] = json!(text);
        let mut config = json!({ "start_url": "https://d-0987654321.awsapps.com/start" });
        merge(&mut config, login);
        merge(&mut config, more);
        sso(config)
    };
    let world = World::new().answers(token("first")).answers(role_credentials());
    let old = sso(renewable("2025-12-31T00:00:00Z"));
    authenticate(&old, &world.context(), None, None).await.expect("a session of the old portal");
    for more in [json!({}), json!({ "sso_region": "eu-west-1" })] {
        let world = world.clone().answers(token("second")).answers(role_credentials());
        authenticate(&other(more), &world.context(), None, None).await.expect("a session of the new portal");
    }
    let names = world.kept_names();
    assert_eq!(names.len(), 3, "{names:?}");
    assert!(names.iter().all(|it| it.len() == 42 && it.bytes().all(|it| it.is_ascii_graphic())), "{names:?}");

    // The old portal's is taken, with and without what may be left out of its URL.
    for url in [PORTAL.to_owned(), format!("{PORTAL}/#/")] {
        let world = world.clone().answers(role_credentials());
        authenticate(&sso(json!({ "start_url": url })), &world.context(), None, None)
            .await
            .expect("a session");
        let sent = world.sent();
        let bearer = ("x-amz-sso_bearer_token".to_owned(), "hunter2-first".to_owned());
        assert!(sent[sent.len() - 1].headers().contains(&bearer));
    }
}

/// Without a person nothing is called, and the error says what to do.
#[tokio::test]
async fn without_a_person_no_login_begins() {
    let world = World::new();
    let error = authenticate(&sso(json!({})), &world.context(), None, None).await.expect_err("nobody");
    assert_eq!((error.kind(), world.sent().len()), (ErrorKind::Refused, 0));
    assert_eq!(
        error.hint(),
        Some("register on a terminal to log in"),
        "nothing is stored that could be verified"
    );
    let error = authenticate(&sso(json!({})), &world.named("portal"), None, None).await.expect_err("nobody");
    assert!(error.hint().unwrap_or_default().contains("`connector verify portal`"), "{error:?}");

    // A refresh token that is over ends there, too; one that cannot be tried is told as such.
    let world = World::new().answers(json_refusal(400, "InvalidGrantException"));
    let error = authenticate(&sso(renewable("2025-12-31T00:00:00Z")), &world.context(), None, None).await;
    assert_eq!(error.expect_err("over").kind(), ErrorKind::Refused);
    let down = || Error::unreachable("down");
    let world = World::new().fails(down()).fails(down()).fails(down());
    let error = authenticate(&sso(renewable("2025-12-31T00:00:00Z")), &world.context(), None, None).await;
    let error = error.expect_err("down");
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert_silent(&error);
    // What is good for some minutes yet is used when it cannot be renewed.
    let world = World::new().fails(down()).fails(down()).fails(down()).answers(role_credentials());
    authenticate(&sso(renewable("2026-01-01T00:03:00Z")), &world.context(), None, None)
        .await
        .expect("the old one");
}

/// A login that the portal has ended before its time is renewed once.
#[tokio::test]
async fn a_login_that_was_ended_is_renewed() {
    let world = World::new()
        .answers(json_refusal(401, "UnauthorizedException"))
        .answers(token("again"))
        .answers(role_credentials());
    authenticate(&sso(renewable("2026-01-01T08:00:00Z")), &world.context(), None, None)
        .await
        .expect("renewed");
    assert_eq!(paths(&world), ["federation/credentials", "token", "federation/credentials"]);

    let world = World::new().answers(json_refusal(403, "ForbiddenException"));
    let error = authenticate(&sso(renewable("2026-01-01T08:00:00Z")), &world.context(), None, None).await;
    let error = error.expect_err("not assigned");
    assert!(error.message().contains("may not use this account and role"), "{error}");
    assert_silent(&error);
}

/// The wait for a person has an end, and a refusal in the browser is told.
#[tokio::test]
async fn nobody_confirms_or_somebody_declines() {
    let begin = || {
        World::new()
            .person([])
            .answers(json_answer(200, &json!({ "clientId": "c", "clientSecret": "s" })))
            .answers(json_answer(200, &json!({
                "deviceCode": "d", "userCode": "u", "verificationUri": "https://device.sso/", "expiresIn": 12, "interval": 5,
            })))
    };
    let pending = || json_refusal(400, "AuthorizationPendingException");
    let world = begin().answers(pending()).answers(pending());
    let error = authenticate(&sso(json!({})), &world.context(), None, None).await.expect_err("nobody");
    assert!(error.message().contains("nobody confirmed the code in time"), "{error}");
    assert_eq!(world.sleeps(), [5, 5].map(Duration::from_secs));
    let world = begin().answers(json_refusal(400, "AccessDeniedException"));
    let error = authenticate(&sso(json!({})), &world.context(), None, None).await.expect_err("declined");
    assert!(error.message().contains("declined"), "{error}");
}

/// What is sent for a credential is told, without the token.
#[test]
fn the_plan_is_the_one_call() {
    let world = World::new();
    let cx = world.context();
    let steps = sso(json!({})).plan(&connector_core::Call::new(&cx, None), None).expect("a plan");
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].call, "sso:GetRoleCredentials");
    let value =
        |name: &str| steps[0].parameters.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    assert_eq!(value("account_id"), Some("123456789012"));
    assert_eq!(value("x-amz-sso_bearer_token"), Some("[HIDDEN]"));
}
