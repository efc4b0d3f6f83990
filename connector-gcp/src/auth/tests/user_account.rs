use connector_core::{AuthMethod, ErrorKind, Expiry, Narrowed};
use serde_json::{Value, json};

use super::bucket;
use crate::auth::UserAccount;
use crate::testing::{
    CANARY, PROJECT, STS_URL, TOKEN_URL, World, assert_silent, authenticate, call, field, form, header,
    key_file, login_file, method, oauth_refusal, public, token, with,
};

pub(super) fn taken_over(file: &Value, more: Value) -> UserAccount {
    method(with(json!({ "project_id": PROJECT, "user_account_json": file.to_string() }), more))
}

/// S2, S35: a login that gcloud made is renewed by one call, and nobody is asked for anything.
#[tokio::test]
async fn s35_a_login_is_taken_over() {
    let world = World::new().answers(token("ya29.me", 3599)).answers(token("narrow", 3000));
    let cx = world.named("me");
    let account = taken_over(&login_file(), json!({}));
    let out = authenticate(&account, &cx, None, Some(&bucket())).await.expect("a session");
    assert_eq!(world.lines(), [format!("POST {TOKEN_URL}"), format!("POST {STS_URL}")]);
    let form = form(&world, 0);
    let expected = [
        ("grant_type", "refresh_token"),
        ("client_id", "gcloud-client"),
        ("client_secret", "hunter2-client"),
        ("refresh_token", "hunter2-refresh"),
    ];
    assert_eq!(public(&form, &[]), expected);
    assert_eq!(out.expiry, Expiry::At(World::after(3000)));
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
    assert_eq!(out.session.credential().account.as_deref(), Some("me@example.org"));
    assert_eq!(world.kept_names().len() + world.asked().len() + world.told().len(), 0);
    let steps = account.plan(&call(&account, &cx, None), Some(&bucket())).expect("a plan");
    assert_eq!(steps.iter().map(|it| it.call).collect::<Vec<_>>(), ["oauth2:token", "sts:token"]);
    let shown: Vec<_> =
        steps[0].parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(shown, public(&form, &["client_secret", "refresh_token"]));
    assert!(!format!("{steps:?} {account:?}").contains(CANARY));
}

/// A login through a workforce pool is renewed at the Security Token Service, which knows the client by a header.
#[tokio::test]
async fn a_workforce_login_is_taken_over() {
    let file = json!({
        "type": "external_account_authorized_user", "client_id": "id", "client_secret": "secret",
        "refresh_token": "hunter2-refresh", "token_url": "https://sts.googleapis.com/v1/oauthtoken",
        "audience": "//iam.googleapis.com/locations/global/workforcePools/p/providers/x",
    });
    let world = World::new().answers(token("ya29.me", 3599));
    let account = taken_over(&file, json!({}));
    let steps = account.plan(&call(&account, &world.context(), None), None).expect("a plan");
    assert_eq!((steps.len(), steps[0].call), (1, "sts:oauthtoken"));
    let hidden = [("refresh_token", "[HIDDEN]"), ("authorization", "[HIDDEN]")];
    for (name, value) in [[("grant_type", "refresh_token")].as_slice(), &hidden].concat() {
        assert_eq!(field(&steps[0].parameters, name), Some(value));
    }
    let out = authenticate(&account, &world.context(), None, None).await;
    assert_eq!(out.expect("a session").session.credential().account, None);
    assert_eq!(world.lines(), ["POST https://sts.googleapis.com/v1/oauthtoken"]);
    let form = form(&world, 0);
    assert_eq!(public(&form, &[]), [("grant_type", "refresh_token"), ("refresh_token", "hunter2-refresh")]);
    assert_eq!(header(&world.sent()[0], "authorization"), Some("Basic aWQ6c2VjcmV0"));
}

/// C27: a refresh token that came in place of the file's is kept, and used for that file at that endpoint only.
#[tokio::test]
async fn c27_a_rotated_login_is_kept_for_its_file() {
    let file = |refresh: &str, url: &str| {
        json!({
            "type": "external_account_authorized_user", "client_id": "id", "client_secret": "secret",
            "refresh_token": refresh, "token_url": url,
        })
    };
    let url = "https://sts.googleapis.com/v1/oauthtoken";
    let rotated = |next: &str| {
        crate::testing::json_answer(
            200,
            &json!({ "access_token": "t", "expires_in": 3599, "refresh_token": next }),
        )
    };
    let world = World::new()
        .answers(rotated("hunter2-second"))
        .answers(rotated("hunter2-second"))
        .answers(token("t", 3599))
        .answers(token("t", 3599));
    for (file, sent) in [
        (file("hunter2-first", url), "hunter2-first"),
        (file("hunter2-first", url), "hunter2-second"),
        (file("hunter2-other", url), "hunter2-other"),
        (file("hunter2-first", "http://127.0.0.1:7/v1/oauthtoken"), "hunter2-first"),
    ] {
        let account = taken_over(&file, json!({}));
        authenticate(&account, &world.named("me"), None, None).await.expect("a session");
        let last = world.forms().pop().expect("a request");
        assert_eq!(field(&last, "refresh_token"), Some(sent));
    }
    let kept = world.kept("rotated-login").expect("kept");
    assert!(!kept.expose().contains("hunter2-first"), "of the file a digest is kept");
}

