use connector_core::{AuthMethod, ErrorKind, Expiry, Narrowed, format_time};
use serde_json::{Value, json};

use super::bucket;
use crate::auth::Oauth2Token;
use crate::testing::{
    CANARY, EMAIL, PROJECT, STS_URL, World, api_refusal, assert_silent, authenticate, call, field, form,
    json_answer, method, oauth_refusal, public, token, with,
};

fn stored(more: Value) -> Oauth2Token {
    method(with(json!({ "project_id": PROJECT, "token": "hunter2-token" }), more))
}

fn ending(seconds: u64) -> Value {
    json!({ "expires_at": format_time(World::after(seconds)) })
}

/// S37, C25: it is handed on without a call until its own end, and after that nothing is asked and nothing issued.
#[tokio::test]
async fn s37_it_ends_when_it_ends() {
    let world = World::new();
    let account = stored(with(ending(600), json!({ "service_account_email": EMAIL })));
    let out = authenticate(&account, &world.context(), None, None).await.expect("a session");
    assert_eq!(out.expiry, Expiry::At(World::after(600)));
    assert_eq!(account.expires_at(), Some(World::after(600)));
    let issued = out.session.credential();
    assert_eq!(issued.access_token.expose(), "hunter2-token");
    assert_eq!((issued.account.as_deref(), issued.project_id.as_deref()), (Some(EMAIL), Some(PROJECT)));
    assert!(matches!(out.narrowed, Some(Narrowed::No(_))));
    assert_eq!(account.plan(&call(&account, &world.context(), None), None).expect("a plan"), []);

    for (seconds, narrowing) in [(0, None), (0, Some(bucket()))] {
        let error = authenticate(&stored(ending(seconds)), &world.context(), None, narrowing.as_ref()).await;
        let error = error.expect_err("it has ended");
        assert_eq!(error.kind(), ErrorKind::Expired);
        assert!(error.hint().unwrap_or_default().contains("update the connector"));
        assert_silent(&error);
    }
    assert_eq!(world.sent().len(), 0);
}

/// C24, C25: narrowed by one call, to an end that is never later than its own.
#[tokio::test]
async fn c25_narrowed_by_one_call() {
    let silent = json_answer(200, &json!({ "access_token": "narrow" }));
    for (more, answer, end) in [
        (ending(600), silent, 600),
        (ending(600), token("narrow", 3599), 600),
        (ending(600), token("narrow", 300), 300),
    ] {
        let world = World::new().answers(answer);
        let cx = world.context();
        let account = stored(more);
        let out = authenticate(&account, &cx, None, Some(&bucket())).await.expect("a session");
        assert_eq!(world.lines(), [format!("POST {STS_URL}")]);
        assert_eq!(field(&form(&world, 0), "subject_token"), Some("hunter2-token"));
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
        assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
        let steps = account.plan(&call(&account, &cx, None), Some(&bucket())).expect("a plan");
        assert_eq!((steps.len(), field(&steps[0].parameters, "subject_token")), (1, Some("[HIDDEN]")));
    }
}

/// A token that cannot be narrowed is an error that says why that may be; it is not handed on as it is.
#[tokio::test]
async fn c24_what_cannot_be_narrowed_is_not_handed_on() {
    let insufficient = json!({ "reason": "ACCESS_TOKEN_SCOPE_INSUFFICIENT" });
    for answer in [
        oauth_refusal(400, "invalid_grant", "Invalid token"),
        oauth_refusal(400, "invalid_request", "Invalid token"),
        oauth_refusal(400, "invalid_scope", "The subject token must have the scope"),
        api_refusal(403, "PERMISSION_DENIED", &insufficient),
    ] {
        let world = World::new().answers(answer);
        let error = authenticate(&stored(ending(600)), &world.context(), None, Some(&bucket())).await;
        let error = error.expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.message().contains("cannot be narrowed"), "{error}");
        assert!(error.hint().unwrap_or_default().contains("cloud-platform"), "{error:?}");
        assert_silent(&error);
    }
}

fn told(more: Value) -> connector_core::Response {
    let scope = "openid https://www.googleapis.com/auth/cloud-platform";
    json_answer(
        200,
        &with(json!({ "azp": "x", "aud": "x", "scope": scope, "expires_in": "900", "email": EMAIL }), more),
    )
}

