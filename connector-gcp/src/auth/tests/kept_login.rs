//! S47: the login that a connector made is kept, and used again where it is the same one.

use connector_core::ErrorKind;
use serde_json::{Value, json};

use super::browser::{client, declined, logging_in, login, with_code};
use crate::auth::UserAccount;
use crate::testing::{
    USUAL, World, assert_silent, authenticate, field, form, json_answer, oauth_refusal, token,
};

fn account(more: Value) -> UserAccount {
    logging_in(&client(&json!({})), more)
}

/// A world in which a login was made, by two requests.
async fn logged_in() -> World {
    let world = World::new().person([]).returns(with_code).answers(login(USUAL)).answers(token("one", 3599));
    authenticate(&account(json!({})), &world.named("me"), None, None).await.expect("a session");
    assert_eq!(world.sent().len(), 2);
    world
}

/// The next token is one call, whether a person is there or not.
#[tokio::test]
async fn s47_a_kept_login_is_used_again() {
    let world = logged_in().await.answers(token("two", 3599));
    let told = world.told().len();
    let out = authenticate(&account(json!({})), &world.named("me"), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_token.expose(), "two");
    assert_eq!((world.sent().len(), world.told().len()), (3, told));
    assert_eq!(field(&form(&world, 2), "refresh_token"), Some("hunter2-refresh"));
}

/// C27: a login with another client, from another endpoint, or for other scopes, is not used; nor is what is no login.
#[tokio::test]
async fn c27_another_login_is_not_used() {
    let other = client(&json!({ "client_id": "other-client" }));
    let reading = json!({ "scopes": ["https://www.googleapis.com/auth/devstorage.read_only"] });
    // The connector was updated: whoever answers there is not shown what Google gave.
    let elsewhere = json!({ "endpoints": { "oauth2": "https://oauth.corp.example" } });
    for next in [logging_in(&other, json!({})), account(reading), account(elsewhere)] {
        let world = logged_in().await.returns(declined);
        let error = authenticate(&next, &world.named("me"), None, None).await.expect_err("a new login");
        assert!(error.message().contains("declined"), "a browser was opened: {error}");
        assert_eq!(world.sent().len(), 2, "the kept login was not used");
    }
    let before = r#"{"client_id":"own-client","refresh_token":"hunter2","scopes":["x"]}"#;
    for kept in [before, "", "null", "{}", r#"{"client_id":"own-client"}"#, "hunter2"] {
        use connector_core::Kept;
        let world = World::new();
        world.keep("id-of-me", "login", kept.into()).await.expect("kept");
        let error = authenticate(&account(json!({})), &world.named("me"), None, None).await;
        let error = error.expect_err("nobody is there");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 0);
    }
}

/// A login that is over is made anew where a person is there; the new one takes its place.
#[tokio::test]
async fn a_login_that_is_over_is_made_anew() {
    let over = || oauth_refusal(400, "invalid_grant", "Token has been expired or revoked.");
    let new = json_answer(200, &json!({ "access_token": "x", "refresh_token": "second", "scope": USUAL }));
    let world = logged_in().await.returns(with_code).answers(over()).answers(new).answers(token("two", 3599));
    let out = authenticate(&account(json!({})), &world.named("me"), None, None).await.expect("a session");
    assert_eq!(out.session.credential().access_token.expose(), "two");
    assert_eq!(world.sent().len(), 5);
    assert_eq!(field(&form(&world, 4), "refresh_token"), Some("second"));
    let kept = world.kept("login").expect("a login");
    assert!(kept.expose().contains("second") && !kept.expose().contains("hunter2-refresh"));
}

/// Where nobody is there, a login that is over is an error that says how to log in, and why it has to be.
#[tokio::test]
async fn without_a_person_a_login_that_is_over_says_so() {
    let kept = logged_in().await.kept("login").expect("a login");
    for (description, why) in [("Token has been expired or revoked.", "revoked"), ("reauth", "invalid_rapt")]
    {
        use connector_core::Kept;
        let world = World::new().answers(oauth_refusal(400, "invalid_grant", description));
        world.keep("id-of-me", "login", kept.clone()).await.expect("kept");
        let error = authenticate(&account(json!({})), &world.named("me"), None, None).await;
        let error = error.expect_err("nobody is there");
        assert_eq!(error.kind(), ErrorKind::Refused);
        assert!(error.hint().unwrap_or_default().contains("`connector verify me`"), "{error:?}");
        assert!(error.to_string().contains(why), "{error:?}");
        assert_silent(&error);
        assert_eq!(world.sent().len(), 1);
        assert!(world.kept("login").is_some(), "it may still be good for who logs in elsewhere");
    }
}

/// Trouble on the other side is no reason to log in anew.
#[tokio::test]
async fn trouble_is_no_reason_to_log_in_anew() {
    let trouble = || connector_core::Response::new(503, Vec::new(), b"hunter2".to_vec());
    let world = logged_in().await.answers(trouble()).answers(trouble()).answers(trouble());
    let told = world.told().len();
    let error = authenticate(&account(json!({})), &world.named("me"), None, None).await.expect_err("trouble");
    assert!(error.is_transient() && error.kind() == ErrorKind::Unreachable, "{error:?}");
    assert_eq!((world.sent().len(), world.told().len()), (5, told));
    assert_silent(&error);
}