/// A login that is over is an error that says how to log in again; each reason has its own words.
#[tokio::test]
async fn a_login_that_is_over_says_what_to_do() {
    let rapt = crate::testing::json_answer(
        400,
        &json!({ "error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": CANARY }),
    );
    for (answer, says, hint) in [
        (
            oauth_refusal(400, "invalid_grant", "Token has been expired or revoked."),
            "was revoked",
            "log in again",
        ),
        (rapt, "invalid_rapt", "log in again"),
        (oauth_refusal(400, "invalid_grant", "reauth related error"), "invalid_rapt", "log in again"),
        (oauth_refusal(401, "invalid_client", "Unauthorized"), "client id", "client secrets"),
        (
            oauth_refusal(401, "deleted_client", "The OAuth client was deleted."),
            "client id",
            "client secrets",
        ),
    ] {
        let world = World::new().answers(answer);
        let account = taken_over(&login_file(), json!({}));
        let error = authenticate(&account, &world.context(), None, None).await.expect_err(says);
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::Refused, false), "{error:?}");
        assert!(error.to_string().contains(says), "{error:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert_silent(&error);
    }
}

/// What contradicts itself, is missing, or stands in the wrong field.
#[test]
fn what_contradicts_itself_is_refused() {
    let login = login_file().to_string();
    let client = super::browser::client(&json!({})).to_string();
    for (config, fields) in [
        (json!({ "project_id": PROJECT }), vec!["user_account_json"]),
        (
            json!({ "project_id": PROJECT, "user_account_json": login, "client_secrets_json": client }),
            vec!["client_secrets_json"],
        ),
        (json!({ "project_id": PROJECT, "user_account_json": login, "scopes": ["openid"] }), vec!["scopes"]),
        (json!({ "project_id": PROJECT, "user_account_json": login, "flow": "device" }), vec!["flow"]),
        (json!({ "project_id": PROJECT, "user_account_json": login, "flow": "browser" }), vec!["flow"]),
        (json!({ "user_account_json": login }), vec!["project_id"]),
        (json!({ "project_id": PROJECT, "user_account_json": client }), vec!["user_account_json"]),
        (json!({ "project_id": PROJECT, "client_secrets_json": login }), vec!["client_secrets_json"]),
        (
            json!({ "project_id": PROJECT, "user_account_json": key_file().to_string() }),
            vec!["user_account_json"],
        ),
    ] {
        let problems = serde_json::from_value::<UserAccount>(config).expect("a config").check();
        let found: Vec<_> = problems.iter().map(|it| it.field.as_str()).collect();
        assert_eq!(found, fields, "{problems:?}");
        assert!(!format!("{problems:?}").contains(CANARY));
    }
}

/// A `flow` beside a login that is there already is told with what to do, also when it is the usual one.
#[test]
fn a_flow_without_a_login_to_make_is_told_with_what_to_do() {
    for flow in ["browser", "device"] {
        let login = login_file().to_string();
        let config = json!({ "project_id": PROJECT, "user_account_json": login, "flow": flow });
        let problems = serde_json::from_value::<UserAccount>(config).expect("a config").check();
        let [problem] = &problems[..] else { panic!("one fault: {problems:?}") };
        let text = format!("{problem:?}");
        assert!(text.contains("made already") && text.contains("leave `flow` out"), "{text}");
        let client = super::browser::client(&json!({}));
        let scopes = json!({ "flow": flow, "scopes": ["https://www.googleapis.com/auth/userinfo.email"] });
        assert_eq!(super::browser::logging_in(&client, scopes).check(), []);
    }
}

/// S9: the catalogue says where the file of a client comes from.
#[test]
fn s9_it_is_told_where_client_secrets_come_from() {
    let schema = schemars::schema_for!(UserAccount).to_value();
    let told = schema["properties"]["client_secrets_json"]["description"].as_str().unwrap_or_default();
    for part in ["OAuth client ID", "Desktop app", "Download JSON"] {
        assert!(told.contains(part), "{told}");
    }
}