/// S37: without an end in the config Google is asked, which tells whose it is too. The token is in no URL.
#[tokio::test]
async fn s37_google_is_asked_when_it_ends() {
    for (more, answer, account, end) in [
        (json!({}), told(json!({})), Some(EMAIL), 900),
        (json!({}), told(json!({ "expires_in": 900, "email": null })), None, 900),
        (json!({ "service_account_email": "own@x.example" }), told(json!({})), Some("own@x.example"), 900),
    ] {
        let world = World::new().answers(answer);
        let out = authenticate(&stored(more), &world.context(), None, None).await.expect("a session");
        assert_eq!(world.lines(), ["POST https://oauth2.googleapis.com/tokeninfo"]);
        assert_eq!(public(&form(&world, 0), &[]), [("access_token", "hunter2-token")]);
        assert_eq!(out.expiry, Expiry::At(World::after(end)));
        assert_eq!(out.session.credential().account.as_deref(), account);
    }
    // The connector's own place is asked, and what stands there may not tell.
    for answer in [
        connector_core::Response::new(404, Vec::new(), CANARY.into()),
        json_answer(200, &json!({ "expires_in": CANARY })),
        json_answer(200, &json!([CANARY])),
    ] {
        let world = World::new().answers(answer);
        let account = stored(json!({ "endpoint_url": "http://127.0.0.1:9" }));
        let out = authenticate(&account, &world.context(), None, None).await.expect("a session");
        assert!(matches!(out.expiry, Expiry::Never(why) if why.contains("`expires_at`")));
        assert_eq!(world.lines(), ["POST http://127.0.0.1:9/tokeninfo"]);
    }
    let world = World::new().answers(oauth_refusal(400, "invalid_token", "Invalid Value"));
    let error = authenticate(&stored(json!({})), &world.context(), None, None).await.expect_err("ended");
    assert_eq!(error.kind(), ErrorKind::Expired);
    for part in ["update the connector", "Security Token Service", "`expires_at`"] {
        assert!(error.hint().unwrap_or_default().contains(part), "{error:?}");
    }
    assert_silent(&error);
    let trouble = || connector_core::Response::new(503, Vec::new(), CANARY.into());
    let world = World::new().answers(trouble()).answers(trouble()).answers(trouble());
    let error = authenticate(&stored(json!({})), &world.context(), None, None).await.expect_err("trouble");
    assert!(error.is_transient() && error.hint().unwrap_or_default().contains("`expires_at`"), "{error:?}");
    assert_silent(&error);
}

/// A token that is known to lack cloud-platform is handed on as it is, and says so; one that has it is narrowed.
#[tokio::test]
async fn c24_a_token_of_other_scopes_is_handed_on_and_says_so() {
    let less = told(json!({ "scope": "https://www.googleapis.com/auth/devstorage.read_only openid" }));
    let world = World::new().answers(less);
    let out = authenticate(&stored(json!({})), &world.context(), None, Some(&bucket())).await;
    let out = out.expect("a session");
    assert!(matches!(&out.narrowed, Some(Narrowed::No(why)) if why.contains("cloud-platform")), "{out:?}");
    assert_eq!((out.session.credential().access_token.expose(), world.sent().len()), ("hunter2-token", 1));

    let silent = json_answer(200, &json!({ "access_token": "narrow" }));
    let world = World::new().answers(told(json!({}))).answers(silent);
    let out = authenticate(&stored(json!({})), &world.context(), None, Some(&bucket())).await;
    let out = out.expect("a session");
    assert_eq!(out.expiry, Expiry::At(World::after(900)));
    assert!(matches!(out.narrowed, Some(Narrowed::By(_))));
}

/// What is no token is told when it is stored.
#[test]
fn what_is_no_token_is_refused() {
    let long = "x".repeat(20_000);
    for (token, says) in [
        ("", "empty"),
        ("hunter2 x", "blanks"),
        ("hunter2\n", "line ends"),
        (long.as_str(), "empty, or"),
        ("-----BEGIN PRIVATE KEY-----\nhunter2", "`service-account`"),
    ] {
        let config = json!({ "project_id": PROJECT, "token": token });
        let problems = serde_json::from_value::<Oauth2Token>(config).expect("a config").check();
        assert_eq!((problems.len(), problems[0].field.as_str()), (1, "token"), "{problems:?}");
        assert!(problems[0].message.contains(says), "{problems:?}");
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
    let config = json!({ "token": "t" });
    let problems = serde_json::from_value::<Oauth2Token>(config).expect("a config").check();
    assert_eq!(problems[0].field, "project_id");
}
